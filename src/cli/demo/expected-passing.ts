import { isDeleting, isReady, type Node, type Pod } from '../../sandbox/kube/controllers/shapes.ts';
import type { Endpoint } from '../../sandbox/kube/controllers/slices.ts';
import type { ObjectStore } from '../../sandbox/kube/store.ts';
import { namespace, type Workload } from './workloads.ts';

/**
 * The uids of the pods that Kubernetes would send traffic to: Ready, not terminating, on a Ready node. For a workload
 * that is registered through its Service, readiness comes from the EndpointSlices. It does not use src/desired, so
 * that the demo's measurements do not rely on the operator.
 */
export function expectedPassing(store: ObjectStore, { app, via }: Workload): ReadonlySet<string> {
  const pods = (store.list('pods', namespace) as readonly Pod[]).filter(
    ({ metadata }) => metadata.labels?.['app'] === app,
  );
  const served = via === 'pods' ? undefined : readyInSlices(store, app);
  const passing = pods.filter((pod) => {
    const { uid } = pod.metadata;
    return (served?.has(uid) ?? isReady(pod)) && !isDeleting(pod) && isNodeReady(store, pod);
  });
  return new Set(passing.map(({ metadata }) => metadata.uid));
}

function isNodeReady(store: ObjectStore, { spec }: Pod): boolean {
  const node = store.get('nodes', undefined, spec.nodeName ?? '') as Node | undefined;
  return node !== undefined && isReady(node);
}

function readyInSlices(store: ObjectStore, service: string): ReadonlySet<string> {
  const slices = store
    .list('endpointslices.discovery.k8s.io', namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service);
  const endpoints = slices.flatMap((slice) => slice['endpoints'] as readonly Endpoint[]);
  return new Set(
    endpoints.filter(({ conditions }) => conditions.ready).map(({ targetRef }) => targetRef.uid),
  );
}
