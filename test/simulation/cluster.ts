import type { Clock } from '../../src/lib/clock.ts';
import type { Fault, Interceptor } from '../../src/sandbox/kube/faults.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { type KubeObject, withMeta } from '../../src/sandbox/kube/object.ts';
import { namedPorts, prefixed } from './asking.ts';
import type { DefaultSync } from './default-sync.ts';
import type { Draw } from './draw.ts';
import { LeftOut } from './left-out.ts';
import { News } from './news.ts';
import { truthOf } from './oracle.ts';
import {
  controllerOf,
  endpointOf,
  hasCondition,
  podStatus,
  type ServiceSpec,
  statusOf,
} from './pod-status.ts';
import { gatewayTable, routeTables } from './route-oracle.ts';
import { endpointBackend } from './truth.ts';
import { TruthHistory } from './truth-history.ts';

export interface PodDraft {
  readonly name: string;
  readonly node: string;
  readonly ip?: string;
  /** Without the prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly ready?: boolean;
  /** Label `app`, by which Services select. */
  readonly app?: string;
  readonly hostNetwork?: boolean;
  /** Besides `app`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: `default`. */
  readonly namespace?: string;
  /** What controls it. */
  readonly owner?: { readonly kind: string; readonly name: string };
}

export interface ServiceDraft {
  /** `app` of the pods it selects. Default: its name. */
  readonly app?: string;
  /** Default: `default`. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Beside its selector and ports. */
  readonly spec?: object;
}

/** `mostly registered`: the news of their loss may come in pieces, each of which is small. */
export type Spared = 'registered' | 'mostly registered' | 'passing';

type NodeAddresses = readonly { readonly type: string; readonly address: string }[];

type KubeRequest = Parameters<Interceptor>[0];

/** Changes what the server answers to some requests while it is in force. */
export type KubeFault = (request: KubeRequest) => Fault | undefined;

/** How often a kubelet renews its Lease, ms. */
const leaseMs = 10_000;

/** What the truth is read from; Leases and Events are not. */
const matters: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'endpointslices.discovery.k8s.io',
  'nodes',
  ...Object.keys(routeTables),
  gatewayTable,
]);

/** A Kubernetes cluster with the hands that change it: kubelets, controllers, people. */
export class Cluster {
  readonly name: string;
  readonly kube: KubeApi;
  readonly history = new TruthHistory();
  readonly news = new News();
  readonly faults = new Set<KubeFault>();
  /** Instances that must stay found as they are whatever the API says; see the actions that fill it. */
  readonly spared = new Map<string, Spared>();
  sparedSince = 0;
  /** Addresses of pods that run though the API server does not have them. */
  readonly running = new Set<string>();
  /** Somebody else had a node of its name or on its node for a while. */
  wasTakenOver = false;
  /** When the history last went backwards: what kubelets do tells nothing for a while. */
  wentBackAt: number | undefined;
  /** How often a backup was restored. */
  restores = 0;
  /** A list came short and claimed to be whole: a store may miss what did not change since. */
  wasLiedTo = false;
  /** Whether a pod is one the operator is to see. */
  isSelected: (pod: KubeObject) => boolean = () => true;
  /** Nodes whose kubelets are not heard: their containers run on, whatever the API server has. */
  readonly silent = new Set<string>();
  /** What the operator registers without annotations. */
  sync: DefaultSync | undefined;
  /** The same with a mistake in it: with which the operator runs for the moment. */
  mistaken: DefaultSync | undefined;
  readonly #clock: Clock;
  readonly #addresses: string[] = [];
  readonly #nodeAddresses = new Map<string, NodeAddresses>();
  #nextAddress = 1;
  #nextName = 1;
  #heartbeat: Disposable | undefined;

  constructor(name: string, clock: Clock, draw: Draw, sync?: DefaultSync) {
    this.name = name;
    this.sync = sync;
    this.#clock = clock;
    this.kube = new KubeApi({ clock, random: draw.random });
    this.kube.faults.intercept = (request) => {
      for (const fault of this.faults) {
        const found = fault(request);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    this.kube.store.subscribe(({ storage }) => {
      if (matters.has(storage) || (storage === 'namespaces' && this.sync !== undefined)) this.looked();
    });
    this.looked();
    this.kube.addNamespace('kube-node-lease');
    this.live();
  }

  /** Controllers renew their Leases, and kubelets theirs, as far as they are heard and have a node. */
  live(): void {
    this.#heartbeat ??= this.#clock.schedule(leaseMs, () => {
      this.#heartbeat = undefined;
      for (const { metadata } of this.nodes())
        if (!this.silent.has(metadata.name)) this.renewLease('kube-node-lease', metadata.name);
      this.renewLease('kube-system', 'kube-controller-manager');
      this.live();
    });
  }

  /** Nothing happens by itself any more: what is pending then is somebody else's. */
  stop(): void {
    this.#heartbeat?.[Symbol.dispose]();
    this.#heartbeat = undefined;
  }

  renewLease(namespace: string, name: string): void {
    this.kube.store.apply({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: {
        holderIdentity: name,
        leaseDurationSeconds: 40,
        renewTime: new Date(this.#clock.wall()).toISOString(),
      },
    });
  }

  get uid(): string {
    return this.kube.store.get('namespaces', undefined, 'kube-system')!.metadata.uid;
  }

  /** Takes in the truth as it is now. */
  looked(): void {
    this.history.add(this.#clock.now(), truthOf(this.kube.store, this.name, this.isSelected, this.sync));
  }

  /** What is left out by the mistake that the operator runs with; undefined while there is none. */
  leftOut(): LeftOut | undefined {
    const { mistaken, sync } = this;
    if (mistaken === undefined) return undefined;
    const truth = truthOf(this.kube.store, this.name, this.isSelected, mistaken);
    return new LeftOut(truth, this.history.now, mistaken.namespaces !== sync?.namespaces);
  }

  pods(): readonly KubeObject[] {
    return this.kube.store.list('pods');
  }

  nodes(): readonly KubeObject[] {
    return this.kube.store.list('nodes');
  }

  services(namespace = 'default'): readonly KubeObject[] {
    return this.kube.store.list('services', namespace);
  }

  /** A name nobody had before. */
  freshName(base: string): string {
    return `${base}-${this.#nextName++}`;
  }

  /** An address that was used before and is free now, or a new one. */
  address(reuse: boolean): string {
    const taken = new Set(this.pods().map((pod) => statusOf(pod)['podIP']));
    const free = reuse ? this.#addresses.find((ip) => !taken.has(ip) && !this.running.has(ip)) : undefined;
    if (free !== undefined) return free;
    const ip = `10.1.0.${this.#nextAddress++}`;
    this.#addresses.push(ip);
    return ip;
  }

  /** The node's machine has other addresses from now on. */
  readdress(name: string, addresses: NodeAddresses): void {
    this.#nodeAddresses.set(name, addresses);
    const node = this.kube.store.get('nodes', undefined, name);
    if (node !== undefined) this.putNode(name, hasCondition(node, 'Ready') ? 'True' : 'Unknown');
  }

  putNode(name: string, ready: 'True' | 'False' | 'Unknown' = 'True'): void {
    const number = Number(/\d+/.exec(name)?.[0] ?? 1);
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'topology.kubernetes.io/zone': `zone-${number % 2}` } },
      status: {
        addresses: this.#nodeAddresses.get(name) ?? [{ type: 'InternalIP', address: `10.0.0.${number}` }],
        conditions: [
          { type: 'Ready', status: ready, reason: ready === 'True' ? 'KubeletReady' : 'NodeStatusUnknown' },
        ],
      },
    });
  }

  putPod({
    name,
    node,
    ip,
    annotations,
    ready = true,
    app = 'none',
    hostNetwork = false,
    labels = {},
    namespace = 'default',
    owner,
  }: PodDraft): KubeObject {
    const number = Number(/\d+/.exec(node)?.[0] ?? 1);
    return this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        labels: { app, ...labels },
        annotations: prefixed(annotations),
        ...(owner === undefined ? {} : { ownerReferences: [controllerOf(owner)] }),
      },
      spec: {
        nodeName: node,
        ...(hostNetwork ? { hostNetwork } : {}),
        containers: [
          {
            name: 'main',
            image: 'x',
            ports: Object.entries(namedPorts).map(([port, containerPort]) => ({ name: port, containerPort })),
          },
        ],
      },
      status: podStatus(ip, `10.0.0.${number}`, ready),
    });
  }

  /** Replaces parts of a pod that is still there. */
  changePod(pod: KubeObject, change: (pod: KubeObject) => KubeObject): void {
    const current = this.kube.store.get('pods', pod.metadata.namespace, pod.metadata.name);
    if (current?.metadata.uid !== pod.metadata.uid) return;
    this.kube.store.apply(change(current));
    this.syncSlices();
  }

  setReady(pod: KubeObject, ready: boolean): void {
    this.changePod(pod, (current) => {
      const { podIP, hostIP } = statusOf(current);
      return { ...current, status: podStatus(podIP as string | undefined, hostIP as string, ready) };
    });
  }

  /**
   * What the node controller does to pods of a node that is not Ready: Ready becomes False, without a reason,
   * while the containers' own condition stays as the kubelet left it (MarkPodsNotReady).
   */
  markNotReady(pod: KubeObject): void {
    this.changePod(pod, (current) => {
      const status = statusOf(current);
      const conditions = (status['conditions'] as readonly { type: string }[]).map((condition) =>
        condition.type === 'Ready' ? { type: 'Ready', status: 'False' } : condition,
      );
      return { ...current, status: { ...status, conditions } };
    });
  }

  /** The kubelet is heard again: Ready follows the containers. */
  restoreReady(pod: KubeObject): void {
    const current = this.kube.store.get('pods', pod.metadata.namespace, pod.metadata.name);
    if (current !== undefined) this.setReady(pod, hasCondition(current, 'ContainersReady'));
  }

  setPhase(pod: KubeObject, phase: string): void {
    this.changePod(pod, (current) => ({ ...current, status: { ...statusOf(current), phase } }));
  }

  annotate(pod: KubeObject, annotations: Readonly<Record<string, string>>): void {
    this.changePod(pod, (current) => withMeta(current, { annotations: prefixed(annotations) }));
  }

  label(pod: KubeObject, labels: Readonly<Record<string, string>>): void {
    this.changePod(pod, (current) => withMeta(current, { labels }));
  }

  /** Grace begins: the pod is seen terminating. */
  terminate(pod: KubeObject): void {
    this.changePod(pod, (current) =>
      withMeta(current, { deletionTimestamp: this.kube.store.time(), deletionGracePeriodSeconds: 30 }),
    );
  }

  /** The end of a pod. The API server marks it first, also with a grace period of 0. */
  removePod(pod: KubeObject): void {
    const { namespace, name, uid } = pod.metadata;
    const current = this.kube.store.get('pods', namespace, name);
    if (current?.metadata.uid !== uid) return;
    if (current.metadata.deletionTimestamp === undefined) this.terminate(pod);
    this.kube.store.delete('pods', namespace, name);
    this.syncSlices();
  }

  /** Every watch ends, and nobody can go on from where it was: everything is listed again. */
  forceRelist(): void {
    // Something else moves the history past what the watches have seen.
    this.kube.addNamespace(this.freshName('other'));
    this.kube.faults.compact();
    this.kube.faults.cutWatches('end');
  }

  /** Pods are gone from etcd behind the API server's back: no event, no trace, but in the next list. */
  vanish(pods: readonly KubeObject[]): void {
    for (const { metadata } of pods) this.kube.store.vanish('pods', metadata.namespace, metadata.name);
    this.looked();
    this.syncSlices();
    this.forceRelist();
  }

  putService(
    name: string,
    annotations: Readonly<Record<string, string>>,
    { app = name, namespace = 'default', labels = {}, spec = {} }: ServiceDraft = {},
  ): void {
    const ports = Object.entries(namedPorts).map(([port, number]) => ({ name: port, port: number }));
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels, annotations: prefixed(annotations) },
      spec: { selector: { app }, ports, ...spec },
    });
    this.syncSlices();
  }

  /** A slice beside those of syncSlices(), of addresses outside the cluster. */
  putSlice(service: string, addresses: readonly string[]): KubeObject {
    return this.kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${service}-own`,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: Object.entries(namedPorts).map(([name, port]) => ({ name, port, protocol: 'TCP' })),
    });
  }

  removeService(name: string, namespace = 'default'): void {
    this.withdraw(name, namespace);
    this.kube.store.delete('services', namespace, name);
    this.kube.store.delete('endpointslices.discovery.k8s.io', namespace, `${name}-1`);
  }

  /** Its owner changes a Service: what is registered of it need not stay any more. */
  withdraw(service: string, namespace = 'default'): void {
    for (const key of this.spared.keys())
      if (key.startsWith(endpointBackend(namespace, service, ''))) this.spared.delete(key);
  }

  /** The same of a namespace: none of its Services, Ingresses and routes need stay any more. */
  withdrawAll(namespace: string): void {
    for (const key of this.spared.keys())
      if (/^(?:endpoint|route) ([^/]+)/.exec(key)?.[1] === namespace) this.spared.delete(key);
  }

  /** What the EndpointSlice controller does: the slices follow the pods. */
  syncSlices(): void {
    const pods = this.pods();
    for (const { metadata, spec } of this.kube.store.list('services')) {
      const { name, namespace = '' } = metadata;
      const { selector, publishNotReadyAddresses: isPublished } = spec as ServiceSpec;
      if (selector === undefined) continue;
      const isSelected = (pod: KubeObject) =>
        pod.metadata.labels?.['app'] === selector.app && pod.metadata.namespace === namespace;
      const endpoints = pods.filter(isSelected).flatMap((pod) => endpointOf(pod, isPublished));
      this.kube.store.apply({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints:
          name === 'outside' ? [{ addresses: ['192.0.2.7'], conditions: { ready: true } }] : endpoints,
        ports: Object.entries(namedPorts).map(([port, number]) => ({
          name: port,
          port: number,
          protocol: 'TCP',
        })),
      });
    }
  }
}
