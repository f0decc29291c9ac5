import type { ClusterView } from '../../desired/cluster-view.ts';
import type { NodeNames } from '../../desired/node-names.ts';
import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { forever } from '../../lib/retry.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ClusterUid, ConsulNodeName } from '../../model/keys.ts';
import { noFence } from '../fence.ts';
import { ObservedState } from '../observed-state.ts';
import type { Registry, RegistryListener, WriteOptions } from '../registry.ts';
import { AgentReader } from './agent-reader.ts';
import { AgentWatcher } from './agent-watcher.ts';
import { AgentWriter } from './agent-writer.ts';
import { Agents, type AgentsOptions } from './agents.ts';
import { KeepAlive } from './keep-alive.ts';

export interface AgentRegistryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How the agents are reached. */
  readonly agents: Omit<AgentsOptions, 'addressOf'>;
  readonly owner: ClusterUid;
  /** Of the checks, in milliseconds. */
  readonly ttlMs: number;
  /** Between two comparisons of one agent, and of everything, in milliseconds. */
  readonly agentComparisonMs: number;
  readonly fullComparisonMs: number;
  readonly view: ClusterView;
  readonly names: NodeNames;
  /** Resolves when the cluster has been read: it says which agents there are. */
  readonly synced: (signal: AbortSignal) => Promise<void>;
}

/** How long the start waits for agents that do not answer, in milliseconds: they are read when they do. */
const patienceMs = 5_000;
/** Agents read at the same time: most of the wait for one that is away is spent doing nothing. */
const parallel = 64;

/** The Consul client agents on the Kubernetes nodes. */
export class AgentRegistry implements Registry {
  readonly observed: ObservedState;
  readonly #options: AgentRegistryOptions;
  readonly #agents: Agents;
  #watcher: AgentWatcher | undefined;

  constructor(options: AgentRegistryOptions) {
    this.#options = options;
    const { view, names, owner, agents } = options;
    this.#agents = new Agents({
      ...agents,
      addressOf: (name) => hostAddress(view, names.get(name)),
    });
    const reader = new AgentReader({
      agents: this.#agents,
      owner,
      names: () => names.all(),
      kubeNode: (name) => names.get(name),
    });
    this.observed = new ObservedState({ reader, owner, parallel });
  }

  async read(signal: AbortSignal): Promise<void> {
    const { synced, clock } = this.#options;
    await synced(signal);
    try {
      await withDeadline(clock, patienceMs, signal, (inTime) => this.observed.readAll(inTime));
    } catch (thrown) {
      if (signal.aborted || RegistrarError.from(thrown).code !== 'timeout') throw thrown;
    }
  }

  follow(node: ConsulNodeName): void {
    // Endpoints that name no node have no agent.
    if (this.#options.names.get(node) !== '') this.#watcher?.follow(node);
  }

  /** Each agent has connections of its own: compare() does it all. */
  async watch(): Promise<void> {}

  async compare(listener: RegistryListener, signal: AbortSignal): Promise<void> {
    const { clock, random, logger, names, agentComparisonMs, fullComparisonMs } = this.#options;
    const { onDrift, onAppeared, onCompared, onError, isWanted } = listener;
    const watcher = new AgentWatcher({
      agents: this.#agents,
      observed: this.observed,
      clock,
      random,
      logger,
      intervalMs: agentComparisonMs,
      onDrift,
      onAnswers: onAppeared,
      isWanted,
      onForgotten: (node) => names.delete(node),
    });
    this.#watcher = watcher;
    for (const name of names.all()) this.follow(name);
    const compared = () => {
      const { failing, followed } = watcher;
      const [error] = failing.values();
      if (error !== undefined && failing.size === followed) onError(error);
      else onCompared([]);
      return clock.sleep(jittered(fullComparisonMs, 0.1, random), signal);
    };
    try {
      await Promise.all([watcher.run(signal), forever(compared, signal)]);
    } finally {
      this.#watcher = undefined;
    }
  }

  writer({ fence = noFence }: WriteOptions): AgentWriter {
    const { observed } = this;
    const { clock, random, ttlMs } = this.#options;
    const keepAlive = new KeepAlive({
      agents: this.#agents,
      observed,
      fence,
      clock,
      random,
      ttlMs,
      onMissing: (node) => this.#watcher?.notify(node),
    });
    return new AgentWriter({
      agents: this.#agents,
      observed: (node) => observed.node(node),
      fence,
      keepAlive,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents[Symbol.asyncDispose]();
  }
}

/** The host IP that the node's pods report; without pods, the Node's own address. */
function hostAddress(view: ClusterView, kubeNode: string | undefined): string | undefined {
  if (kubeNode === undefined || kubeNode === '') return undefined;
  for (const { hostIps } of view.podsOnNode(kubeNode)) if (hostIps[0] !== undefined) return hostIps[0];
  return view.kubeNode(kubeNode)?.internalIps[0];
}
