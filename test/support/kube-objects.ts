import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';

/** A pod with what a test cares about; `uid` follows from the name unless given. */
export function podObject(
  name: string,
  resourceVersion: string | number,
  { uid = `uid-${name}`, namespace = 'default', ...rest }: Partial<V1Pod['metadata']> & object = {},
  pod: Omit<V1Pod, 'metadata'> = {},
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod,
    metadata: { name, namespace, uid, resourceVersion: String(resourceVersion), ...rest },
  };
}

/** A page of a list of `kind`; `next` is its continue token. */
export const listOf = (
  kind: string,
  resourceVersion: string | number,
  items: readonly KubernetesObject[],
  next = '',
) => ({ kind: `${kind}List`, metadata: { resourceVersion: String(resourceVersion), continue: next }, items });

/** A watch event. */
export const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubernetesObject) => ({ type, object });

export const bookmark = (resourceVersion: string | number) => ({
  type: 'BOOKMARK',
  object: { kind: 'Pod', metadata: { resourceVersion: String(resourceVersion) } },
});

/** The bookmark that ends the initial events of a WatchList. */
export const initialEventsEnd = (resourceVersion: string | number) => ({
  type: 'BOOKMARK',
  object: {
    kind: 'Pod',
    metadata: {
      resourceVersion: String(resourceVersion),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    },
  },
});

/** A Status, as the API server refuses with. */
export const status = (code: number, reason: string, message: string, details: object = {}) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message,
  details,
});
