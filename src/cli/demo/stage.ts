import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { Logger } from '../../logging/logger.ts';
import type { Metrics } from '../../metrics/catalogue.ts';
import { Operator } from '../../operator.ts';
import { Cluster } from '../../sandbox/kube/controllers/cluster.ts';
import { KubeApi } from '../../sandbox/kube/kube-api.ts';
import type { DraftObject } from '../../sandbox/kube/object.ts';
import { resourceNamed } from '../../sandbox/kube/resources.ts';
import type { ConsulTarget } from './consul-target.ts';
import { Consumer } from './consumer.ts';
import { CountingTransport, type Writes } from './counting-transport.ts';
import { Outsider } from './outsider.ts';
import { Propagation } from './propagation.ts';
import { passingOf, type ServiceView, type Transition, transitions } from './service-view.ts';
import { type LoadSize, loadOf, type Workload, type Workloads, workloads } from './workloads.ts';

export interface StageOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  readonly consul: ConsulTarget;
  readonly load: LoadSize;
  /** A consumer saw a change. */
  readonly onTransition: (transition: Transition) => void;
}

/** How things stood when a step began. */
export interface Baseline {
  /** `clock.now()` */
  readonly at: number;
  readonly writes: Writes;
  /** Number of latencies measured before. */
  readonly measured: number;
  readonly views: ReadonlyMap<string, ServiceView>;
  readonly indexes: ReadonlyMap<string, number>;
}

const nodes = [
  { name: 'node-1', address: '192.0.2.11', zone: 'a' },
  { name: 'node-2', address: '192.0.2.12', zone: 'b' },
  { name: 'node-3', address: '192.0.2.13', zone: 'c' },
];
/** What one node takes; a kubelet takes 110. */
const podsPerNode = 100;

/**
 * Everything the scenario plays on: a cluster in memory, the operator, a Consul, an outsider, and a consumer for
 * each service. The operator is the one that `run` runs, with nothing left out.
 */
export class Stage implements AsyncDisposable {
  readonly kube: KubeApi;
  readonly cluster: Cluster;
  readonly operator: Operator;
  readonly outsider: Outsider;
  readonly workloads: Workloads;
  /** What runs beside them. */
  readonly load: readonly Workload[];
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** Uid of the namespace kube-system: the stamp on everything registered. */
  readonly owner: string;
  /** Services of the load: their transitions would bury the others. */
  readonly #loaded: ReadonlySet<string>;
  readonly #options: StageOptions;
  readonly #writes: CountingTransport;
  readonly #propagation: Propagation;
  /** Fewest passing instances since the baseline, by service. */
  readonly #fewest = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #failure: unknown;

  constructor(options: StageOptions) {
    const { clock, random, logger, metrics, version, consul, load } = options;
    this.#options = options;
    this.kube = new KubeApi({ clock, random });
    this.cluster = new Cluster({
      api: this.kube,
      clock,
      // Pulling images and probing takes time: less here, and different for each pod.
      timing: () => ({ startMs: 300 + 700 * random(), readyMs: 200 + 500 * random() }),
    });
    for (const node of nodes) this.cluster.nodes.add(node);
    this.owner = this.kube.store.get('namespaces', undefined, 'kube-system')!.metadata.uid;
    this.workloads = workloads(consul.prefix);
    this.load = loadOf(consul.prefix, load);
    this.#loaded = new Set(this.load.map(({ service }) => service));
    const all: readonly Workload[] = [...Object.values(this.workloads), ...this.load];
    this.#propagation = new Propagation(this.kube.store, clock, all);
    this.#writes = new CountingTransport(consul.operator);
    this.outsider = new Outsider(consul.connect());
    const { config, token } = consul.loaded;
    this.operator = new Operator({
      config,
      clock,
      random,
      logger,
      metrics,
      version,
      kube: this.kube.transport(),
      consul: this.#writes,
      token: () => token,
    });
    const { owner } = this;
    this.consumers = new Map(
      all.map(({ service }) => {
        const onView = (before: ServiceView, consumer: Consumer) => this.#seen(before, consumer);
        return [service, new Consumer({ service, consul: consul.connect(), clock, owner, onView })];
      }),
    );
  }

  /** Number of Kubernetes nodes. */
  get nodes(): number {
    return this.kube.store.table('nodes').size;
  }

  get now(): number {
    return this.#options.clock.now();
  }

  /** What the operator has written so far. */
  get writes(): Writes {
    return this.#writes.writes;
  }

  /** Latencies from Kubernetes to the consumer, ms, measured so far. */
  get latencies(): readonly number[] {
    return this.#propagation.latencies;
  }

  /** The operator ended although nobody asked it to. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Names and views of the services that the scenario is about. */
  get shown(): readonly { readonly service: string; readonly view: ServiceView }[] {
    const all: readonly Workload[] = Object.values(this.workloads);
    return all.map((workload) => ({ service: workload.service, view: this.view(workload) }));
  }

  /** What consumers see of the load, in a few words; empty without any. */
  get loadText(): string {
    const { length } = this.load;
    if (length === 0) return '';
    const wanted = this.load.reduce((sum, { replicas }) => sum + replicas, 0);
    const passing = this.load.reduce((sum, workload) => sum + passingOf(this.view(workload)), 0);
    return `${length} more service${length === 1 ? '' : 's'}: ${passing} of ${wanted} instances passing`;
  }

  /** As many nodes as the load needs beside those of the scenario. */
  addLoadNodes(): void {
    const pods = this.load.reduce((sum, { replicas }) => sum + replicas, 0);
    for (let number = 1; number <= Math.ceil(pods / podsPerNode); number += 1) {
      const zone = nodes[number % nodes.length]!.zone;
      this.cluster.nodes.add({
        name: `node-${nodes.length + number}`,
        address: `198.51.100.${number}`,
        zone,
      });
    }
  }

  view({ service }: Workload): ServiceView {
    return this.consumers.get(service)!.view;
  }

  /** Fewest passing instances that a consumer saw since the baseline. */
  fewestPassing({ service }: Workload): number {
    return this.#fewest.get(service) ?? 0;
  }

  /** The consumers begin to follow their services. */
  watch(): void {
    for (const consumer of this.consumers.values()) this.#running.push(consumer.follow(this.#stop.signal));
  }

  startOperator(): void {
    const { signal } = this.#stop;
    const run = this.operator.run(signal).then(
      () => {
        if (!signal.aborted) this.#failure = new RegistrarError('internal', 'the operator ended by itself');
      },
      (thrown) => {
        if (!signal.aborted) this.#failure = thrown;
      },
    );
    this.#running.push(run);
  }

  baseline(): Baseline {
    const views = new Map([...this.consumers].map(([service, { view }]) => [service, view]));
    for (const [service, view] of views) this.#fewest.set(service, passingOf(view));
    return {
      at: this.now,
      writes: this.writes,
      measured: this.latencies.length,
      views,
      indexes: new Map([...this.consumers].map(([service, { index }]) => [service, index])),
    };
  }

  /** The node stops reporting, and the control plane says so. A real one waits 40 s first; the demo does not. */
  loseNode(name: string): void {
    this.cluster.kubelets.stop(name);
    this.#setNodeReady(name, {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
  }

  /** Replaces a Deployment, as `kubectl replace` does. */
  replaceDeployment(draft: DraftObject & { readonly metadata: { readonly name: string } }): void {
    const { name, namespace = 'default' } = draft.metadata;
    const resource = resourceNamed('deployments.apps');
    this.kube.registry.update({ resource, namespace, name, subresource: '' }, draft);
  }

  /** Ends operator and consumers as SIGTERM does: what is in flight is finished, registrations stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    this.#propagation[Symbol.dispose]();
    this.cluster[Symbol.dispose]();
  }

  #seen(before: ServiceView, { service, view, viewedAt }: Consumer): void {
    this.#propagation.seen(service, view, viewedAt);
    this.#fewest.set(service, Math.min(this.#fewest.get(service) ?? 0, passingOf(view)));
    if (this.#loaded.has(service)) return;
    for (const transition of transitions(before, view)) this.#options.onTransition(transition);
  }

  #setNodeReady(name: string, condition: object): void {
    const node = this.kube.store.get('nodes', undefined, name)!;
    const status = node['status'] as { readonly conditions: readonly { readonly type: string }[] };
    const others = status.conditions.filter(({ type }) => type !== 'Ready');
    this.kube.store.apply({ ...node, status: { ...status, conditions: [...others, condition] } });
  }
}
