export type Status = 'passing' | 'warning' | 'critical';

export interface WantedInstance {
  readonly key: string;
  readonly consulNode: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  /** Meta `app`, from the label of that name. */
  readonly app: string | undefined;
  /** Meta `team`, from an annotation. */
  readonly team: string | undefined;
  /** No annotation of its own asks for it. */
  readonly byDefault: boolean;
  readonly weight: number;
  /** Undefined: registered without a check. */
  readonly check: Status | undefined;
  /** It would serve, whatever is said of its node: its containers are ready and it is not ending. */
  readonly serves: boolean;
  /** What its Service is reached by as a whole, `load-balancer` for instance; empty for a pod and an endpoint. */
  readonly reach: string;
  /** The Service that asks for it, with its namespace; empty for a pod. */
  readonly kubeService: string;
  /** Of an Ingress or a route, as the instance's meta says it. */
  readonly route?: { readonly hosts: string; readonly gateway: string };
}

export interface WantedNode {
  readonly address: string;
  /** Undefined: no Node object, so no check. */
  readonly check: Status | undefined;
}

/** A source with a mistake in its annotations: what is registered of it stays. */
export interface KeptSource {
  readonly consulNode: string;
  readonly ready: boolean;
  /** See WantedInstance. */
  readonly serves: boolean;
}

/** What a Service asks for under one name in Consul. */
export interface Group {
  /** What it is reached by: `endpoints`, `load-balancer` … */
  readonly reaches: ReadonlySet<string>;
  /** It asks with a mistake, or for what cannot be: what is registered of it stays. */
  readonly isStuck: boolean;
  /** Consul nodes on which it cannot be registered at the moment. */
  readonly stuckOn: ReadonlySet<string>;
  /** It has no address yet: what it was reached by before stays. */
  readonly isPending: boolean;
  /** The health of its endpoints together. */
  readonly isWell: boolean;
}

/** What has to be in Consul of one cluster. */
export interface Truth {
  /** By `instanceKey`. */
  readonly instances: ReadonlyMap<string, WantedInstance>;
  /** Consul nodes that must exist. */
  readonly nodes: ReadonlyMap<string, WantedNode>;
  /** By `sourceKey`. */
  readonly kept: ReadonlyMap<string, KeptSource>;
  /** By `groupKey`. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Consul nodes of Kubernetes nodes that are not Ready. */
  readonly notReady: ReadonlySet<string>;
  /** How many Kubernetes nodes there are. */
  readonly nodeCount: number;
  /** Whether pods are ready and not ending, by `podBackend`. */
  readonly pods: ReadonlyMap<string, boolean>;
}

/** One instance, told by what Consul shows of it rather than by its id. */
export const instanceKey = (backend: string, service: string, port: number): string =>
  `${backend} ${service}:${port}`;
/** The part of an instance's key that tells what stands behind it. */
export const backendOf = (key: string): string => key.slice(0, key.lastIndexOf(' '));
export const podBackend = (uid: string): string => `pod ${uid}`;
export const endpointBackend = (namespace: string, kubeService: string, address: string): string =>
  `endpoint ${namespace}/${kubeService} ${address}`;

/** `node`: the one whose port it is; empty when the address belongs to none. */
export const wholeBackend = (namespace: string, kubeService: string, node: string, address: string): string =>
  endpointBackend(namespace, kubeService, node === '' ? address : `${node}/${address}`);

/** `route`: kind and name, `Ingress/web`. */
export const routeBackend = (namespace: string, route: string, address: string): string =>
  `route ${namespace}/${route} ${address}`;

/** `kubeService`: the Service, Ingress or route that asks, with its namespace: `shop/web`, `shop/Ingress/web`. */
export const groupKey = (kubeService: string, service: string): string => `${kubeService} ${service}`;

/** `kubeService` empty: the pod's own annotations. `service` empty: whatever the source asked for before. */
export const sourceKey = (podUid: string, kubeService: string, service: string): string =>
  `${podUid}/${kubeService}/${service}`;

/** The source that an instance is kept for, by what Consul shows of it. */
export function keptFor(
  { kept }: Pick<Truth, 'kept'>,
  { Meta, Service }: { readonly Meta: Readonly<Record<string, string>> | null; readonly Service: string },
): KeptSource | undefined {
  if (kept.size === 0) return undefined;
  const [uid, kubeService] = [Meta?.['kube-pod-uid'] ?? '', Meta?.['kube-service'] ?? ''];
  // The service, or one that has it among those of its ports: `a-b-c`, `a-b`, `a`; last, any of the source.
  const words = Service.split('-');
  for (let count = words.length; count >= 0; count -= 1) {
    const source = kept.get(sourceKey(uid, kubeService, words.slice(0, count).join('-')));
    if (source !== undefined) return source;
  }
  // Another that asks for the same service at the same pod: to consumers it is the same instance.
  for (const [key, source] of kept) {
    if (uid !== '' && key.startsWith(`${uid}/`) && key.endsWith(`/${Service}`)) return source;
  }
  return undefined;
}

/** Whether consumers have to find the instance healthy: it is, and so is its node. */
export function isWantedPassing({ instances, nodes }: Truth, key: string): boolean {
  const wanted = instances.get(key);
  if (wanted === undefined || (wanted.check ?? 'passing') !== 'passing') return false;
  return nodes.get(wanted.consulNode)?.check !== 'critical';
}
