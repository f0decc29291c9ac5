import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { resourceNamed } from '../resources.ts';
import type { Kubelets } from './kubelet.ts';
import { isReady, type Node, type Pod, withConditions } from './shapes.ts';

export interface NodeSpec {
  readonly name: string;
  /** InternalIP. */
  readonly address: string;
  readonly externalAddress?: string;
  readonly zone?: string;
  readonly region?: string;
}

/** How often a kubelet renews its Lease, ms. */
const leaseMs = 10_000;
/** From the end of a node until its pods are collected: the collector's quarantine and period, ms. */
const orphanedMs = 60_000;
/** Until a silent node is given up (node-monitor-grace-period), ms. */
const graceMs = 40_000;
/** From then until its pods are deleted (the default toleration), ms. */
const evictionMs = 300_000;

const pods = resourceNamed('pods');
const nodes = resourceNamed('nodes');
const leaseNamespace = 'kube-node-lease';

/**
 * Nodes come, fall silent, return and go; kubelets that are heard renew their Leases. The node lifecycle controller and
 * the pod garbage collector draw the conclusions.
 */
export class Nodes implements Disposable {
  readonly #api: KubeApi;
  readonly #clock: Clock;
  readonly #kubelets: Kubelets;
  readonly #timers = new Map<string, Disposable>();
  readonly #silent = new Set<string>();
  #heartbeat: Disposable | undefined;

  constructor(api: KubeApi, clock: Clock, kubelets: Kubelets) {
    this.#api = api;
    this.#clock = clock;
    this.#kubelets = kubelets;
  }

  add({ name, address, externalAddress, zone, region }: NodeSpec): void {
    const labels: Record<string, string> = { 'kubernetes.io/hostname': name };
    if (zone !== undefined) labels['topology.kubernetes.io/zone'] = zone;
    if (region !== undefined) labels['topology.kubernetes.io/region'] = region;
    const external = externalAddress === undefined ? [] : [{ type: 'ExternalIP', address: externalAddress }];
    this.#api.registry.create(nodes, '', {
      metadata: { name, labels },
      spec: {},
      status: {
        addresses: [{ type: 'InternalIP', address }, { type: 'Hostname', address: name }, ...external],
        conditions: withConditions([], [ready], this.#api.store.time()),
      },
    });
    this.#renew(name);
    this.#heartbeat ??= this.#clock.schedule(leaseMs, () => this.#renewAll());
  }

  /** The machine is gone, and its cloud says so: the Node goes at once, its pods when the collector finds them. */
  remove(name: string): void {
    this.#kubelets.lose(name);
    this.#silent.add(name);
    this.#api.registry.delete(nodes, '', name);
    this.#after(name, orphanedMs, () => this.#collect(name));
  }

  /** The node falls silent: Ready turns Unknown after 40 s, its pods are deleted 300 s later. */
  fail(name: string): void {
    this.#kubelets.stop(name);
    this.#silent.add(name);
    this.#after(name, graceMs, () => {
      this.#setReady(name, lost);
      this.#markPodsUnready(name);
      this.#after(name, evictionMs, () => this.#evict(name));
    });
  }

  /** It returns, and its kubelet with it. */
  recover(name: string): void {
    this.#timers.get(name)?.[Symbol.dispose]();
    this.#timers.delete(name);
    this.#silent.delete(name);
    this.#setReady(name, ready);
    this.#renew(name);
    this.#kubelets.start(name);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#heartbeat?.[Symbol.dispose]();
  }

  #renewAll(): void {
    const there = (this.#api.store.list('nodes') as readonly Node[]).map(({ metadata }) => metadata.name);
    for (const name of there) this.#renew(name);
    this.#heartbeat = there.length === 0 ? undefined : this.#clock.schedule(leaseMs, () => this.#renewAll());
  }

  #renew(name: string): void {
    if (this.#silent.has(name) || this.#kubelets.isStopped(name)) return;
    this.#api.addNamespace(leaseNamespace);
    this.#api.store.apply({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: leaseNamespace },
      spec: {
        holderIdentity: name,
        leaseDurationSeconds: 40,
        renewTime: new Date(this.#clock.wall()).toISOString().replace('Z', '000Z'),
      },
    });
  }

  /** As the pod garbage collector: fails the pods of a node that is gone, and deletes them by force. */
  #collect(name: string): void {
    this.#timers.delete(name);
    for (const pod of this.#podsOn(name)) {
      const { namespace = '', name: podName } = pod.metadata;
      this.#api.store.put(pods, { ...pod, status: { ...pod.status, phase: 'Failed' } });
      this.#api.registry.delete(pods, namespace, podName, { gracePeriodSeconds: 0 });
    }
  }

  #after(name: string, ms: number, step: () => void): void {
    this.#timers.get(name)?.[Symbol.dispose]();
    this.#timers.set(name, this.#clock.schedule(ms, step));
  }

  #setReady(name: string, condition: typeof ready): void {
    const node = this.#api.store.get('nodes', undefined, name) as Node | undefined;
    if (node === undefined) return;
    const conditions = withConditions(node.status.conditions, [condition], this.#api.store.time());
    this.#api.store.put(nodes, { ...node, status: { ...node.status, conditions } });
  }

  #podsOn(name: string): Pod[] {
    return (this.#api.store.list('pods') as readonly Pod[]).filter(({ spec }) => spec.nodeName === name);
  }

  #markPodsUnready(name: string): void {
    for (const pod of this.#podsOn(name).filter(isReady)) {
      const unready = { type: 'Ready', status: 'False' };
      const conditions = withConditions(pod.status.conditions, [unready], this.#api.store.time());
      this.#api.store.put(pods, { ...pod, status: { ...pod.status, conditions } });
    }
  }

  #evict(name: string): void {
    this.#timers.delete(name);
    for (const { metadata } of this.#podsOn(name)) {
      this.#api.registry.delete(pods, metadata.namespace ?? '', metadata.name);
    }
  }
}

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  message: 'kubelet is posting ready status',
};
const lost = {
  type: 'Ready',
  status: 'Unknown',
  reason: 'NodeStatusUnknown',
  message: 'Kubelet stopped posting node status.',
};
