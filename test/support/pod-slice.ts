import assert from 'node:assert/strict';
import type { SmallCluster } from './small-cluster.ts';

/** The EndpointSlice of the Service `web` with the pod `web`, as Kubernetes makes it of a pod that is Ready. */
export function putPodSlice({ kube }: SmallCluster): void {
  const pod = kube.store.get('pods', 'default', 'web') ?? assert.fail('no pod');
  const { podIP = '' } = pod['status'] as { readonly podIP?: string };
  kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: [podIP],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'n1',
        targetRef: { kind: 'Pod', name: 'web', namespace: 'default', uid: pod.metadata.uid },
      },
    ],
  });
}
