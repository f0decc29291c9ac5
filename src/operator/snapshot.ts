import { createDesired } from '../desired/desired.ts';
import { NodeNames } from '../desired/node-names.ts';
import { KubeClient } from '../kube/client.ts';
import type { ClusterStores } from '../kube/cluster-stores.ts';
import { askClusterUid } from '../kube/cluster-uid.ts';
import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { withDeadline } from '../lib/deadline.ts';
import { formatDuration } from '../lib/duration.ts';
import { describe, type ErrorCode, RegistrarError } from '../lib/errors.ts';
import { retry } from '../lib/retry.ts';
import { type ClusterUid, type ConsulNodeName, clusterUid } from '../model/keys.ts';
import type { PlanInput } from '../plan/plan.ts';
import { DesiredNodes } from '../reconcile/desired-nodes.ts';
import type { ObservedState } from '../registry/observed-state.ts';
import type { Registry } from '../registry/registry.ts';
import {
  clusterStoresOf,
  desiredOptionsOf,
  pendingParts,
  refusedParts,
  registryOf,
  type Surroundings,
} from './parts.ts';

export interface SnapshotOptions extends Surroundings {
  /** Longest time until everything is read, in milliseconds. */
  readonly timeoutMs: number;
}

/** What Consul holds of a cluster, read once. */
export interface ConsulSnapshot {
  readonly owner: ClusterUid;
  /** The caller disposes of it. */
  readonly registry: Registry;
  readonly observed: ObservedState;
  /** Nodes whose agents could not be read: nothing can be said of them. */
  readonly unread: ReadonlyMap<ConsulNodeName, RegistrarError>;
}

/** A cluster and what Consul holds of it, read once. */
export interface Snapshot extends ConsulSnapshot {
  readonly stores: ClusterStores;
  /** Every node that is wanted or there, and could be read. */
  readonly nodes: readonly PlanInput[];
}

/** Errors that another try does not fix: a person has to act. */
const hopeless: readonly ErrorCode[] = [
  'forbidden',
  'unauthorized',
  'unreachable',
  'not-found',
  'rejected',
  'config',
  'internal',
];
const lookAgainMs = 50;

/**
 * Reads the cluster and Consul whole, as the operator does at its start, writing nothing. Rejects when
 * something cannot be read, or with `timeout` after `timeoutMs`; the message names what was missing.
 */
export function takeSnapshot(options: SnapshotOptions, signal: AbortSignal): Promise<Snapshot> {
  const reading = new Reading(options);
  return reading.run(signal, (until) =>
    reading.withCluster(until, async (stores) => {
      const { owner, registry, observed } = await reading.consul(until);
      await reading.cluster(until);
      const { names } = reading;
      const desired = createDesired(desiredOptionsOf(options.config, owner));
      const nodes = new DesiredNodes({
        view: stores,
        unread: () => stores.reflectors.unread,
        observed,
        owner,
        names,
        desired,
        wall: () => options.clock.wall(),
      });
      const all = new Set([...names.all(), ...[...observed.nodes()].map(({ name }) => name)]);
      const unread = await reading.nodes(registry, all, until);
      // What a node shares with others is known only once all have been computed.
      for (const name of all) nodes.of(name);
      const inputs = [...all]
        .filter((name) => !unread.has(name))
        .map((name) => ({ desired: nodes.of(name), observed: observed.node(name) }));
      return { owner, registry, stores, observed, unread, nodes: inputs };
    }),
  );
}

/** Reads what Consul holds of the cluster; from the cluster only what that needs. As takeSnapshot(). */
export function takeConsulSnapshot(options: SnapshotOptions, signal: AbortSignal): Promise<ConsulSnapshot> {
  const reading = new Reading(options);
  return reading.run(signal, async (until) => {
    if (options.config.registration.mode === 'catalog') return reading.consul(until);
    // The cluster shows which agents there are.
    return reading.withCluster(until, async (stores) => {
      await reading.cluster(until);
      // Otherwise some nodes would be left out, and it would not be known which.
      if (stores.reflectors.unread.length > 0)
        throw new RegistrarError('forbidden', refusedParts(stores).join('; '));
      const found = await reading.consul(until);
      return { ...found, unread: await reading.nodes(found.registry, reading.names.all(), until) };
    });
  });
}

/** One snapshot being taken, and what is still missing for it. */
class Reading {
  readonly names: NodeNames;
  readonly #options: SnapshotOptions;
  readonly #stores: ClusterStores;
  #usesCluster = false;
  #missing = '';
  #error: RegistrarError | undefined;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.names = new NodeNames(options.config.cluster.name);
    this.#stores = clusterStoresOf(options, { onDirty: (kubeNode) => void this.names.add(kubeNode) });
  }

  async run<Result>(signal: AbortSignal, work: (until: AbortSignal) => Promise<Result>): Promise<Result> {
    const { clock, timeoutMs } = this.#options;
    try {
      return await withDeadline(clock, timeoutMs, signal, work);
    } catch (thrown) {
      const error = RegistrarError.from(thrown);
      if (error.code !== 'timeout' || signal.aborted) throw thrown;
      throw new RegistrarError(
        'timeout',
        `not read within ${formatDuration(timeoutMs)}: ${this.#waitedFor()}`,
        {
          cause: this.#error,
        },
      );
    }
  }

  async consul(until: AbortSignal): Promise<ConsulSnapshot> {
    const { config, kube } = this.#options;
    const { uid } = config.cluster;
    this.#missing = 'cluster uid';
    const owner =
      uid === undefined
        ? await this.again(() => askClusterUid(new KubeClient(kube, this.#options.clock), until), until)
        : clusterUid(uid);
    this.#missing = 'Consul';
    const registry = registryOf(this.#options, {
      owner,
      view: this.#stores,
      names: this.names,
      synced: (signal) => this.cluster(signal),
    });
    try {
      await this.again(() => registry.read(until), until);
    } catch (thrown) {
      await registry[Symbol.asyncDispose]();
      throw thrown;
    }
    this.#missing = '';
    return { owner, registry, observed: registry.observed, unread: new Map() };
  }

  /** Reads the nodes that are not known yet. An agent that cannot be read does not stop the others from being read. */
  async nodes(
    { observed }: Registry,
    names: Iterable<ConsulNodeName>,
    until: AbortSignal,
  ): Promise<ReadonlyMap<ConsulNodeName, RegistrarError>> {
    const unread = new Map<ConsulNodeName, RegistrarError>();
    if (!observed.features.nodesFailAlone) {
      await this.again(() => observed.load(names, until), until);
      return unread;
    }
    await Promise.all(
      [...names].map(async (name) => {
        try {
          await observed.load([name], until);
        } catch (thrown) {
          until.throwIfAborted();
          unread.set(name, RegistrarError.from(thrown));
        }
      }),
    );
    return unread;
  }

  /** Runs `work` while the stores follow the cluster. */
  async withCluster<Result>(
    until: AbortSignal,
    work: (stores: ClusterStores) => Promise<Result>,
  ): Promise<Result> {
    const ended = new AbortController();
    this.#usesCluster = true;
    const reflecting = this.#stores.reflectors.start(AbortSignal.any([until, ended.signal]));
    try {
      return await work(this.#stores);
    } finally {
      ended.abort();
      await reflecting;
    }
  }

  /** Waits until all that may be read was read. */
  async cluster(until: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const stores = this.#stores;
    for (;;) {
      until.throwIfAborted();
      const { pending } = stores.reflectors;
      if (pending.length === 0) return;
      // A store that is still being read may show that this one is not needed.
      const isHopeless = ({ lastError }: ReflectorStatus) =>
        lastError !== undefined && hopeless.includes(lastError.error.code);
      const [first] = pending.every(isHopeless) ? pending : [];
      if (first?.lastError !== undefined) {
        throw new RegistrarError(first.lastError.error.code, pendingParts(stores).join('; '));
      }
      await clock.sleep(lookAgainMs, until);
    }
  }

  /** Tries until it succeeds; rejects at once with a hopeless error. */
  async again<Result>(attempt: () => Promise<Result>, until: AbortSignal): Promise<Result> {
    const { clock, random } = this.#options;
    const onError = (error: RegistrarError) => {
      if (hopeless.includes(error.code)) throw error;
      this.#error = error;
    };
    const options = { clock, random, initialMs: 200, maxMs: 5_000, onError };
    const result = await retry(attempt, options, until);
    this.#error = undefined;
    return result;
  }

  #waitedFor(): string {
    const parts = this.#usesCluster ? pendingParts(this.#stores) : [];
    if (this.#missing !== '') {
      parts.push(`${this.#missing}: not read yet${this.#error ? ` (${describe(this.#error)})` : ''}`);
    }
    return parts.join('; ') || 'some nodes in Consul';
  }
}
