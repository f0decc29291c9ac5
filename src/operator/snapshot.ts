import { ObservedState } from '../consul/observed-state.ts';
import { createDesired } from '../desired/desired.ts';
import { KubeClient } from '../kube/client.ts';
import type { ClusterStores } from '../kube/cluster-stores.ts';
import { Backoff } from '../lib/backoff.ts';
import { withDeadline } from '../lib/deadline.ts';
import { formatDuration } from '../lib/duration.ts';
import { describe, type ErrorCode, RegistrarError } from '../lib/errors.ts';
import { type ClusterUid, clusterUid } from '../model/keys.ts';
import type { PlanInput } from '../plan/plan.ts';
import { askClusterUid } from '../reconcile/cluster-uid.ts';
import { DesiredNodes, NodeNames } from './desired-nodes.ts';
import {
  clusterStoresOf,
  consulClientOf,
  desiredOptionsOf,
  type Surroundings,
  unsyncedParts,
} from './parts.ts';

export interface SnapshotOptions extends Surroundings {
  /** Longest time until everything is read, in milliseconds. */
  readonly timeoutMs: number;
}

/** A cluster and what Consul holds of it, read once. */
export interface Snapshot {
  readonly owner: ClusterUid;
  readonly stores: ClusterStores;
  readonly observed: ObservedState;
  /** Every node that is wanted or there. */
  readonly nodes: readonly PlanInput[];
}

/** What Consul holds of a cluster, read once. */
export interface ConsulSnapshot {
  readonly owner: ClusterUid;
  readonly observed: ObservedState;
}

/** What another try in a moment does not make better: somebody has to do something. */
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
  const names = new NodeNames(options.config.cluster.name);
  const stores = clusterStoresOf(options, { onDirty: (kubeNode) => void names.add(kubeNode) });
  const reading = new Reading(options, stores);
  return reading.run(signal, async (until) => {
    const ended = new AbortController();
    const reflecting = stores.start(AbortSignal.any([until, ended.signal]));
    try {
      const { owner, observed } = await reading.consul(until);
      await reading.cluster(until);
      const desired = createDesired(desiredOptionsOf(options.config, owner));
      const nodes = new DesiredNodes({
        view: stores,
        observed,
        owner,
        names,
        desired,
        wall: () => options.clock.wall(),
      });
      const all = new Set([...names.all(), ...[...observed.nodes()].map(({ name }) => name)]);
      await reading.again(() => observed.load(all, until), until);
      // A first look at each: what a node shares with others is known once all have been looked at.
      for (const name of all) nodes.of(name);
      const inputs = [...all].map((name) => ({ desired: nodes.of(name), observed: observed.node(name) }));
      return { owner, stores, observed, nodes: inputs };
    } finally {
      ended.abort();
      await reflecting;
    }
  });
}

/** Reads what Consul holds of the cluster. As takeSnapshot(). */
export function takeConsulSnapshot(options: SnapshotOptions, signal: AbortSignal): Promise<ConsulSnapshot> {
  const reading = new Reading(options);
  return reading.run(signal, (until) => reading.consul(until));
}

/** One snapshot on its way, and what is still missing for it. */
class Reading {
  readonly #options: SnapshotOptions;
  readonly #stores: ClusterStores | undefined;
  #missing = '';
  #error: RegistrarError | undefined;

  constructor(options: SnapshotOptions, stores?: ClusterStores) {
    this.#options = options;
    this.#stores = stores;
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
        ? await this.again(() => askClusterUid(new KubeClient(kube), until), until)
        : clusterUid(uid);
    this.#missing = 'Consul';
    const observed = new ObservedState({ client: consulClientOf(this.#options), owner });
    await this.again(() => observed.readAll(until), until);
    this.#missing = '';
    return { owner, observed };
  }

  /** Waits until every reflector has synced. */
  async cluster(until: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const stores = this.#stores!;
    while (!stores.allSynced) {
      until.throwIfAborted();
      const lost = stores.status().filter(({ synced, lastError }) => {
        return !synced && lastError !== undefined && hopeless.includes(lastError.error.code);
      });
      const [first] = lost;
      if (first?.lastError !== undefined) {
        throw new RegistrarError(first.lastError.error.code, unsyncedParts(stores).join('; '));
      }
      await clock.sleep(lookAgainMs, until);
    }
  }

  /** Tries until it succeeds, unless trying again is hopeless. */
  async again<Result>(attempt: () => Promise<Result>, until: AbortSignal): Promise<Result> {
    const { clock, random } = this.#options;
    const backoff = new Backoff({ initialMs: 200, maxMs: 5_000, random });
    for (;;) {
      try {
        const result = await attempt();
        this.#error = undefined;
        return result;
      } catch (thrown) {
        until.throwIfAborted();
        const error = RegistrarError.from(thrown);
        if (hopeless.includes(error.code)) throw error;
        this.#error = error;
        await clock.sleep(backoff.next(error.retryAfterMs), until);
      }
    }
  }

  #waitedFor(): string {
    const parts = this.#stores === undefined ? [] : unsyncedParts(this.#stores);
    if (this.#missing !== '') {
      parts.push(`${this.#missing}: not read yet${this.#error ? ` (${describe(this.#error)})` : ''}`);
    }
    return parts.join('; ') || 'some nodes in Consul';
  }
}
