import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { ObjectStore } from '../../src/sandbox/kube/store.ts';

/**
 * The oracle: which instances have to be in Consul, from nothing but the objects in the API server's store.
 * It is a second, direct reading of the contract (design.md: the annotation table, health, nodes), knows
 * only the annotations the simulator uses, and shares no code with src/desired.
 */

export type Status = 'passing' | 'warning' | 'critical';

export interface WantedInstance {
  readonly key: string;
  readonly consulNode: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly weight: number;
  /** Undefined: registered without a check. */
  readonly check: Status | undefined;
}

export interface WantedNode {
  readonly address: string;
  /** Undefined: no Node object, so no check. */
  readonly check: Status | undefined;
}

export interface Truth {
  readonly instances: ReadonlyMap<string, WantedInstance>;
  /** Consul nodes that must exist. */
  readonly nodes: ReadonlyMap<string, WantedNode>;
  /** Sources with a mistake in their annotations: what is registered of them stays. See `sourceKey`. */
  readonly kept: ReadonlyMap<string, { readonly consulNode: string; readonly ready: boolean }>;
}

const prefix = 'kube-registrar.io/';

/** One instance, told by what Consul shows of it rather than by its id. */
export const instanceKey = (backend: string, service: string, port: number): string =>
  `${backend} ${service}:${port}`;
export const podBackend = (uid: string): string => `pod ${uid}`;
export const endpointBackend = (namespace: string, kubeService: string, address: string): string =>
  `endpoint ${namespace}/${kubeService} ${address}`;
/** `kubeService` empty: the pod's own annotations. `service` empty: whatever the source asked for before. */
export const sourceKey = (podUid: string, kubeService: string, service: string): string =>
  `${podUid}/${kubeService}/${service}`;

interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly ip: string | undefined;
  readonly hostIp: string | undefined;
  readonly finished: boolean;
  readonly deleting: boolean;
  readonly ready: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Asked {
  readonly service: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly weight: number;
  readonly check: 'readiness' | 'none';
  readonly drain: 'critical' | 'warning' | 'deregister';
  readonly address: 'pod' | 'host';
}

type Asking = { readonly asked: Asked } | { readonly broken: string };

/** Ports of every pod in the simulation, and of every Service: name → number. */
export const namedPorts: Readonly<Record<string, number>> = { http: 8080, admin: 9090 };

export function truthOf(store: ObjectStore, clusterName: string): Truth {
  const instances = new Map<string, WantedInstance>();
  const nodes = new Map<string, WantedNode>();
  const kept = new Map<string, { readonly consulNode: string; readonly ready: boolean }>();
  const kubeNodes = new Map([...store.table('nodes').values()].map((node) => [node.metadata.name, node]));
  const pods = [...store.table('pods').values()].map(podOf);
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));

  const place = (kubeNode: string, hostIp: string | undefined): string => {
    const name = `${clusterName}-${kubeNode === '' ? 'endpoints' : kubeNode}`;
    const internal = addressOf(kubeNodes.get(kubeNode));
    const known = nodes.get(name);
    const address = internal ?? (known && known.address !== '127.0.0.1' ? known.address : hostIp);
    nodes.set(name, { address: address ?? '127.0.0.1', check: nodeStatus(kubeNodes.get(kubeNode)) });
    return name;
  };
  const put = (
    backend: string,
    kubeNode: string,
    asked: Asked,
    address: string,
    check: Status | undefined,
    hostIp?: string,
  ) => {
    const { service, port, tags, weight } = asked;
    const key = instanceKey(backend, service, port);
    if (instances.has(key)) return;
    const consulNode = place(kubeNode, hostIp);
    instances.set(key, { key, consulNode, service, address, port, tags, weight, check });
  };

  for (const pod of pods) {
    if (pod.node === '' || pod.finished || pod.ip === undefined) continue;
    for (const asking of askings(pod.annotations, '')) {
      if ('broken' in asking) {
        kept.set(sourceKey(pod.uid, '', asking.broken), {
          consulNode: `${clusterName}-${pod.node}`,
          ready: pod.ready && !pod.deleting,
        });
        continue;
      }
      const { asked } = asking;
      if (pod.deleting && asked.drain === 'deregister') continue;
      const address = asked.address === 'host' ? (pod.hostIp ?? addressOf(kubeNodes.get(pod.node))) : pod.ip;
      if (address === undefined) continue;
      put(
        podBackend(pod.uid),
        pod.node,
        asked,
        address,
        statusOf(asked, pod.ready, pod.deleting),
        pod.hostIp,
      );
    }
  }
  for (const slice of store.table('endpointslices.discovery.k8s.io').values()) {
    const namespace = slice.metadata.namespace ?? '';
    const name = slice.metadata.labels?.['kubernetes.io/service-name'] ?? '';
    const service = store.get('services', namespace, name);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) continue;
    for (const asking of askings(ours(service), name)) {
      for (const endpoint of (slice['endpoints'] ?? []) as readonly RawEndpoint[]) {
        const {
          addresses: [ip] = [],
          conditions: { ready = true, serving = ready, terminating = false } = {},
        } = endpoint;
        if (ip === undefined) continue;
        const pod = byUid.get(endpoint.targetRef?.uid ?? '');
        if (pod?.finished) continue;
        const wanted = 'asked' in asking ? asking.asked.service : asking.broken;
        const own = pod === undefined ? [] : askings(pod.annotations, '');
        if (own.some((each) => ('asked' in each ? each.asked.service : each.broken) === wanted)) continue;
        const going = pod?.deleting === true || terminating;
        const well = ready || (going && serving);
        const kubeNode = endpoint.nodeName ?? '';
        if ('broken' in asking) {
          const consulNode = `${clusterName}-${kubeNode === '' ? 'endpoints' : kubeNode}`;
          kept.set(sourceKey(endpoint.targetRef?.uid ?? '', name, asking.broken), {
            consulNode,
            ready: well && !going,
          });
          continue;
        }
        const { asked } = asking;
        if (going && asked.drain === 'deregister') continue;
        const uid = endpoint.targetRef?.uid;
        const backend = uid === undefined ? endpointBackend(namespace, name, ip) : podBackend(uid);
        put(backend, kubeNode, asked, ip, statusOf(asked, well, going), pod?.hostIp);
      }
    }
  }
  return { instances, nodes, kept };
}

/** Whether consumers have to find the instance healthy: it is, and so is its node. */
export function isWantedPassing(truth: Truth, key: string): boolean {
  const wanted = truth.instances.get(key);
  if (wanted === undefined) return false;
  return (
    (wanted.check ?? 'passing') === 'passing' && truth.nodes.get(wanted.consulNode)?.check !== 'critical'
  );
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
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    node: ((object['spec'] ?? {}) as { readonly nodeName?: string }).nodeName ?? '',
    ip: status.podIP,
    hostIp: status.hostIP,
    finished: status.phase === 'Succeeded' || status.phase === 'Failed',
    deleting: metadata.deletionTimestamp !== undefined,
    ready: isTrue(status, 'Ready'),
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

function ours({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata.annotations ?? {});
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
  );
}

/** `kubeService`: name of the Service that carries the annotations, empty for a pod. */
function askings(annotations: Readonly<Record<string, string>>, kubeService: string): Asking[] {
  const { services, ...own } = annotations;
  const found: Asking[] = [];
  if (own['service'] !== undefined && own['service'] !== 'false') found.push(asking(own, kubeService));
  // The simulator writes its lists as JSON, which is YAML.
  const list = services === undefined ? [] : (JSON.parse(services) as readonly Record<string, string>[]);
  for (const item of list) found.push(asking(item, kubeService));
  return found;
}

function asking(fields: Readonly<Record<string, string>>, kubeService: string): Asking {
  const { service: named = '', port: at = '', tags = '', weight = '1' } = fields;
  const service = kubeService !== '' && named === 'true' ? kubeService : named;
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(service)) return { broken: '' };
  // Everything here has two ports, so one has to be chosen.
  const port = namedPorts[at] ?? (/^\d+$/.test(at) ? Number(at) : 0);
  if (port < 1 || port > 65_535 || !/^[1-9]\d*$/.test(weight)) return { broken: service };
  const sorted = [...new Set(tags.split(',').filter((tag) => tag !== ''))].sort();
  return {
    asked: {
      service,
      port,
      tags: sorted,
      weight: Number(weight),
      check: fields['check'] === 'none' ? 'none' : 'readiness',
      drain: (fields['drain'] ?? 'critical') as Asked['drain'],
      address: fields['address'] === 'host' ? 'host' : 'pod',
    },
  };
}

function statusOf({ check, drain }: Asked, ready: boolean, terminating: boolean): Status | undefined {
  if (terminating) return ready && drain === 'warning' ? 'warning' : 'critical';
  if (check === 'none') return undefined;
  return ready ? 'passing' : 'critical';
}
