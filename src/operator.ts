import type { ConsulClient } from './consul/client.ts';
import { comparePeriodically } from './consul/comparison.ts';
import { ObservedState } from './consul/observed-state.ts';
import { ObservedWatcher } from './consul/observed-watcher.ts';
import { Writer } from './consul/writer.ts';
import { createDesired } from './desired/desired.ts';
import { consulNodeNameOf } from './desired/node-entry.ts';
import { KubeClient } from './kube/client.ts';
import type { ClusterStores } from './kube/cluster-stores.ts';
import { Backoff } from './lib/backoff.ts';
import { describe, RegistrarError } from './lib/errors.ts';
import type { Transport } from './lib/transport.ts';
import type { Metrics } from './metrics/catalogue.ts';
import { type ClusterUid, clusterUid } from './model/keys.ts';
import { DesiredNodes, NodeNames } from './operator/desired-nodes.ts';
import {
  clusterStoresOf,
  consulClientOf,
  desiredOptionsOf,
  type Surroundings,
  unsyncedParts,
} from './operator/parts.ts';
import { readClusterUid } from './reconcile/cluster-uid.ts';
import { exportMetrics } from './reconcile/exported-metrics.ts';
import { EvidenceBook } from './reconcile/guard/evidence-book.ts';
import { Guard, type Released, type Selection } from './reconcile/guard/guard.ts';
import { guardOptionsOf } from './reconcile/guard/guard-options.ts';
import { SecondLook } from './reconcile/guard/second-look.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { statusOf } from './server/operator-status.ts';
import type { Status, StatusSource } from './server/status.ts';

export interface OperatorOptions extends Surroundings {
  readonly metrics: Metrics;
  /**
   * To Consul, for queries that wait; at least `watchConnections` of its own, so that they never hold up a
   * write. Default: `consul`, which is right only where it has no limit.
   */
  readonly consulWatch?: Transport;
  readonly version: string;
}

/** What exists once the cluster and Consul have both been read. */
interface Running {
  readonly observed: ObservedState;
  readonly writer: Writer;
  readonly reconciler: Reconciler;
  readonly desiredNodes: DesiredNodes;
  readonly guard: Guard;
}

/**
 * The composition root: reflectors → stores → dirty nodes → desired state → diff against the observed state
 * → policy → writer → Consul, and a periodic comparison of everything.
 *
 * Nothing is written before every reflector has synced and Consul has been read whole.
 */
export class Operator implements StatusSource {
  readonly #options: OperatorOptions;
  readonly #client: ConsulClient;
  readonly #stores: ClusterStores;
  readonly #startedAt: number;
  readonly #names: NodeNames;
  readonly #book: EvidenceBook;
  #running: Running | undefined;
  #owner: ClusterUid | undefined;
  #consulError: RegistrarError | undefined;
  #lastFullSync: number | undefined;

  constructor(options: OperatorOptions) {
    const { config, clock, metrics } = options;
    this.#options = options;
    this.#startedAt = clock.wall();
    this.#client = consulClientOf(options);
    this.#stores = clusterStoresOf(options, {
      onDirty: (node, receivedAt) => this.#dirty(node, receivedAt),
      onRegression: () => this.#book.regress(),
    });
    this.#book = new EvidenceBook({ clock, regressionMs: config.guard.window });
    this.#book.follow(this.#stores);
    this.#names = new NodeNames(config.cluster.name);
    exportMetrics(metrics, {
      clock,
      reflectors: () => this.#stores.status(),
      nodes: () => this.#running?.observed.nodes() ?? [],
      queue: () => this.#running?.reconciler.queue,
      problems: () => this.#running?.reconciler.problems() ?? [],
      findings: () => this.#running?.reconciler.findings() ?? [],
    });
  }

  /**
   * Runs until the signal aborts; then lets the transactions in flight end and leaves everything registered
   * as it is. Rejects only for an error of our own.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    logger.info('started', {
      reason: 'Started',
      version: this.#options.version,
      policy: this.#options.config.sync.policy,
    });
    // An error of our own ends the parts that still run, too.
    const failed = new AbortController();
    const until = AbortSignal.any([signal, failed.signal]);
    const parts = [this.#stores.start(until), this.#reconcile(until)].map((part) =>
      part.catch((thrown) => {
        failed.abort();
        if (!signal.aborted) throw thrown;
      }),
    );
    const results = await Promise.allSettled(parts);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    logger.info('stopped; registrations stay as they are', { reason: 'Stopped' });
  }

  notReady(): readonly string[] {
    const missing = unsyncedParts(this.#stores);
    if (this.#owner === undefined) missing.push('cluster uid: not read yet');
    if (this.#lastFullSync === undefined && this.#owner !== undefined) {
      missing.push(`Consul: not read yet${this.#consulError ? ` (${describe(this.#consulError)})` : ''}`);
    }
    return missing;
  }

  status(): Status {
    const { config, clock, version } = this.#options;
    const { observed, reconciler, writer } = this.#running ?? {};
    return statusOf({
      clusterName: config.cluster.name,
      policy: config.sync.policy,
      consulAddresses: config.consul.addresses,
      version,
      wall: clock.wall(),
      now: clock.now(),
      startedAt: this.#startedAt,
      owner: this.#owner,
      waitingFor: this.notReady(),
      reflectors: this.#stores.status(),
      nodes: [...(observed?.nodes() ?? [])],
      problems: [...(reconciler?.problems() ?? [])],
      findings: [...(reconciler?.findings() ?? [])],
      queue: {
        depth: reconciler?.queue.depth ?? 0,
        oldestMs: Math.round(reconciler?.queue.oldestMs ?? 0),
        inFlight: writer?.inFlight ?? 0,
      },
      consulUp:
        this.#lastFullSync === undefined && this.#consulError === undefined
          ? undefined
          : this.#error === undefined,
      consulError: this.#error,
      lastFullSync: this.#lastFullSync,
    });
  }

  /** A person lets go what is held. */
  release(selection: Selection): Released {
    return this.#running?.guard.release(selection) ?? { removals: 0, nodes: 0 };
  }

  /** Why Consul cannot be read or written at the moment. */
  get #error(): RegistrarError | undefined {
    return this.#running?.reconciler.failure ?? this.#consulError;
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { config, clock, random, logger, metrics } = this.#options;
    const owner = await this.#readOwner(signal);
    this.#owner = owner;
    const observed = new ObservedState({ client: this.#client, owner });
    await this.#readConsul(observed, signal);
    await aborted(this.#stores.synced, signal);

    const desiredNodes = new DesiredNodes({
      view: this.#stores,
      observed,
      owner,
      names: this.#names,
      desired: createDesired(desiredOptionsOf(config, owner)),
    });
    const writer = new Writer({
      client: this.#client,
      clock,
      onTransaction: ({ durationMs }) => metrics.txn.observe(durationMs / 1_000),
    });
    using guard: Guard = new Guard({
      clock,
      random,
      logger,
      options: guardOptionsOf(config.guard),
      stores: this.#stores,
      observed,
      book: this.#book,
      look: new SecondLook({
        transport: this.#options.kube,
        clock,
        view: this.#stores,
        ...config.kubernetes,
      }),
      nodeName: (kubeNode) => consulNodeNameOf(kubeNode, config.cluster.name),
      touch: (name) => reconciler.review(name),
    });
    using reconciler = new Reconciler({
      clock,
      random,
      logger,
      metrics,
      observed,
      writer,
      owner,
      policy: config.sync.policy,
      guard,
      desired: (name) => desiredNodes.of(name),
      onSettled: (name) => {
        for (const old of desiredNodes.supersededBy(name)) reconciler.review(old);
      },
    });
    this.#running = { observed, reconciler, writer, desiredNodes, guard };
    this.#reviewAll();
    logger.info('cluster and Consul are read', {
      reason: 'Synced',
      nodes: this.#names.size,
      registered: [...observed.nodes()].reduce((sum, { instances }) => sum + instances.size, 0),
    });
    const watcher = new ObservedWatcher({
      client: consulClientOf({
        ...this.#options,
        consul: this.#options.consulWatch ?? this.#options.consul,
      }),
      observed,
      clock,
      random,
      onDrift: (drift) => reconciler.drifted(drift),
      onAppeared: (name) => reconciler.review(name),
      onInterrupted: (error) => this.#watchInterrupted(error),
      onResumed: () => logger.info('Consul is watched again', { reason: 'WatchResumed' }),
    });
    const comparing = comparePeriodically(
      {
        client: this.#client,
        observed,
        clock,
        random,
        intervalMs: config.sync.fullComparisonInterval,
        onCompared: (drift) => {
          this.#consulError = undefined;
          this.#compared();
          reconciler.drifted(drift);
          guard.sweep();
          this.#reviewAll();
        },
        onIndexReset: () => watcher.reset(),
        onError: (error) => this.#consulFailed(error),
      },
      signal,
    );
    await Promise.all([reconciler.run(signal), watcher.run(signal), comparing, guard.run(signal)]);
  }

  async #readOwner(signal: AbortSignal): Promise<ClusterUid> {
    const { config, clock, random, logger, kube } = this.#options;
    if (config.cluster.uid !== undefined) return clusterUid(config.cluster.uid);
    return readClusterUid({ kube: new KubeClient(kube), clock, random, logger }, signal);
  }

  /** Reads everything of ours; asks until it succeeds. */
  async #readConsul(observed: ObservedState, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff({ initialMs: 500, maxMs: 10_000, random });
    for (;;) {
      try {
        await observed.readAll(signal);
        this.#consulError = undefined;
        this.#options.metrics.consulUp.set(1);
        this.#compared();
        return;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = RegistrarError.from(thrown);
        this.#consulFailed(error);
        await clock.sleep(backoff.next(error.retryAfterMs), signal);
      }
    }
  }

  #compared(): void {
    this.#lastFullSync = this.#options.clock.wall();
    this.#options.metrics.lastFullSync.set(this.#lastFullSync / 1_000);
  }

  #consulFailed(error: RegistrarError): void {
    if (this.#consulError?.code !== error.code) {
      this.#options.logger.error('Consul cannot be read; registrations stay as they are, trying again', {
        reason: 'ConsulUnavailable',
        addresses: this.#options.config.consul.addresses,
        code: error.code,
        error: describe(error),
        ...(error.code === 'forbidden' || error.code === 'unauthorized'
          ? {
              hint: 'the token needs node_prefix "" and service_prefix "" with policy read, and write for what is registered',
            }
          : {}),
      });
    }
    this.#consulError = error;
    this.#options.metrics.consulUp.set(0);
  }

  #watchInterrupted(error: RegistrarError): void {
    this.#options.logger.warn('changes by others in Consul are found late: the watch fails, trying again', {
      reason: 'WatchInterrupted',
      code: error.code,
      error: describe(error),
    });
  }

  #dirty(kubeNode: string, receivedAt: number): void {
    const name = this.#names.add(kubeNode);
    if (this.#running === undefined) return;
    const { reconciler, desiredNodes } = this.#running;
    reconciler.touch(name, receivedAt);
    for (const old of desiredNodes.supersededBy(name)) reconciler.touch(old, receivedAt);
  }

  /** A look at everything that is wanted or there, when nothing urgent waits. */
  #reviewAll(): void {
    if (this.#running === undefined) return;
    const { observed, reconciler } = this.#running;
    for (const name of this.#names.all()) reconciler.review(name);
    for (const { name } of observed.nodes()) reconciler.review(name);
  }
}

/** `promise`, or a rejection as soon as the signal aborts. */
function aborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
