import type { KubeObject } from '../../src/sandbox/kube/object.ts';

export const statusOf = (object: KubeObject): Readonly<Record<string, unknown>> =>
  (object['status'] ?? {}) as Readonly<Record<string, unknown>>;

export const isReady = (pod: KubeObject): boolean => hasCondition(pod, 'Ready');

export function hasCondition(pod: KubeObject, wanted: string): boolean {
  const conditions = (statusOf(pod)['conditions'] ?? []) as readonly { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === wanted && status === 'True');
}

/** What the kubelet reports of a pod. */
export function podStatus(ip: string | undefined, hostIP: string, ready: boolean) {
  const condition = (type: string) => ({
    type,
    status: ready ? 'True' : 'False',
    ...(ready ? {} : { reason: 'ContainersNotReady', message: 'probe failed' }),
  });
  return {
    phase: ip === undefined ? 'Pending' : 'Running',
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    conditions: [condition('Ready'), condition('ContainersReady')],
  };
}

/** The fields of a Service that its endpoints depend on. */
export interface ServiceSpec {
  readonly selector?: { readonly app: string };
  readonly publishNotReadyAddresses?: boolean;
}

/** The endpoint of a pod; none while it does not run. */
export function endpointOf(pod: KubeObject, isPublished = false): object[] {
  const { podIP, phase } = statusOf(pod);
  if (podIP === undefined || phase !== 'Running') return [];
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = isReady(pod);
  return [
    {
      addresses: [podIP],
      nodeName: (pod['spec'] as { nodeName: string }).nodeName,
      conditions: { ready: isPublished || (ready && !terminating), serving: ready, terminating },
      targetRef: {
        kind: 'Pod',
        namespace: pod.metadata.namespace,
        name: pod.metadata.name,
        uid: pod.metadata.uid,
      },
    },
  ];
}

/** An owner reference to the controller of a pod. */
export const controllerOf = (owner: { readonly kind: string; readonly name: string }) => ({
  apiVersion: 'apps/v1',
  uid: owner.name,
  controller: true,
  ...owner,
});
