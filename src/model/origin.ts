import type { ObjectRef } from './problem.ts';

/** Keys of an instance's meta that say where it comes from; a Consul node of ours carries `node` as well. */
export const originKeys = {
  namespace: 'kube-namespace',
  pod: 'kube-pod',
  podUid: 'kube-pod-uid',
  service: 'kube-service',
  node: 'kube-node',
  cluster: 'kube-cluster',
} as const;

/** Says in Consul's UI, and to other programs, that an instance comes from Kubernetes. */
export const externalSource = { key: 'external-source', value: 'kubernetes' } as const;

/** Where an instance comes from. A text is empty where there is nothing. */
export interface Origin {
  readonly namespace: string;
  /** Name and uid of the pod behind the instance. */
  readonly pod: string;
  readonly podUid: string;
  /** Name of the annotated Service; empty when the pod's own annotations ask for the instance. */
  readonly service: string;
  /** Name of the Kubernetes node. */
  readonly node: string;
  /** Name of the cluster. */
  readonly cluster: string;
}

type Meta = Readonly<Record<string, string>>;

export const originOf = (meta: Meta): Origin => ({
  namespace: meta[originKeys.namespace] ?? '',
  pod: meta[originKeys.pod] ?? '',
  podUid: meta[originKeys.podUid] ?? '',
  service: meta[originKeys.service] ?? '',
  node: meta[originKeys.node] ?? '',
  cluster: meta[originKeys.cluster] ?? '',
});

/** Whether an instance with this meta was registered by an operator like this one. */
export const isFromKubernetes = (meta: Meta): boolean =>
  meta[externalSource.key] === externalSource.value && meta[originKeys.cluster] !== undefined;

/** The object that asks for an instance: its pod, or the Service when there is no pod; undefined for neither. */
export function ownerOf({ namespace, pod, podUid, service }: Origin): ObjectRef | undefined {
  if (pod !== '') return { kind: 'Pod', namespace, name: pod, uid: podUid };
  return service === '' ? undefined : { kind: 'Service', namespace, name: service, uid: '' };
}
