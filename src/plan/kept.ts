import { type Check, readinessCheckId } from '../model/check.ts';
import type { StaleSource, UnreadSource } from '../model/desired-node.ts';
import { originOf } from '../model/origin.ts';
import { ttlIn } from './notes.ts';
import type { ObservedInstance } from './observed.ts';

/** The stale source because of which an undesired instance is kept; undefined when there is none. */
export function staleSourceOf(
  instance: ObservedInstance,
  sources: readonly StaleSource[],
): StaleSource | undefined {
  const { namespace, podUid, service } = originOf(instance.meta);
  return sources.find(
    (source) =>
      source.namespace === namespace &&
      source.podUid === podUid &&
      source.kubeService === service &&
      isOf(source.service.toLowerCase(), instance.service.toLowerCase()),
  );
}

/** The annotation with the mistake may have been the one that made several services of this name. */
const isOf = (name: string, service: string): boolean =>
  name === '' || service === name || service.startsWith(`${name}-`);

/** The kept instance's readiness check with its source's present status; undefined when there is none to write. */
export function followedCheck(
  instance: ObservedInstance,
  source: Pick<StaleSource, 'check'>,
): Check | undefined {
  if (source.check === undefined) return undefined;
  const check = instance.checks.get(readinessCheckId(instance.id));
  if (check === undefined) return undefined;
  const { id, name, type } = check;
  const definition = ttlIn(check.notes);
  return { id, name, type, ...source.check, ...(definition === undefined ? {} : { definition }) };
}

/** The unread source because of which an undesired instance is kept; undefined when everything it rests on was read. */
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
