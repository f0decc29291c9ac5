import type { UnreadSource } from '../model/desired-node.ts';
import { originOf } from '../model/origin.ts';
import type { ObservedInstance } from './observed.ts';

/** The unread source because of which an undesired instance stays; undefined when everything it rests on was read. */
export function unreadSourceOf(
  { meta }: Pick<ObservedInstance, 'meta'>,
  sources: readonly UnreadSource[],
): UnreadSource | undefined {
  const { namespace, pod, service } = originOf(meta);
  return sources.find(
    (source) =>
      (source.namespace === '' || source.namespace === namespace) &&
      (source.resource === 'pods' ? pod !== '' || service === '' : service !== ''),
  );
}

/** `pods in shop` */
export const unreadSourceText = ({ resource, namespace }: UnreadSource): string =>
  namespace === '' ? resource : `${resource} in ${namespace}`;
