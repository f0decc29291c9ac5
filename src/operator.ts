import type { ConsulClient } from './consul/client.ts';
import { createDesired } from './desired/desired.ts';
import { NodeNames } from './desired/node-names.ts';
import { KubeClient } from './kube/client.ts';
import type { ClusterStores } from './kube/cluster-stores.ts';
import { readClusterUid } from './kube/cluster-uid.ts';
import { counted } from './lib/counted.ts';
import { describe, RegistrarError } from './lib/errors.ts';
import { Outage } from './lib/outage.ts';
import { type Pause, pauseBy } from './lib/pause.ts';
import { retry } from './lib/retry.ts';
import { unlessAborted } from './lib/unless-aborted.ts';
import type { Metrics } from './metrics/catalogue.ts';
import { type ClusterUid, type ConsulNodeName, clusterUid } from './model/keys.ts';
import { Leadership, type Replica } from './operator/leadership.ts';
import {
  clusterStoresOf,
  consulClientOf,
  desiredOptionsOf,
  pendingParts,
  refusedParts,
  registryOf,
  type Surroundings,
} from './operator/parts.ts';
import { Writing } from './operator/writing.ts';
import { unreadSourceText } from './plan/kept.ts';
import { DesiredNodes } from './reconcile/desired-nodes.ts';
import { exportMetrics } from './reconcile/exported-metrics.ts';
import { History } from './reconcile/history.ts';
import type { Released, Selection } from './reconcile/holds/guard.ts';
import { Tombstones } from './reconcile/holds/tombstones.ts';
import { ServiceCounts } from './reconcile/service-counts.ts';
import { Heartbeat } from './registry/catalog/heartbeat.ts';
import type { Fence } from './registry/fence.ts';
import type { ObservedState } from './registry/observed-state.ts';
import type { Registry, RegistryListener } from './registry/registry.ts';
import { operatorDump } from './server/debug-dump.ts';
import { statusOf } from './server/operator-status.ts';
import type { Reading, StatusSource } from './server/reading.ts';
import type { Status } from './server/status.ts';
import { queueLine } from './server/status-lines.ts';

export interface OperatorOptions extends Surroundings {
  readonly metrics: Metrics;
  readonly version: string;
  /** Needed for leader election. */
  readonly replica?: Replica;
}

/** What exists once the cluster and Consul have both been read. */
interface Running {
  readonly registry: Registry;
  readonly observed: ObservedState;
  readonly desiredNodes: DesiredNodes;
  readonly listener: RegistryListener;
}

/**
 * The composition root: reflectors → stores → dirty nodes → desired state → diff against the observed state
 * → policy → writer → Consul, and a periodic comparison of everything.
 *
 * Nothing is written before every source in Kubernetes has been read, or refused, and Consul has been read whole. On
 * standby, only the stores and the observed state are kept up to date.
 */
export class Operator implements StatusSource {
  readonly #options: OperatorOptions;
  readonly #client: ConsulClient;
  readonly #stores: ClusterStores;
  readonly #startedAt: number;
  readonly #names: NodeNames;
  readonly #book: Tombstones;
  readonly #leadership: Leadership;
  readonly #services = new ServiceCounts(() => this.#running?.observed.nodes() ?? []);
  readonly #history: History;
  #running: Running | undefined;
  /** While this process leads. */
  #writing: Writing | undefined;
  /** Nodes that changed while this process did not write, the latest last, and when. */
  readonly #unwritten = new Map<ConsulNodeName, number>();
  #owner: ClusterUid | undefined;
  readonly #ownerKnown = Promise.withResolvers<ClusterUid>();
  /** Whether Consul can be read. */
  readonly #outage = new Outage();
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
    this.#book = new Tombstones({
      clock,
      regressionMs: config.guard.window,
      doubtfulSince: () => this.#stores.reflectors.doubtfulSince,
    });
    this.#book.follow(this.#stores);
    this.#names = new NodeNames(config.cluster.name);
    this.#leadership = new Leadership({
      ...options,
      config: config.leaderElection,
      replica: options.replica ?? { identity: 'the only one', namespace: 'default' },
      consul: this.#client,
      consulError: () => this.#error,
    });
    this.#history = new History({
      clock,
      services: this.#services,
      unanswered: () => this.#writing?.reconciler.queue.unanswered,
    });
    exportMetrics(metrics, {
      clock,
      leadership: this.#leadership,
      isConsulUp: () => this.#lastFullSync !== undefined && this.#error === undefined,
      reflectors: () => this.#stores.reflectors.status(),
      services: () => this.#services.inSlices(pauseBy(clock)),
      queue: () => this.#writing?.reconciler.queue,
      problems: () => this.#writing?.reconciler.problems() ?? [],
      findings: () => this.#writing?.reconciler.findings() ?? [],
    });
  }

  /**
   * Runs until the signal aborts; then waits for the transactions in flight and leaves everything registered as it is.
   * Rejects only for a bug.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    logger.info(
      `kube-registrar ${this.#options.version} started, policy ${this.#options.config.sync.policy}`,
      {
        reason: 'Started',
        version: this.#options.version,
        policy: this.#options.config.sync.policy,
      },
    );
    // A bug in one part ends the others, too.
    const failed = new AbortController();
    const until = AbortSignal.any([signal, failed.signal]);
    const heartbeat = this.#beat(until, () => signal.aborted);
    const parts = [
      this.#stores.reflectors.start(until),
      this.#reconcile(until),
      this.#history.run(until),
      heartbeat,
    ].map((part) =>
      part.catch((thrown) => {
        failed.abort();
        if (!signal.aborted) throw thrown;
      }),
    );
    const results = await Promise.allSettled(parts);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    logger.info('stopped; registrations stay as they are', { reason: 'Stopped' });
  }

  unhealthy(): string | undefined {
    return this.#leadership.unhealthy;
  }

  notReady(): readonly string[] {
    const { error } = this.#outage;
    const missing = pendingParts(this.#stores);
    if (this.#owner === undefined) missing.push('cluster uid: not read yet');
    if (this.#lastFullSync === undefined && this.#owner !== undefined) {
      missing.push(`Consul: not read yet${error ? ` (${describe(error)})` : ''}`);
    }
    return missing;
  }

  degraded(): readonly string[] {
    return refusedParts(this.#stores);
  }

  status(): Status {
    return statusOf(this.#reading());
  }

  async reading(pause: Pause): Promise<Reading> {
    await this.#services.inSlices(pause);
    return this.#reading();
  }

  /** More than the status, for people who look into the process. */
  dump(): Readonly<Record<string, unknown>> {
    const { observed } = this.#running ?? {};
    const nodes = [...(observed?.nodes() ?? [])];
    return operatorDump({
      status: this.status(),
      now: this.#options.clock.now(),
      reflectors: this.#stores.reflectors.status(),
      observed: nodes,
      unread: nodes.filter(({ name }) => observed?.needsReading(name)).length,
      unwritten: this.#unwritten.size,
      evidence: this.#book,
      pending: this.#writing?.reconciler.pending,
    });
  }

  /** Releases held changes at a person's request. Throws `conflict` on a standby, which holds nothing. */
  release(selection: Selection): Released {
    if (this.#writing !== undefined) return this.#writing.guard.release(selection);
    const { state, holder } = this.#leadership.status();
    if (state !== 'standby') return { removals: 0, nodes: 0 };
    const leader = holder === null ? 'no replica is leading at the moment' : `ask the leader, ${holder}`;
    throw new RegistrarError('conflict', `this replica is a standby and holds nothing: ${leader}`);
  }

  /** The part of the identity that is the pod's name. */
  get #podName(): string {
    return this.#options.replica?.identity.replace(/_.*/, '') ?? 'kube-registrar';
  }

  /** Why Consul cannot be read or written at the moment. */
  get #error(): RegistrarError | undefined {
    return this.#writing?.reconciler.outage.error ?? this.#outage.error;
  }

  /** Since when it cannot be read or written, wall-clock ms. */
  get #failingSince(): number | undefined {
    const all = [this.#writing?.reconciler.outage.since, this.#outage.since];
    const known = all.filter((since) => since !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #reading(): Reading {
    const { config, clock, version } = this.#options;
    const { observed } = this.#running ?? {};
    const { reconciler, writer } = this.#writing ?? {};
    return {
      clusterName: config.cluster.name,
      policy: config.sync.policy,
      consulAddresses: config.consul.addresses,
      version,
      wall: clock.wall(),
      now: clock.now(),
      startedAt: this.#startedAt,
      owner: this.#owner,
      leadership: this.#leadership.status(),
      waitingFor: this.notReady(),
      degraded: this.degraded(),
      reflectors: this.#stores.reflectors.status(),
      nodes: [...(observed?.nodes() ?? [])],
      services: this.#services.now,
      problems: [...(reconciler?.problems() ?? [])],
      findings: [...(reconciler?.findings() ?? [])],
      drift: reconciler?.recentDrift() ?? [],
      changes: reconciler?.recentChanges() ?? [],
      history: this.#history.moments(),
      queue: queueLine(reconciler?.queue, writer?.inFlight ?? 0),
      consulUp:
        this.#lastFullSync === undefined && this.#outage.error === undefined
          ? undefined
          : this.#error === undefined,
      consulError: this.#error,
      consulFailingSince: this.#failingSince,
      lastFullSync: this.#lastFullSync,
    };
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { config, clock, logger, metrics } = this.#options;
    const owner = await this.#readOwner(signal);
    this.#owner = owner;
    this.#ownerKnown.resolve(owner);
    await using registry = registryOf(this.#options, {
      owner,
      view: this.#stores,
      names: this.#names,
      synced: (until) => unlessAborted(this.#stores.reflectors.settled, until),
    });
    const { observed } = registry;
    await this.#readConsul(registry, signal);
    await unlessAborted(this.#stores.reflectors.settled, signal);

    const desiredNodes = new DesiredNodes({
      view: this.#stores,
      unread: () => this.#stores.reflectors.unread,
      observed,
      owner,
      names: this.#names,
      desired: createDesired(desiredOptionsOf(config, owner)),
      wall: () => clock.wall(),
      onAging: (name, inMs) => this.#writing?.reconciler.reviewAfter(name, inMs),
    });
    const listener: RegistryListener = {
      // On standby, the leader's writes look like drift.
      onDrift: (drift) => this.#writing?.reconciler.drifted(drift),
      onAppeared: (name) => this.#writing?.reconciler.review(name),
      onWake: (ledToReading) => metrics.consulWakes.inc({ led_to: ledToReading ? 'reading' : 'nothing' }),
      onCompared: (drift) => {
        this.#compared();
        this.#writing?.reconciler.drifted(drift);
        this.#writing?.guard.sweep();
        this.#reviewAll();
      },
      onError: (error) => this.#consulFailed(error),
      isWanted: (name) => {
        const kubeNode = this.#names.get(name);
        return (
          desiredNodes.of(name).entry !== undefined || this.#stores.kubeNode(kubeNode ?? '') !== undefined
        );
      },
    };
    this.#running = { registry, observed, desiredNodes, listener };
    const registered = [...observed.nodes()].reduce((sum, { instances }) => sum + instances.size, 0);
    const durationMs = Math.round(clock.wall() - this.#startedAt);
    const found = `${counted(registered, 'instance')} in Consul, ${counted(this.#names.size, 'node')}`;
    logger.info(`initial sync complete: ${found}, in ${(durationMs / 1_000).toFixed(1)} s`, {
      reason: 'Synced',
      nodes: this.#names.size,
      unread: this.#stores.reflectors.unread.map(unreadSourceText),
      registered,
      durationMs,
    });
    const comparing = registry.compare(listener, signal);
    const serving = this.#leadership.run(owner, (fence, until) => this.#write(owner, fence, until), signal);
    await Promise.all([serving, comparing]);
  }

  /** Registers this process in Consul as alive, where the configuration asks for it. */
  async #beat(signal: AbortSignal, wasAsked: () => boolean): Promise<void> {
    const { config, replica, version, clock, random, logger } = this.#options;
    const { enabled, ttl } = config.consul.heartbeat;
    if (!enabled) return;
    const heartbeat = new Heartbeat({
      client: this.#client,
      clock,
      random,
      logger,
      clusterName: config.cluster.name,
      owner: await unlessAborted(this.#ownerKnown.promise, signal),
      identity: replica?.identity ?? this.#podName,
      podName: this.#podName,
      version,
      ttlMs: ttl,
      role: () => (this.#leadership.isLeading ? 'leader' : 'standby'),
      unhealthy: () => this.unhealthy(),
    });
    await heartbeat.run(signal);
    // After an error, the check turns critical; it is not removed.
    await (wasAsked() ? heartbeat.leave() : heartbeat.die());
  }

  /** Writes until the signal aborts. What changed before this process led is written as well. */
  async #write(owner: ClusterUid, fence: Fence, signal: AbortSignal): Promise<void> {
    const { registry, observed, desiredNodes, listener } = this.#running!;
    const unseen = [...this.#names.all()].filter((name) => observed.needsReading(name));
    // The last writes of the previous leader may not have been seen: each node is read before it is computed.
    if (this.#leadership.isElected) observed.distrust();
    if (!(await this.#readNodes(unseen, registry, signal))) return;
    using writing = new Writing({
      ...this.#options,
      history: this.#history,
      registry,
      stores: this.#stores,
      book: this.#book,
      desiredNodes,
      owner,
      fence,
      podName: this.#podName,
    });
    this.#writing = writing;
    try {
      for (const [name, since] of this.#unwritten) writing.reconciler.touch(name, since);
      this.#unwritten.clear();
      this.#reviewAll();
      await Promise.all([writing.run(signal), registry.watch(listener, signal)]);
    } finally {
      this.#writing = undefined;
    }
  }

  async #readOwner(signal: AbortSignal): Promise<ClusterUid> {
    const { config, clock, random, logger, kube } = this.#options;
    if (config.cluster.uid !== undefined) return clusterUid(config.cluster.uid);
    return readClusterUid({ kube: new KubeClient(kube, clock), clock, random, logger }, signal);
  }

  /** Reads everything of this cluster; tries until it succeeds. */
  async #readConsul(registry: Registry, signal: AbortSignal): Promise<void> {
    await this.#untilRead(() => registry.read(signal), signal);
    this.#compared();
  }

  /**
   * Reads the nodes of this cluster that the full reading did not show, so that the first change is computed from all
   * of them: a request without a token is not told what is left out of its answer. Tries until it succeeds; false when
   * the signal aborted before.
   */
  async #readNodes(
    unseen: readonly ConsulNodeName[],
    registry: Registry,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { observed } = registry;
    // Each agent is read when it answers.
    if (observed.features.nodesFailAlone) return true;
    const read = async () => {
      if (this.#outage.error !== undefined) await registry.read(signal);
      await observed.load(unseen, signal);
    };
    try {
      await this.#untilRead(read, signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      return false;
    }
    if (this.#outage.error !== undefined) this.#compared();
    return true;
  }

  async #untilRead(read: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const onError = (error: RegistrarError) => this.#consulFailed(error);
    await retry(read, { clock, random, initialMs: 500, maxMs: 10_000, onError }, signal);
  }

  #compared(): void {
    if (this.#outage.over()) {
      this.#options.logger.info('Consul can be read again', { reason: 'ConsulAvailable' });
    }
    this.#lastFullSync = this.#options.clock.wall();
    this.#options.metrics.lastFullSync.set(this.#lastFullSync / 1_000);
  }

  #consulFailed(error: RegistrarError): void {
    if (this.#outage.failed(error, this.#options.clock.wall())) {
      this.#options.logger.error('cannot read Consul; registrations stay as they are; retrying', {
        reason: 'ConsulUnavailable',
        addresses: this.#options.config.consul.addresses,
        code: error.code,
        error: describe(error),
        ...(error.code === 'forbidden' || error.code === 'unauthorized'
          ? {
              hint: 'the token needs write on node_prefix "<cluster name>-" and on service_prefix "": see docs/consul-access.md',
            }
          : {}),
      });
    }
  }

  #dirty(kubeNode: string, receivedAt: number): void {
    const name = this.#names.add(kubeNode);
    if (this.#running === undefined) return;
    this.#running.registry.follow(name);
    if (this.#writing === undefined) {
      // The next leader may be this process: what has changed lately it looks at first.
      this.#unwritten.delete(name);
      this.#unwritten.set(name, receivedAt);
      return;
    }
    const { reconciler } = this.#writing;
    reconciler.touch(name, receivedAt);
    for (const old of this.#running.desiredNodes.waitingFor(name)) reconciler.touch(old, receivedAt);
  }

  /** A look at everything that is wanted or there, when nothing urgent waits. */
  #reviewAll(): void {
    if (this.#running === undefined || this.#writing === undefined) return;
    const { observed } = this.#running;
    const { reconciler } = this.#writing;
    for (const name of this.#names.all()) reconciler.review(name);
    for (const { name } of observed.nodes()) reconciler.review(name);
  }
}
