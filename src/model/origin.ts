import type { ObjectRef } from './problem.ts';
import { parseRoute } from './route.ts';

/** Meta keys that say where an instance comes from. The Consul nodes of this cluster carry `node` as well. */
export const originKeys = {
  namespace: 'kube-namespace',
  pod: 'kube-pod',
  podUid: 'kube-pod-uid',
  service: 'kube-service',
  route: 'kube-route',
  gateway: 'kube-gateway',
  node: 'kube-node',
  cluster: 'kube-cluster',
  reach: 'kube-address',
  byDefault: 'kube-by-default',
} as const;

/** Marks an instance as coming from Kubernetes, for the UI of Consul and for other programs. */
export const externalSource = { key: 'external-source', value: 'kubernetes' } as const;

/** Where an instance comes from. A text is empty when there is nothing to say. */
export interface Origin {
  readonly namespace: string;
  /** Name and uid of the pod behind the instance. */
  readonly pod: string;
  readonly podUid: string;
  /** Name of the annotated Service; empty when the pod's own annotations ask for the instance. */
  readonly service: string;
  /** Kind and name of the annotated Ingress or route: `Ingress/web`. */
  readonly route: string;
  /** The Gateway whose address it has: `infra/edge`. */
  readonly gateway: string;
  /** Name of the Kubernetes node. */
  readonly node: string;
  /** Name of the cluster. */
  readonly cluster: string;
  /**
   * What the Service is reached by as a whole: `load-balancer`, `node-port` …; empty for a pod and for an endpoint, which
   * is reached by itself.
   */
  readonly reach: string;
  /** `true` when the object did not ask by itself: `sync.default` did. */
  readonly byDefault: string;
}

type Meta = Readonly<Record<string, string>>;

export const originOf = (meta: Meta): Origin => ({
  namespace: meta[originKeys.namespace] ?? '',
  pod: meta[originKeys.pod] ?? '',
  podUid: meta[originKeys.podUid] ?? '',
  service: meta[originKeys.service] ?? '',
  route: meta[originKeys.route] ?? '',
  gateway: meta[originKeys.gateway] ?? '',
  node: meta[originKeys.node] ?? '',
  cluster: meta[originKeys.cluster] ?? '',
  reach: meta[originKeys.reach] ?? '',
  byDefault: meta[originKeys.byDefault] ?? '',
});

/** Whether kube-registrar, in whichever cluster, registered the instance with this meta. */
export const isFromKubernetes = (meta: Meta): boolean =>
  meta[externalSource.key] === externalSource.value && meta[originKeys.cluster] !== undefined;

/** The object that asks for an instance: the pod, the Service when there is no pod, or the Ingress or route. */
export function ownerOf({ namespace, pod, podUid, service, route }: Origin): ObjectRef | undefined {
  if (pod !== '') return { kind: 'Pod', namespace, name: pod, uid: podUid };
  const asking = parseRoute(route);
  if (asking !== undefined) return { ...asking, namespace, uid: '' };
  return service === '' ? undefined : { kind: 'Service', namespace, name: service, uid: '' };
}
