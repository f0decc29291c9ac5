import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import type { Change, DeleteNode } from '../../plan/change.ts';
import {
  type Because,
  type EvidenceView,
  explainRemoval,
  type Sightings,
  type Subject,
} from '../../plan/evidence.ts';
import type { Held } from '../../plan/finding.ts';
import { isTripped, judge, type Look, removalLimit, type Verdict } from '../../plan/guard.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import type { GuardOptions } from './guard-options.ts';
import type { SecondLook } from './second-look.ts';
import { type Question, WaitingRoom } from './waiting-room.ts';

export interface RemovalGuardOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: GuardOptions;
  readonly view: EvidenceView;
  readonly seen: Sightings;
  readonly look: Pick<SecondLook, 'at' | 'atPods'>;
  /** Instances of ours in Consul now. */
  readonly registered: () => number;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
}

export interface Reviewed {
  /** What may be written now. */
  readonly changes: readonly Change[];
  readonly held: readonly Held[];
}

/** More pods than this are read by one list instead of one by one. */
const manyPods = 20;
/** Second reads under way at once. */
const parallel = 4;

type PodSubject = Extract<Subject, { kind: 'pod' }>;

/**
 * Lets explained removals through and looks into the others: each is confirmed by a second, consistent read,
 * and when more are wanted than may go within a window, none goes. See plan/guard.ts for the rules.
 *
 * Level-triggered: what waits is what was asked for at the last review of its node, and is forgotten when it
 * is not asked for any more.
 */
export class RemovalGuard implements Disposable {
  readonly #deps: RemovalGuardOptions;
  readonly #waiting = new WaitingRoom();
  readonly #settling = new Map<ConsulNodeName, Disposable>();
  /** When removals were let through without an explanation, within the window. */
  #passed: number[] = [];
  /** Instances registered when the first of what waits appeared. */
  #baseline = 0;
  #isHolding = false;
  #expiry: Disposable | undefined;
  #wake: (() => void) | undefined;

  constructor(options: RemovalGuardOptions) {
    this.#deps = options;
  }

  /** The changes of a node without the removals that have to wait. */
  review(node: ConsulNodeName, changes: readonly Change[], observed: ObservedNode | undefined): Reviewed {
    const asked = new Set<InstanceId>();
    const reviewed: Change[] = [];
    const held: Held[] = [];
    const rule = (instance: ObservedInstance): Because | undefined => {
      asked.add(instance.id);
      const verdict = this.#verdict(node, instance);
      if (verdict.kind === 'hold') {
        const { id, service } = instance;
        held.push({ kind: 'held', what: 'removal', node, instance: id, service, because: verdict.because });
      }
      return verdict.kind === 'pass' ? verdict.because : undefined;
    };
    for (const change of changes) {
      if (change.kind === 'delete-node' && observed !== undefined) {
        reviewed.push(...deletionOf(change, observed, rule));
      } else if (change.kind === 'delete-instance') {
        const instance = observed?.instances.get(change.instance);
        const because = instance && rule(instance);
        if (because !== undefined) reviewed.push({ ...change, because });
      } else reviewed.push(change);
    }
    this.#waiting.retain(node, asked);
    this.#watchHolding(held);
    return { changes: reviewed, held };
  }

  /** A person lets go what `selected` says; returns how many removals that were. */
  release(selected: (held: Pick<Held, 'node' | 'service'>) => boolean): number {
    let count = 0;
    for (const removal of this.#waiting.all()) {
      if (removal.released || removal.passed || !selected(removal)) continue;
      this.#waiting.release(removal);
      this.#deps.touch(removal.node);
      count += 1;
    }
    return count;
  }

  /** Reads what waits a second time, until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    try {
      for (;;) {
        const next = this.#nextDue();
        const wait = next === undefined ? undefined : next - clock.now();
        if (wait === undefined || wait > 0) await this.#woken(wait, signal);
        else await this.#lookAround(signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#settling.values()) timer[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
  }

  #verdict(node: ConsulNodeName, instance: ObservedInstance): Verdict {
    const { view, seen, clock, options } = this.#deps;
    const evidence = explainRemoval(instance, view, seen);
    const { id, service } = instance;
    let removal = this.#waiting.get(node, id);
    if (evidence.kind === 'explained') return { kind: 'pass', because: evidence.because };
    if (!options.removals.enabled) return { kind: 'pass', because: 'confirmed' };
    const now = clock.now();
    // What a DELETED event told of may have finished; that is quickly found out, and is no reason to wait.
    const due = evidence.sign === 'deleted' ? now : now + options.settle;
    if (removal === undefined) {
      if (this.#waiting.isEmpty) this.#baseline = this.#deps.registered();
      removal = this.#waiting.add({ node, instance: id, service, since: now }, evidence.subject, due);
      this.#settleLater(node);
      this.#wake?.();
    } else {
      this.#waiting.ask(removal, evidence.subject, due);
      this.#wake?.();
    }
    if (removal.passed) return { kind: 'pass', because: removal.released ? 'released' : 'confirmed' };
    const { released, question, since } = removal;
    const settled = now - since >= options.settle;
    const state = { released, look: question?.answer, hasSubject: question !== undefined, settled };
    const verdict = judge(state, this.#isTripped());
    if (verdict.kind === 'pass' && verdict.because === 'confirmed') {
      this.#waiting.pass(removal);
      this.#passed.push(now);
    }
    return verdict;
  }

  #isTripped(): boolean {
    const { clock, options } = this.#deps;
    const since = clock.now() - options.window;
    this.#passed = this.#passed.filter((at) => at > since);
    const count = { waiting: this.#waiting.counted, passed: this.#passed.length, registered: this.#baseline };
    return isTripped(count, options.removals);
  }

  /** Says once that removals are held, and looks at them again when they need not be any more. */
  #watchHolding(held: readonly Held[]): void {
    const { clock, logger, options, touch } = this.#deps;
    const tripped = this.#isTripped();
    if (!this.#isHolding && tripped && held.some(({ because }) => because === 'limit')) {
      this.#isHolding = true;
      logger.warn(
        'instances are gone without an explanation, more than may be at once; they stay registered',
        {
          reason: 'RemovalHeld',
          unexplained: this.#waiting.counted,
          limit: removalLimit(this.#baseline, options.removals),
          registered: this.#baseline,
          ...(this.#passed.length === 0 ? {} : { removedBefore: this.#passed.length }),
          hint: 'they go when their number falls, or by kube-registrar release --all; see docs/safety.md',
        },
      );
    }
    if (this.#isHolding && !tripped) {
      this.#isHolding = false;
      logger.info('unexplained removals are no longer held for their number', {
        reason: 'RemovalReleased',
        unexplained: this.#waiting.counted,
      });
      for (const node of this.#waiting.nodes()) touch(node);
    }
    const [oldest] = this.#passed;
    if (this.#isHolding && oldest !== undefined && this.#expiry === undefined) {
      this.#expiry = clock.schedule(oldest + options.window - clock.now(), () => {
        this.#expiry = undefined;
        for (const node of this.#waiting.nodes()) touch(node);
      });
    }
  }

  #settleLater(node: ConsulNodeName): void {
    const { clock, options, touch } = this.#deps;
    this.#settling.get(node)?.[Symbol.dispose]();
    const timer = clock.schedule(options.settle, () => {
      this.#settling.delete(node);
      touch(node);
    });
    this.#settling.set(node, timer);
  }

  #nextDue(): number | undefined {
    let next: number | undefined;
    for (const { due } of this.#waiting.questions()) {
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  async #lookAround(signal: AbortSignal): Promise<void> {
    const { clock, look } = this.#deps;
    const now = clock.now();
    const open = [...this.#waiting.questions()].filter(({ due }) => due !== undefined);
    const pods = open.filter(isOfPod);
    const isMany = pods.length > manyPods;
    if (isMany) {
      const lookOf = await look.atPods(
        pods.map(({ subject }) => subject),
        signal,
      );
      for (const question of pods) this.#answered(question, lookOf(question.subject));
    }
    const single = open.filter(
      (each) => each.due !== undefined && each.due <= now && !(isMany && isOfPod(each)),
    );
    await inParallel(single, parallel, async (question) =>
      this.#answered(question, await look.at(question.subject, signal)),
    );
  }

  #answered(question: Question, look: Look): void {
    const { clock, random, touch } = this.#deps;
    const isFinal = look.kind === 'agrees' || look.kind === 'explained';
    const backoff = new Backoff({ initialMs: 2_000 * 2 ** Math.min(question.attempts, 5), random });
    this.#waiting.answer(question, look, isFinal ? undefined : clock.now() + backoff.next(1_000));
    for (const { node } of question.removals) touch(node);
  }

  async #woken(ms: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : this.#deps.clock.schedule(ms, resolve);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      this.#wake = undefined;
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

const isOfPod = (question: Question): question is Question & { readonly subject: PodSubject } =>
  question.subject.kind === 'pod';

/** The whole node, when all on it may go; else those of its instances that may. */
function deletionOf(
  change: DeleteNode,
  { instances }: ObservedNode,
  rule: (instance: ObservedInstance) => Because | undefined,
): Change[] {
  const { node } = change;
  const ruled = [...instances.values()].map((instance) => ({ instance, because: rule(instance) }));
  const passed = ruled.flatMap(({ instance: { id, service }, because }) =>
    because === undefined ? [] : [{ kind: 'delete-instance', node, instance: id, service, because } as const],
  );
  if (passed.length < ruled.length) return passed;
  const because = notable.find((each) => passed.some((one) => one.because === each));
  return [because === undefined ? change : { ...change, because }];
}

/** Of several reasons the one that somebody should know of. */
const notable: readonly Because[] = [
  'released',
  'confirmed',
  'service-deleted',
  'replaced',
  'withdrawn',
  'finished',
  'terminating',
];
