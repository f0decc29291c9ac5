import type { ConsistentReads } from '../../kube/consistent-reads.ts';
import type { Clock } from '../../lib/clock.ts';
import { counted } from '../../lib/counted.ts';
import { describe } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { Logger } from '../../logging/logger.ts';
import type { OfInstance } from '../../model/entry-ref.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import type { KubeNodeRecord } from '../../model/kube-node.ts';
import { originOf } from '../../model/origin.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { Change } from '../../plan/change.ts';
import {
  type Because,
  type Evidence,
  type EvidenceView,
  explainRemoval,
  type Sightings,
} from '../../plan/evidence.ts';
import type { Held } from '../../plan/finding.ts';
import { isTripped, judge, removalLimit, type Verdict } from '../../plan/guard.ts';
import { nodeRemoval } from '../../plan/node-removal.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import type { GuardOptions } from './guard-options.ts';
import type { Hold, Reviewed } from './hold.ts';
import { type PendingRemoval, PendingRemovals, type Verification } from './pending-removals.ts';
import { Proofs } from './proofs.ts';
import type { Steadiness } from './steadiness.ts';
import { Verifier } from './verifier.ts';

export interface RemovalGuardOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: GuardOptions;
  readonly view: EvidenceView & {
    readonly pods: { records(): Iterable<PodRecord> };
    readonly kubeNodesSeenSince: number | undefined;
    kubeNode(name: string): KubeNodeRecord | undefined;
  };
  /** Whether nodes and the Leases of their kubelets may be read: not in namespaced mode. */
  readonly readsNodes: boolean;
  readonly seen: Sightings & { readonly historyWentBack: boolean };
  readonly reads: ConsistentReads;
  readonly steadiness: Steadiness;
  /** Whether the API server is to be watched for others, too. */
  readonly isWatched: () => boolean;
  /** This cluster's nodes in Consul now. */
  readonly nodes: () => Iterable<ObservedNode>;
  /** Asks for a node to be reviewed again. */
  readonly touch: (node: ConsulNodeName) => void;
  /** The same after `ms`. */
  readonly touchAfter: (node: ConsulNodeName, ms: number) => void;
}

type Unexplained = Extract<Evidence, { kind: 'unexplained' }>;

/** How often proofs are looked for at most, ms: as often as kubelets renew their Leases. */
const mostProofsEveryMs = 10_000;

/**
 * Lets explained removals through and looks into the others: each is confirmed by a consistent read. When more are
 * wanted than may go within a window, none goes before it is proved or was held long enough. See plan/guard.ts for
 * the rules.
 *
 * Level-triggered: what is pending is what was asked for at the last review of its node, and is forgotten when it is
 * not asked for any more.
 */
export class RemovalGuard implements Hold, Disposable {
  readonly #deps: RemovalGuardOptions;
  readonly #pending = new PendingRemovals();
  readonly #proofs: Proofs;
  readonly #verifier: Verifier;
  readonly #proofsEveryMs: number;
  /** When removals were let through without an explanation, within the window. */
  #passed: number[] = [];
  /** When removals were let through because they were held long enough, within the last step. */
  #over: number[] = [];
  /** Instances registered when the first of what is pending appeared. */
  #baseline = 0;
  #isHolding = false;
  /** When there were too many last. */
  #trippedAt = Number.NEGATIVE_INFINITY;
  #proofsSoughtAt = Number.NEGATIVE_INFINITY;
  /** Registered nodes that were not reviewed since the start. */
  readonly #unreviewed: Set<ConsulNodeName>;
  /** When the last of them was, monotonic ms: then all are counted that were gone before the start. */
  #startReviewedAt: number | undefined;
  #expiry: Disposable | undefined;

  constructor(options: RemovalGuardOptions) {
    this.#deps = options;
    const { kubeletGrace, confirm } = options.options;
    this.#proofsEveryMs = Math.min(mostProofsEveryMs, kubeletGrace / 3, confirm / 4);
    this.#unreviewed = new Set([...options.nodes()].map(({ name }) => name));
    if (this.#unreviewed.size === 0) this.#startReviewedAt = options.clock.now();
    this.#proofs = new Proofs({ ...options, graceMs: kubeletGrace, everyMs: this.#proofsEveryMs });
    this.#verifier = new Verifier({
      ...options,
      pending: this.#pending,
      onAnswered: (verification) => this.#answered(verification),
      proofsDue: () =>
        this.#isTripped() || options.isWatched() ? this.#proofsSoughtAt + this.#proofsEveryMs : undefined,
      findProofs: (signal) => this.#findProofs(signal),
    });
  }

  /** The changes of a node without the removals that have to wait. */
  review(node: ConsulNodeName, changes: readonly Change[], observed: ObservedNode | undefined): Reviewed {
    const asked = new Set<InstanceId>();
    const reviewed: Change[] = [];
    const held: Held[] = [];
    const rule = (instance: ObservedInstance): Because | undefined => {
      asked.add(instance.id);
      const verdict = this.#verdict(node, instance);
      if (verdict.kind === 'hold') held.push(this.#held(node, instance, verdict));
      return verdict.kind === 'pass' ? verdict.because : undefined;
    };
    for (const change of changes) {
      if (change.kind === 'delete-node' && observed !== undefined) {
        reviewed.push(...nodeRemoval(change, observed, rule));
      } else if (change.kind === 'delete-instance') {
        const instance = observed?.instances.get(change.instance);
        const because = instance && rule(instance);
        if (because !== undefined) reviewed.push({ ...change, because });
      } else reviewed.push(change);
    }
    this.#pending.retain(node, asked);
    this.#watchHolding(held);
    this.#watchStart(node);
    return { changes: reviewed, held };
  }

  /** A person releases, or pins, what `selected` says; returns how many removals that were. */
  order(what: 'release' | 'pin', selected: (held: Pick<OfInstance, 'node' | 'service'>) => boolean): number {
    let count = 0;
    for (const removal of this.#pending.all()) {
      if (removal.order === what || removal.passed || !selected(removal)) continue;
      this.#pending.order(removal, what);
      this.#deps.touch(removal.node);
      count += 1;
    }
    return count;
  }

  /** Reads what is pending and what proves it, until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const probing = this.#proofs.probe(signal).catch(() => {});
    await Promise.all([probing, this.#verifier.run(signal)]);
  }

  [Symbol.dispose](): void {
    this.#expiry?.[Symbol.dispose]();
  }

  #verdict(node: ConsulNodeName, instance: ObservedInstance): Verdict {
    const { view, seen, clock, options, touchAfter } = this.#deps;
    const evidence = explainRemoval(instance, view, seen);
    const { id, service, address, meta } = instance;
    if (evidence.kind === 'explained') return { kind: 'pass', because: evidence.because };
    if (!options.removals.enabled) return { kind: 'pass', because: 'confirmed' };
    const { sign, subject } = evidence;
    const now = clock.now();
    let removal = this.#pending.get(node, id);
    const isOfStart = this.#isOfStart(evidence, removal?.since ?? now);
    // After a DELETED event the pod may simply have finished. One read shows that, so it does not wait.
    const due = sign === 'deleted' || isOfStart ? now : now + options.settle;
    if (removal === undefined) {
      if (this.#pending.isEmpty) this.#baseline = this.#registered();
      const kubeNode = originOf(meta).node;
      const place = { node, instance: id, service, kubeNode, address, since: now, sign };
      removal = this.#pending.add({ ...place, isOfOtherHistory: seen.historyWentBack }, subject, due);
    } else {
      this.#pending.sign(removal, sign, due);
      this.#pending.ask(removal, subject, due);
    }
    if (seen.historyWentBack) removal.isOfOtherHistory = true;
    this.#verifier.notify();
    const { order, proof, verification, since, passed } = removal;
    if (passed) return { kind: 'pass', because: order === 'release' ? 'released' : (proof ?? 'confirmed') };
    const tripped = this.#isTripped();
    const isOver = tripped && proof === undefined && this.#isOver(removal, now);
    const countedAt = isOfStart ? this.#startReviewedAt : undefined;
    // What was held may be on its way back, one by one: a few that are left then are not believed at once.
    const settledAt = Math.max(
      countedAt ?? since + options.settle,
      tripped ? since : this.#trippedAt + options.settle,
    );
    const settled = now >= settledAt;
    if (!settled) touchAfter(node, settledAt - now);
    const hasSubject = verification !== undefined;
    const state = { sign, order, answer: verification?.answer, proof, hasSubject, settled, isOver };
    const verdict = judge(state, tripped);
    if (verdict.kind === 'pass' && (verdict.because === 'confirmed' || verdict.because === proof)) {
      this.#pending.pass(removal);
      if (isOver) this.#over.push(now);
      else if (verdict.because === 'confirmed') this.#passed.push(now);
    }
    return verdict;
  }

  /**
   * Whether its pod was gone before the start. The first review of all nodes finds every such removal, so there are no
   * others to wait for after it.
   */
  #isOfStart({ sign, subject }: Unexplained, since: number): boolean {
    const isOfPod = subject?.kind === 'pod' && sign === 'absent' && !this.#deps.seen.historyWentBack;
    return isOfPod && since <= (this.#startReviewedAt ?? since);
  }

  #watchStart(node: ConsulNodeName): void {
    if (!this.#unreviewed.delete(node) || this.#unreviewed.size > 0) return;
    this.#startReviewedAt = this.#deps.clock.now();
    for (const each of this.#pending.nodes()) this.#deps.touch(each);
  }

  #held(node: ConsulNodeName, { id, service }: ObservedInstance, verdict: Verdict & { kind: 'hold' }): Held {
    const { because } = verdict;
    const removal = this.#pending.get(node, id);
    const end = because === 'limit' && removal !== undefined ? this.#endOf(removal) : undefined;
    const until = end === undefined ? undefined : this.#wallOf(end);
    const at = { kind: 'instance', node, instance: id, service } as const;
    return { kind: 'held', by: 'guard', what: 'removal', at, because, until };
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
    const count = { waiting: this.#pending.counted, passed: this.#passed.length, registered: this.#baseline };
    const tripped = isTripped(count, options.removals);
    if (tripped) this.#trippedAt = clock.now();
    return tripped;
  }

  /** When it goes by itself if all stays as it is, monotonic ms; undefined: it does not. */
  #endOf(removal: PendingRemoval): number | undefined {
    const { verification, since } = removal;
    const { release, confirm, maxHold } = this.#deps.options;
    if (release === 'manual') return undefined;
    const agreed = verification === undefined ? since : verification.agreedSince;
    if (agreed === undefined) return undefined;
    const start = Math.max(agreed, this.#deps.steadiness.since);
    return start + (this.#proofs.mayCome(removal) ? maxHold : Math.min(confirm, maxHold));
  }

  /** Whether its hold is over, a recent read says that it is still so, and as many have not just gone already. */
  #isOver(removal: PendingRemoval, now: number): boolean {
    const { options } = this.#deps;
    const end = this.#endOf(removal);
    if (end === undefined || now < end) return false;
    const { verification } = removal;
    if (
      verification !== undefined &&
      (verification.readAt < end || now - verification.readAt > this.#proofsEveryMs)
    ) {
      verification.due ??= now;
      return false;
    }
    const step = options.confirm / 4;
    this.#over = this.#over.filter((at) => now - at < step);
    return this.#over.length < removalLimit(this.#baseline, options.removals);
  }

  /** Looks for proofs, and has those that are due to go, or proved, reviewed. */
  async #findProofs(signal: AbortSignal): Promise<void> {
    const { clock, reads, steadiness, touch, logger } = this.#deps;
    this.#proofsSoughtAt = clock.now();
    try {
      steadiness.read(await reads.version(signal));
      await this.#proofs.find(this.#pending, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      steadiness.disturb();
      logger.debug('cannot look for proof', { reason: 'ProofsUnknown', error: describe(thrown) });
    }
    const now = clock.now();
    const nodes = new Set<ConsulNodeName>();
    for (const removal of this.#pending.all()) {
      if (removal.passed) continue;
      const end = this.#endOf(removal);
      if (removal.proof !== undefined || (end !== undefined && now >= end)) nodes.add(removal.node);
    }
    for (const node of nodes) touch(node);
  }

  #wallOf(at: number): number {
    const { clock } = this.#deps;
    return clock.wall() + at - clock.now();
  }

  /** Says once that removals are held, and looks at them again when they need not be any more. */
  #watchHolding(held: readonly Held[]): void {
    const { clock, logger, options, touch } = this.#deps;
    const tripped = this.#isTripped();
    const first = held.find(({ because }) => because === 'limit');
    if (!this.#isHolding && tripped && first !== undefined) {
      this.#isHolding = true;
      const limit = removalLimit(this.#baseline, options.removals);
      const leftOut = this.#pending.countOf('left-out');
      const mistake = leftOut === 0 ? '' : 'if the configuration excludes too much, correct sync; ';
      logger.warn(
        `${counted(this.#pending.counted, 'instance')} missing without an explanation, more than the ${limit} allowed at once; they stay registered`,
        {
          reason: 'RemovalHeld',
          unexplained: this.#pending.counted,
          ...(leftOut === 0 ? {} : { leftOut }),
          limit,
          registered: this.#baseline,
          ...(this.#passed.length === 0 ? {} : { removedBefore: this.#passed.length }),
          ...(first.until === undefined ? {} : { until: new Date(first.until).toISOString() }),
          hint: `${mistake}they are removed when their end is proved, at the latest at the time given, or with kube-registrar release --all; see docs/safety.md`,
        },
      );
    }
    if (this.#isHolding && !tripped) {
      this.#isHolding = false;
      logger.info('unexplained removals are few enough again and no longer held', {
        reason: 'RemovalReleased',
        unexplained: this.#pending.counted,
      });
      for (const node of this.#pending.nodes()) touch(node);
    }
    const [oldest] = this.#passed;
    if (this.#isHolding && oldest !== undefined && this.#expiry === undefined) {
      this.#expiry = clock.schedule(oldest + options.window - clock.now(), () => {
        this.#expiry = undefined;
        for (const node of this.#pending.nodes()) touch(node);
      });
    }
  }

  #answered({ removals, answer }: Verification): void {
    const { steadiness, touch } = this.#deps;
    if (answer?.kind === 'failed' || answer?.kind === 'forbidden') steadiness.disturb();
    // What is missing may be proved at once.
    if (answer?.kind === 'absent')
      this.#proofsSoughtAt = Math.min(this.#proofsSoughtAt, this.#deps.clock.now() - this.#proofsEveryMs);
    for (const { node } of removals) touch(node);
  }
}
