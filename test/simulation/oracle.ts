import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { ObjectStore } from '../../src/sandbox/kube/store.ts';
import { type Asked, askings, serviceOf } from './asking.ts';
import { tagsByRule } from './rules.ts';
import {
  endpointBackend,
  instanceKey,
  type KeptSource,
  podBackend,
  type Status,
  sourceKey,
  type Truth,
  type WantedInstance,
  type WantedNode,
} from './truth.ts';

/**
 * Which instances have to be in Consul, from nothing but the objects in the API server's store. A second,
 * direct reading of the contract that shares no code with src/desired.
 */
/** `isSelected`: whether the operator is to see a pod at all. */
export function truthOf(
  store: ObjectStore,
  clusterName: string,
  isSelected: (pod: KubeObject) => boolean = () => true,
): Truth {
  const oracle = new Oracle(store, clusterName);
  const pods = [...store.table('pods').values()].filter(isSelected).map(podOf);
  for (const pod of pods) oracle.addPod(pod);
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  for (const slice of store.table('endpointslices.discovery.k8s.io').values()) oracle.addSlice(slice, byUid);
  return oracle;
}

interface Pod {
  readonly uid: string;
  readonly node: string;
  readonly ip: string | undefined;
  readonly hostIp: string | undefined;
  readonly finished: boolean;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly containersReady: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RawEndpoint {
  readonly addresses?: readonly string[];
  readonly nodeName?: string;
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
  readonly targetRef?: { readonly uid: string };
}

interface Backend {
  readonly key: string;
  readonly kubeNode: string;
  readonly address: string;
  readonly hostIp: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly serves: boolean;
}

class Oracle implements Truth {
  readonly instances = new Map<string, WantedInstance>();
  readonly nodes = new Map<string, WantedNode>();
  readonly kept = new Map<string, KeptSource>();
  readonly #store: ObjectStore;
  readonly #clusterName: string;

  constructor(store: ObjectStore, clusterName: string) {
    this.#store = store;
    this.#clusterName = clusterName;
  }

  addPod(pod: Pod): void {
    if (pod.node === '' || pod.finished || pod.ip === undefined) return;
    const { uid, node: kubeNode, ip: address, hostIp, labels, ready, deleting: terminating } = pod;
    const serves = pod.containersReady && !terminating;
    const backend = { key: podBackend(uid), kubeNode, address, hostIp, labels, ready, terminating, serves };
    for (const asking of askings(pod.annotations, '')) {
      if ('broken' in asking) this.#keep(sourceKey(uid, '', asking.broken), backend);
      else this.#put(backend, asking.asked);
    }
  }

  addSlice(slice: KubeObject, pods: ReadonlyMap<string, Pod>): void {
    const namespace = slice.metadata.namespace ?? '';
    const name = slice.metadata.labels?.['kubernetes.io/service-name'] ?? '';
    const service = this.#store.get('services', namespace, name);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return;
    for (const asking of askings(ours(service), name)) {
      for (const endpoint of (slice['endpoints'] ?? []) as readonly RawEndpoint[]) {
        const uid = endpoint.targetRef?.uid;
        const pod = uid === undefined ? undefined : pods.get(uid);
        const backend = backendOf(endpoint, pod, { namespace, name });
        if (backend === undefined || pod?.annotations['service'] === 'false') continue;
        // What the pod's own annotations speak of is theirs.
        const own = pod === undefined ? [] : askings(pod.annotations, '');
        if (own.some((each) => serviceOf(each) === serviceOf(asking))) continue;
        if ('broken' in asking) this.#keep(sourceKey(uid ?? '', name, asking.broken), backend);
        else this.#put(backend, asking.asked);
      }
    }
  }

  #keep(source: string, { kubeNode, ready, terminating }: Backend): void {
    this.kept.set(source, { consulNode: this.#nameOf(kubeNode), ready: ready && !terminating });
  }

  #put(backend: Backend, asked: Asked): void {
    const { kubeNode, ready, terminating, serves } = backend;
    const { service, port, tags, weight } = asked;
    if (terminating && asked.drain === 'deregister') return;
    const kubeNodeObject = this.#store.get('nodes', undefined, kubeNode);
    const address =
      asked.address === 'host' ? (backend.hostIp ?? addressOf(kubeNodeObject)) : backend.address;
    const key = instanceKey(backend.key, service, port);
    if (address === undefined || this.instances.has(key)) return;
    const consulNode = this.#nameOf(kubeNode);
    this.instances.set(key, {
      key,
      consulNode,
      service,
      address,
      port,
      tags: tagsByRule(tags, backend.labels),
      app: backend.labels['app'],
      weight,
      check: statusOf(asked, ready, terminating),
      serves,
    });
    this.nodes.set(consulNode, {
      address: addressOf(kubeNodeObject) ?? backend.hostIp ?? '127.0.0.1',
      check: nodeStatus(kubeNodeObject),
    });
  }

  #nameOf(kubeNode: string): string {
    return `${this.#clusterName}-${kubeNode === '' ? 'endpoints' : kubeNode}`;
  }
}

/** Undefined when there is nothing behind it. */
function backendOf(
  { addresses: [address] = [], conditions = {}, nodeName: kubeNode = '', targetRef }: RawEndpoint,
  pod: Pod | undefined,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Backend | undefined {
  if (address === undefined || pod?.finished) return undefined;
  const { ready: isReady = true, serving = isReady, terminating: isTerminating = false } = conditions;
  const terminating = pod?.deleting === true || isTerminating;
  const ready = isReady || (terminating && serving);
  return {
    key: targetRef === undefined ? endpointBackend(namespace, name, address) : podBackend(targetRef.uid),
    kubeNode,
    address,
    hostIp: pod?.hostIp,
    labels: pod?.labels ?? {},
    ready,
    terminating,
    serves: (pod?.containersReady ?? ready) && !terminating,
  };
}

interface RawStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly hostIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
}

function podOf(object: KubeObject): Pod {
  const { metadata } = object;
  const status = (object['status'] ?? {}) as RawStatus;
  return {
    uid: metadata.uid,
    node: ((object['spec'] ?? {}) as { readonly nodeName?: string }).nodeName ?? '',
    ip: status.podIP,
    hostIp: status.hostIP,
    finished: status.phase === 'Succeeded' || status.phase === 'Failed',
    deleting: metadata.deletionTimestamp !== undefined,
    ready: isTrue(status, 'Ready'),
    containersReady: isTrue(status, 'ContainersReady'),
    labels: metadata.labels ?? {},
    annotations: ours(object),
  };
}

const isTrue = (status: RawStatus, type: string): boolean =>
  status.conditions?.some((each) => each.type === type && each.status === 'True') ?? false;

function addressOf(node: KubeObject | undefined): string | undefined {
  const status = (node?.['status'] ?? {}) as RawStatus;
  return status.addresses?.find(({ type }) => type === 'InternalIP')?.address;
}

function nodeStatus(node: KubeObject | undefined): Status | undefined {
  if (node === undefined) return undefined;
  return isTrue((node['status'] ?? {}) as RawStatus, 'Ready') ? 'passing' : 'critical';
}

const prefix = 'kube-registrar.io/';

function ours({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata.annotations ?? {});
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
  );
}

function statusOf({ check, drain }: Asked, ready: boolean, terminating: boolean): Status | undefined {
  if (terminating) return ready && drain === 'warning' ? 'warning' : 'critical';
  if (check === 'none') return undefined;
  return ready ? 'passing' : 'critical';
}
