import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { Outage } from '../lib/outage.ts';
import type { Random } from '../lib/random.ts';
import type { Logger } from '../logging/logger.ts';
import type { Metrics } from '../metrics/catalogue.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { ClusterUid, ConsulNodeName } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Change } from '../plan/change.ts';
import { among, diff } from '../plan/diff.ts';
import type { Finding } from '../plan/finding.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { PolicyName } from '../plan/policy.ts';
import type { ObservedState } from '../registry/observed-state.ts';
import type { ChangeWriter } from '../registry/registry.ts';
import type { ChangeResult } from '../registry/tickets.ts';
import { consulProblems } from './consul-problems.ts';
import type { History } from './history.ts';
import { ConflictBackoff } from './holds/conflict-backoff.ts';
import type { Guard } from './holds/guard.ts';
import { type Hold, type Reviewed, reviewInOrder } from './holds/hold.ts';
import { LeavingNodes } from './holds/leaving-nodes.ts';
import { policyHold } from './holds/policy-hold.ts';
import { Quarantine } from './holds/quarantine.ts';
import { Ledger, type LedgerLine } from './ledger.ts';
import type { ObjectEvents } from './object-events.ts';
import { type ChangeLine, RecentChanges } from './recent-changes.ts';
import { type DriftLine, RecentDrift } from './recent-drift.ts';
import { Reporter } from './reporter.ts';
import { UnsettledInstances } from './unsettled.ts';
import { type Taken, Workqueue } from './workqueue.ts';

export interface ReconcilerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The desired state of a node as the stores are now. */
  readonly desired: (node: ConsulNodeName) => DesiredNode;
  readonly observed: ObservedState;
  readonly writer: ChangeWriter;
  readonly owner: ClusterUid;
  readonly policy: PolicyName;
  /** What holds changes that take instances out and are not believed yet. Default: nothing. */
  readonly guard?: Pick<Guard, 'reviewHealth' | 'review'>;
  /** Reports to the owners of the objects concerned, as Events. Default: no Events. */
  readonly events?: Pick<ObjectEvents, 'problem' | 'finding' | 'committed'>;
  /** Follows how many changes are written, and how long events take. Default: nobody does. */
  readonly history?: Pick<History, 'wrote' | 'propagated'>;
  /** Changes of this node were committed, and `observed` holds them. */
  readonly onSettled?: (node: ConsulNodeName) => void;
}

export interface Pending {
  readonly queue: Pick<Workqueue<ConsulNodeName>, 'depth' | 'busy' | 'failing' | 'oldestMs'>;
}

/** What one turn of the loop has to do. */
interface Round {
  readonly changes: Change[];
  readonly taken: Map<ConsulNodeName, Taken<ConsulNodeName>>;
  /** Nodes to be read before anything can be computed for them. */
  readonly unread: Taken<ConsulNodeName>[];
  /** Nodes to be removed, to be read again just before. */
  readonly leaving: Taken<ConsulNodeName>[];
}

/** Longest time the loop computes without letting other work run, in milliseconds. */
const sliceMs = 8;
/** Changes handed to the writer at once: enough to fill its transactions in flight, few enough to stay current. */
const changesAtOnce = 256;

/** Nodes read together: the first of them are written while the others are still read. */
const readsAtOnce = 32;

/**
 * The loop: takes dirty nodes, computes what each should be and what is there, and has the difference
 * written. Level-triggered: every decision is computed again from the stores and the observed state as they
 * are now, and no old plan is ever carried out later.
 *
 * - What is not written now is decided by the holds, one after the other. A held change waits alone; the rest of its
 *   node goes on.
 * - While Consul cannot be written to, everything waits together and is computed anew afterwards, after the
 *   nodes whose last write has an unknown outcome were read again. Where each node has a server of its own,
 *   each waits by itself.
 */
export class Reconciler implements Disposable {
  readonly #options: ReconcilerOptions;
  readonly #queue: Workqueue<ConsulNodeName>;
  readonly #quarantine: Quarantine;
  readonly #conflicts: ConflictBackoff;
  readonly #unsettled = new UnsettledInstances();
  readonly #problems: Ledger<Problem>;
  readonly #findings: Ledger<Finding>;
  readonly #reporter: Reporter;
  readonly #backoff: Backoff;
  readonly #outage = new Outage();
  readonly #leaving: LeavingNodes;
  /** In the order in which they review. */
  readonly #holds: readonly Hold[];
  readonly #drift: RecentDrift;
  readonly #changes: RecentChanges;

  constructor(options: ReconcilerOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#queue = new Workqueue({ clock, random });
    const reviewAfter = (node: ConsulNodeName, ms: number) => this.reviewAfter(node, ms);
    this.#quarantine = new Quarantine({ clock, random, reviewAfter });
    this.#conflicts = new ConflictBackoff({ clock, random, reviewAfter });
    this.#problems = new Ledger(() => clock.wall());
    // When a hold ends is no news each time it is postponed.
    this.#findings = new Ledger(
      () => clock.wall(),
      (finding) => (finding.kind === 'held' ? { ...finding, until: undefined } : finding),
    );
    this.#leaving = new LeavingNodes(clock);
    const { guard } = options;
    this.#holds = [
      policyHold(options.policy),
      ...(guard === undefined ? [] : [guard]),
      this.#quarantine,
      this.#conflicts,
      this.#leaving,
    ];
    this.#drift = new RecentDrift(() => clock.wall());
    this.#changes = new RecentChanges(() => clock.wall());
    this.#reporter = new Reporter(options.logger, clock);
    this.#backoff = new Backoff({ initialMs: 200, maxMs: 5_000, random });
  }

  get queue(): Pick<Workqueue<ConsulNodeName>, 'depth' | 'busy' | 'oldestMs' | 'unanswered'> {
    return this.#queue;
  }

  /** Why Consul cannot be written to at the moment, and since when. */
  get outage(): Pick<Outage, 'error' | 'since'> {
    return this.#outage;
  }

  problems(): Iterable<LedgerLine<Problem>> {
    return this.#problems.lines();
  }

  findings(): Iterable<LedgerLine<Finding>> {
    return this.#findings.lines();
  }

  /** What others did to our entries lately, the latest first. */
  recentDrift(): readonly DriftLine[] {
    return this.#drift.lines();
  }

  /** What was written lately, the latest first. */
  recentChanges(): readonly ChangeLine[] {
    return this.#changes.lines();
  }

  /** What waits, for the debug dump. */
  get pending(): Pending {
    const { depth, busy, failing, oldestMs } = this.#queue;
    return { queue: { depth, busy, failing, oldestMs } };
  }

  /** Something happened to `node`; `since`: when we learnt of it, `clock.now()`. */
  touch(node: ConsulNodeName, since: number): void {
    this.#queue.add(node, 'urgent', since);
  }

  /** `node` is to be looked at when nothing urgent waits. */
  review(node: ConsulNodeName): void {
    this.#queue.add(node);
  }

  /** `node` is to be looked at after `ms`. */
  reviewAfter(node: ConsulNodeName, ms: number): void {
    this.#queue.addAfter(node, ms);
  }

  /** Somebody else changed entries of this operator. */
  drifted(drift: readonly Finding[]): void {
    for (const finding of drift) {
      if (finding.kind !== 'drift') continue;
      this.#options.metrics.drift.inc({ kind: finding.what });
      this.#reporter.finding(finding);
      this.#conflicts.drifted(finding);
      this.#drift.add(finding);
      this.#queue.add(finding.at.node, 'urgent');
    }
  }

  /** Runs until the signal aborts, then lets what is in flight end. Never rejects for a fault of Consul. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, observed, writer } = this.#options;
    const working = new Set<Promise<void>>();
    const track = (work: Promise<void>): void => {
      const tracked = work.finally(() => working.delete(tracked));
      working.add(tracked);
    };
    try {
      for (;;) {
        await this.#queue.ready(signal);
        await writer.ready(signal);
        await this.#pause(signal);
        const { changes, taken, unread, leaving } = this.#compute();
        for (const each of leaving) track(this.#lookAgain(each, signal));
        const together = observed.features.nodesFailAlone ? unread.map((each) => [each]) : [unread];
        for (const some of together) if (some.length > 0) track(this.#load(some, signal));
        for (const [node, results] of observed.follow(writer.submit(changes))) {
          const before = observed.node(node);
          track(results.then((each) => this.#settle(taken.get(node)!, before, each)));
        }
        await clock.yield();
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      await writer.close();
      await Promise.all(working);
    }
  }

  [Symbol.dispose](): void {
    this.#queue[Symbol.dispose]();
    this.#reporter[Symbol.dispose]();
  }

  /** The changes of as many dirty nodes as fit; nodes with nothing to write are done at once. */
  #compute(): Round {
    const { clock, observed } = this.#options;
    const round: Round = { changes: [], taken: new Map(), unread: [], leaving: [] };
    const until = clock.now() + sliceMs;
    const isFull = () =>
      round.changes.length >= changesAtOnce || round.unread.length + round.leaving.length >= readsAtOnce;
    while (!isFull() && clock.now() <= until) {
      const next = this.#queue.take();
      if (next === undefined) break;
      if (observed.needsReading(next.key)) {
        round.unread.push(next);
        continue;
      }
      const reviewed = this.#reviewedOrNothing(next.key);
      if (reviewed === undefined) this.#queue.done(next.key, 'failed');
      else if (reviewed.mustRead) round.leaving.push(next);
      else if (reviewed.changes.length === 0) this.#queue.done(next.key, 'ok');
      else {
        round.taken.set(next.key, next);
        round.changes.push(...reviewed.changes);
      }
    }
    return round;
  }

  /** Reads a node that is to be removed. */
  async #lookAgain(taken: Taken<ConsulNodeName>, signal: AbortSignal): Promise<void> {
    const { observed } = this.#options;
    const { key } = taken;
    try {
      const drift = await observed.compareNode(key, signal);
      if (drift !== undefined) this.#leaving.read(key, observed.node(key));
      this.drifted(drift ?? []);
      this.#succeed();
    } catch (thrown) {
      if (!signal.aborted) this.#fail(RegistrarError.from(thrown));
    }
    this.#giveBack(taken);
  }

  /** Undefined after an error of our own: a bug in one node's data must not stop the others. */
  #reviewedOrNothing(node: ConsulNodeName): Reviewed | undefined {
    try {
      return this.#reviewed(node);
    } catch (thrown) {
      this.#options.logger.error(`cannot compute node ${node}; retrying later`, {
        reason: 'InternalError',
        node,
        error: describe(thrown),
      });
      return undefined;
    }
  }

  #reviewed(node: ConsulNodeName): Reviewed {
    const { desired, observed, owner, guard } = this.#options;
    const { features } = observed;
    const wanted = desired(node);
    const unsettled = this.#unsettled.of(wanted, observed.node(node), features);
    if (wanted.entry !== undefined) observed.share(node, among(wanted.entry.instances, unsettled));
    const known = observed.node(node);
    const health = guard?.reviewHealth(wanted, known, unsettled) ?? { desired: wanted, held: [] };
    const isAsWanted = health.desired === wanted && health.held.length === 0;
    const difference = diff(health.desired, known, {
      owner,
      features,
      unsettled: isAsWanted ? unsettled : undefined,
    });
    const { changes, findings } = difference;
    this.#unsettled.reviewed(wanted, known, features, isAsWanted ? difference.unsettled : undefined);
    const reviewed = reviewInOrder(this.#holds, node, changes, known);
    this.#report(health.desired, known, [...findings, ...health.held, ...reviewed.held]);
    return reviewed;
  }

  #report(desired: DesiredNode, observed: ObservedNode | undefined, findings: readonly Finding[]): void {
    const { events } = this.#options;
    const { name } = desired;
    const problems = [...desired.problems, ...consulProblems(desired, observed, findings)];
    const stale = findings.filter((finding) => finding.kind === 'stale');
    this.#reporter.review(name, problems, stale);
    for (const problem of this.#problems.update(name, problems).appeared) events?.problem(problem);
    for (const finding of this.#findings.update(name, findings).appeared) {
      if (finding.kind !== 'stale') this.#reporter.finding(finding);
      events?.finding(finding, observed);
    }
  }

  /** Takes in what became of a node's changes, and gives the node back to the queue. */
  #settle(
    taken: Taken<ConsulNodeName>,
    before: ObservedNode | undefined,
    results: readonly ChangeResult[],
  ): void {
    const { clock, metrics, events, history } = this.#options;
    const durationMs = taken.since === undefined ? undefined : clock.now() - taken.since;
    let refused = false;
    let failure: RegistrarError | undefined;
    for (const { change, outcome } of results) {
      metrics.operations.inc({ verb: change.kind, result: outcome.kind });
      switch (outcome.kind) {
        case 'committed':
          this.#quarantine.release(change);
          this.#conflicts.committed(change);
          if (change.kind === 'delete-instance' || change.kind === 'delete-node') {
            metrics.removals.inc({ because: change.because ?? 'none' });
          }
          this.#reporter.committed(change, durationMs);
          this.#changes.add(change, durationMs);
          history?.wrote();
          events?.committed(change, before, durationMs);
          break;
        case 'refused':
          refused = true;
          this.#quarantine.refuse(change, outcome.error);
          break;
        case 'failed':
          failure = outcome.error;
          break;
      }
    }
    if (results.some(({ outcome }) => outcome.kind === 'committed')) this.#options.onSettled?.(taken.key);
    if (failure !== undefined && !refused && !this.#failsAlone(failure)) {
      this.#fail(failure);
      this.#giveBack(taken);
      return;
    }
    this.#succeed();
    if (!refused && failure === undefined && durationMs !== undefined) {
      metrics.propagation.observe(durationMs / 1_000);
      history?.propagated(durationMs);
    }
    // What failed beside a refusal failed because of it (its node was refused): tried again on its own.
    this.#queue.done(taken.key, failure === undefined ? 'ok' : 'failed');
  }

  /** Reads nodes that are not known for certain, so that their changes can be computed. */
  async #load(unread: readonly Taken<ConsulNodeName>[], signal: AbortSignal): Promise<void> {
    try {
      await this.#options.observed.load(
        unread.map(({ key }) => key),
        signal,
      );
      this.#succeed();
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      if (this.#failsAlone(error)) {
        for (const { key } of unread) this.#queue.done(key, 'failed', error.retryAfterMs);
        return;
      }
      if (!signal.aborted) this.#fail(error);
    }
    for (const taken of unread) this.#giveBack(taken);
  }

  /** Whether it is the node's own affair: what follows agents tells of it. */
  #failsAlone({ code }: RegistrarError): boolean {
    return this.#options.observed.features.nodesFailAlone && code !== 'aborted' && code !== 'fenced';
  }

  /** Puts a node back as it was taken, to be computed again. */
  #giveBack({ key, since }: Taken<ConsulNodeName>): void {
    if (since === undefined) this.#queue.add(key);
    else this.#queue.add(key, 'urgent', since);
    this.#queue.done(key, 'ok');
  }

  /** While Consul does not answer, waits longer after every failure. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { error } = this.#outage;
    if (error !== undefined) await this.#options.clock.sleep(this.#backoff.next(error.retryAfterMs), signal);
  }

  #fail(error: RegistrarError): void {
    // This process ends, or another one leads: Consul is well.
    if (error.code === 'aborted' || error.code === 'fenced') return;
    if (this.#outage.failed(error, this.#options.clock.wall())) {
      this.#options.logger.error('cannot write to Consul; registrations stay as they are; retrying', {
        reason: 'ConsulUnavailable',
        code: error.code,
        error: describe(error),
      });
    }
  }

  #succeed(): void {
    if (!this.#outage.over()) return;
    this.#backoff.reset();
    this.#options.logger.info('Consul can be written to again', { reason: 'ConsulAvailable' });
  }
}
