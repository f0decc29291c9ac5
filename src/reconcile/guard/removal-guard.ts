import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { type Because, type EvidenceView, explainRemoval, type Sightings } from '../../plan/evidence.ts';
import type { Held } from '../../plan/finding.ts';
import { isTripped, judge, removalLimit, type Verdict } from '../../plan/guard.ts';
import { nodeRemoval } from '../../plan/node-removal.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { createdAtOf, groupOf, isInService } from '../../plan/renewal.ts';
import type { GuardOptions } from './guard-options.ts';
import { Inquiry } from './inquiry.ts';
import { Renewals } from './renewals.ts';
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
  /** Nodes of ours in Consul now. */
  readonly nodes: () => Iterable<ObservedNode>;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
}

export interface Reviewed {
  /** What may be written now. */
  readonly changes: readonly Change[];
  readonly held: readonly Held[];
}

/** For how long what may stand for something missing is gathered before it is weighed, ms. */
const weighMs = 250;

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
  readonly #inquiry: Inquiry;
  readonly #renewals: Renewals;
  readonly #settling = new Map<ConsulNodeName, Disposable>();
  /** When removals were let through without an explanation, within the window. */
  #passed: number[] = [];
  /** Instances registered when the first of what waits appeared. */
  #baseline = 0;
  #isHolding = false;
  #expiry: Disposable | undefined;
  #weighing: Disposable | undefined;

  constructor(options: RemovalGuardOptions) {
    this.#deps = options;
    this.#inquiry = new Inquiry({
      ...options,
      room: this.#waiting,
      onAnswered: (question) => this.#answered(question),
    });
    this.#renewals = new Renewals({ ...options, windowMs: options.options.window });
  }

  /** The changes of a node without the removals that have to wait. */
  review(node: ConsulNodeName, changes: readonly Change[], observed: ObservedNode | undefined): Reviewed {
    const asked = new Set<InstanceId>();
    const reviewed: Change[] = [];
    const held: Held[] = [];
    const rule = (on: ObservedNode, instance: ObservedInstance): Because | undefined => {
      asked.add(instance.id);
      const verdict = this.#verdict(on, instance);
      if (verdict.kind === 'hold') {
        const { id, service } = instance;
        held.push({ kind: 'held', what: 'removal', node, instance: id, service, because: verdict.because });
      }
      return verdict.kind === 'pass' ? verdict.because : undefined;
    };
    for (const change of changes) {
      if (change.kind === 'delete-node' && observed !== undefined) {
        reviewed.push(...nodeRemoval(change, observed, (each) => rule(observed, each)));
      } else if (change.kind === 'delete-instance') {
        const instance = observed?.instances.get(change.instance);
        const because = observed && instance && rule(observed, instance);
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

  /** Changes were committed: what they brought may stand where something is missed. */
  settled(): void {
    if (!this.#waiting.isEmpty) this.#weighLater();
  }

  /** Reads what waits a second time, until the signal aborts; then resolves. */
  run(signal: AbortSignal): Promise<void> {
    return this.#inquiry.run(signal);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#settling.values()) timer[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    this.#weighing?.[Symbol.dispose]();
  }

  #verdict(on: ObservedNode, instance: ObservedInstance): Verdict {
    const { view, seen, clock, options } = this.#deps;
    const evidence = explainRemoval(instance, view, seen);
    const { id, service } = instance;
    const { name: node } = on;
    let removal = this.#waiting.get(node, id);
    if (evidence.kind === 'explained') return { kind: 'pass', because: evidence.because };
    if (!options.removals.enabled) return { kind: 'pass', because: 'confirmed' };
    const now = clock.now();
    // What a DELETED event told of may have finished; that is quickly found out, and is no reason to wait.
    const due = evidence.sign === 'deleted' ? now : now + options.settle;
    if (removal === undefined) {
      if (this.#waiting.isEmpty) this.#baseline = this.#registered();
      const place = { node, instance: id, service, sign: evidence.sign, since: now };
      const kin = { group: groupOf(instance), createdAt: createdAtOf(instance) };
      const isFound = { inService: isInService(on, instance) };
      removal = this.#waiting.add({ ...place, ...kin, ...isFound }, evidence.subject, due);
      this.#settleLater(node);
      this.#weighLater();
    } else {
      removal.sign = evidence.sign;
      this.#waiting.ask(removal, evidence.subject, due);
    }
    this.#inquiry.wake();
    const { released, renewal, question, since } = removal;
    if (removal.passed) {
      return { kind: 'pass', because: released ? 'released' : renewal ? 'renewed' : 'confirmed' };
    }
    const settled = now - since >= options.settle;
    const state = { released, renewal, look: question?.answer, hasSubject: question !== undefined, settled };
    const verdict = judge(state, this.#isTripped());
    if (verdict.kind === 'pass' && (verdict.because === 'confirmed' || verdict.because === 'renewed')) {
      this.#waiting.pass(removal);
      if (verdict.because === 'confirmed') this.#passed.push(now);
    }
    return verdict;
  }

  #registered(): number {
    let count = 0;
    for (const { instances } of this.#deps.nodes()) count += instances.size;
    return count;
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

  /** What replaces what is weighed once for all that happens within a moment: it costs a look at every instance. */
  #weighLater(): void {
    this.#weighing ??= this.#deps.clock.schedule(weighMs, () => {
      this.#weighing = undefined;
      this.#weigh();
    });
  }

  #weigh(): void {
    for (const { node } of this.#renewals.weigh(this.#waiting)) this.#deps.touch(node);
  }

  #answered({ removals }: Question): void {
    this.#weighLater();
    for (const { node } of removals) this.#deps.touch(node);
  }
}
