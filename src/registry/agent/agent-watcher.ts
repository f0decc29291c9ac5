import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { untilAborted } from '../../lib/unless-aborted.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import type { Drift } from '../../plan/finding.ts';
import type { ObservedState } from '../observed-state.ts';
import type { Agents } from './agents.ts';

export interface AgentWatcherOptions {
  readonly agents: Agents;
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Between two readings of an agent, in milliseconds, ±10 %. */
  readonly intervalMs: number;
  /** Somebody else changed something of this cluster at an agent. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** An agent answers for the first time, or again: its node is to be reconciled. */
  readonly onAnswers: (node: ConsulNodeName) => void;
  /** Whether anybody needs this agent any more. */
  readonly isWanted: (node: ConsulNodeName) => boolean;
  /** An agent is not followed any more. */
  readonly onForgotten: (node: ConsulNodeName) => void;
}

type State =
  | { readonly kind: 'unread' }
  | { readonly kind: 'answers' }
  | {
      readonly kind: 'fails';
      readonly since: number;
      readonly error: RegistrarError;
      readonly reported: boolean;
    };

interface Watch {
  state: State;
  readonly wakeup: Wakeup;
}

/** Pause before an agent that this process is writing to is read again, in milliseconds. */
const ownWritePauseMs = 1_000;
/** An agent that restarts is silent for a moment; that is not worth a line. */
const reportedAfterMs = 5_000;
/** How long an agent that nobody needs and that does not answer is remembered, in milliseconds. */
const forgottenAfterMs = 3_600_000;

/**
 * Follows what is registered with each agent: reads it at intervals, and between two readings holds a blocking
 * query on one of its instances. The query's connection breaks when the agent ends, so that an agent which comes
 * back empty is found at once.
 *
 * Each agent is followed alone, with its own backoff: an agent that is away delays no other.
 */
export class AgentWatcher {
  readonly #options: AgentWatcherOptions;
  readonly #watches = new Map<ConsulNodeName, Watch>();
  readonly #running = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(options: AgentWatcherOptions) {
    this.#options = options;
  }

  /** Agents that do not answer, and why. */
  get failing(): ReadonlyMap<ConsulNodeName, RegistrarError> {
    const failing = new Map<ConsulNodeName, RegistrarError>();
    for (const [node, { state }] of this.#watches) if (state.kind === 'fails') failing.set(node, state.error);
    return failing;
  }

  /** Agents that are followed. */
  get followed(): number {
    return this.#watches.size;
  }

  /** Follows a node's agent from now on, or as soon as run() does. */
  follow(node: ConsulNodeName): void {
    if (this.#watches.has(node)) return;
    const watch: Watch = { state: { kind: 'unread' }, wakeup: new Wakeup(this.#options.clock) };
    this.#watches.set(node, watch);
    if (this.#signal !== undefined) this.#start(node, watch, this.#signal);
  }

  /** Has the agent of a node read now. */
  notify(node: ConsulNodeName): void {
    this.#watches.get(node)?.wakeup.notify();
  }

  /** Runs until the signal aborts. Never rejects for a fault of an agent. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const [node, watch] of this.#watches) this.#start(node, watch, signal);
    await untilAborted(signal);
    await Promise.all(this.#running);
  }

  #start(node: ConsulNodeName, watch: Watch, signal: AbortSignal): void {
    const running = this.#watch(node, watch, signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #watch(node: ConsulNodeName, watch: Watch, signal: AbortSignal): Promise<void> {
    const { clock, random, observed, intervalMs, onDrift } = this.#options;
    const backoff = new Backoff({ initialMs: 250, maxMs: 10_000, random });
    while (!signal.aborted) {
      let waitMs: number;
      try {
        const drift = await observed.compareNode(node, signal);
        backoff.reset();
        this.#answers(node, watch);
        if (drift !== undefined && drift.length > 0) onDrift(drift);
        // Undefined: a write of this process was under way.
        waitMs = drift === undefined ? ownWritePauseMs : jittered(intervalMs, 0.1, random);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = RegistrarError.from(thrown);
        if (this.#fails(node, watch, error) === 'forget') return;
        waitMs = backoff.next(Math.max(50, error.retryAfterMs ?? 0));
      }
      const startedAt = clock.now();
      const ended = await this.#wait(node, watch, waitMs, signal);
      const isBurst = ended !== 'elapsed' && clock.now() - startedAt < ownWritePauseMs;
      // A burst of own writes costs one reading, and an agent that hangs up at once does not cost many.
      if (ended === 'changed' || isBurst) await clock.sleep(ownWritePauseMs, signal).catch(() => {});
    }
  }

  /** Until the time is over, `notify()` was called, or the blocking query has ended. */
  async #wait(
    node: ConsulNodeName,
    watch: Watch,
    ms: number,
    signal: AbortSignal,
  ): Promise<'changed' | 'ended' | 'notified' | 'elapsed'> {
    if (signal.aborted) return 'elapsed';
    const query = (until: AbortSignal) =>
      withDeadline(this.#options.clock, ms, until, (inTime) => this.#blockingQuery(node, watch, inTime));
    return watch.wakeup.unlessNotified(query, signal);
  }

  /** Ends when the first instance of the node changes, or the agent does. */
  async #blockingQuery(
    node: ConsulNodeName,
    watch: Watch,
    signal: AbortSignal,
  ): Promise<'changed' | 'ended' | 'elapsed'> {
    const { agents, observed, clock } = this.#options;
    try {
      let instance: InstanceId | undefined;
      for (;;) {
        [instance] = observed.node(node)?.instances.keys() ?? [];
        if (instance !== undefined && watch.state.kind === 'answers') break;
        // Without an instance there is nothing to query. The first may come at any moment.
        await clock.sleep(ownWritePauseMs, signal);
      }
      await agents.read(node, (client) => client.serviceChange(instance, signal));
      return 'changed';
    } catch (thrown) {
      return signal.aborted || RegistrarError.from(thrown).code === 'aborted' ? 'elapsed' : 'ended';
    }
  }

  #answers(node: ConsulNodeName, watch: Watch): void {
    const { logger, onAnswers } = this.#options;
    const { state } = watch;
    watch.state = { kind: 'answers' };
    if (state.kind === 'answers') return;
    if (state.kind === 'fails' && state.reported) {
      logger.info(`the Consul agent of ${node} answers again`, { reason: 'AgentAvailable', node });
    }
    onAnswers(node);
  }

  #fails(node: ConsulNodeName, watch: Watch, error: RegistrarError): 'forget' | 'go on' {
    const { clock, logger, isWanted, onForgotten, agents, observed } = this.#options;
    const now = clock.now();
    const { since, reported } = watch.state.kind === 'fails' ? watch.state : { since: now, reported: false };
    const isLate = now - since >= reportedAfterMs;
    watch.state = { kind: 'fails', since, error, reported: reported || isLate };
    if (isLate && !reported) {
      logger.warn(`the Consul agent of ${node} does not answer; what is registered with it stays as it is`, {
        reason: 'AgentUnavailable',
        node,
        code: error.code,
        error: describe(error),
      });
    }
    if (now - since < forgottenAfterMs || isWanted(node)) return 'go on';
    this.#watches.delete(node);
    observed.forget(node);
    agents.forget(node);
    onForgotten(node);
    logger.info(
      `the Consul agent of ${node} is gone with its node; Consul removes what was registered there`,
      {
        reason: 'AgentForgotten',
        node,
      },
    );
    return 'forget';
  }
}
