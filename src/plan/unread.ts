import type { UnreadSource } from '../model/desired-node.ts';
import type { ObservedInstance } from './observed.ts';

/** The source for whose sake an instance that nothing asks for stays; undefined when all it rests on was read. */
export function unreadSourceOf(
  { meta }: Pick<ObservedInstance, 'meta'>,
  sources: readonly UnreadSource[],
): UnreadSource | undefined {
  const namespace = meta['kube-namespace'] ?? '';
  const hasPod = (meta['kube-pod'] ?? '') !== '';
  const isOfService = (meta['kube-service'] ?? '') !== '';
  return sources.find(
    (source) =>
      (source.namespace === '' || source.namespace === namespace) &&
      (source.resource === 'pods' ? hasPod || !isOfService : isOfService),
  );
}

/** `pods in shop` */
export const unreadSourceText = ({ resource, namespace }: UnreadSource): string =>
  namespace === '' ? resource : `${resource} in ${namespace}`;
