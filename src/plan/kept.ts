import { type Check, readinessCheckId } from '../model/check.ts';
import type { StaleSource, UnreadSource } from '../model/desired-node.ts';
import { type Origin, originOf } from '../model/origin.ts';
import { parseRoute, resourceOfRoute } from '../model/route.ts';
import { ttlIn } from './notes.ts';
import type { ObservedInstance } from './observed.ts';

/**
 * The stale source because of which an undesired instance is kept; undefined when there is none. One that its own source
 * does not want any more, or not by this name, is kept for another that asks for the same service at the same pod: to
 * consumers it is the same instance.
 */
export function staleSourceOf(
  instance: Pick<ObservedInstance, 'id' | 'service' | 'meta'>,
  sources: readonly StaleSource[],
): StaleSource | undefined {
  if (sources.length === 0) return undefined;
  const { namespace, podUid, service, route } = originOf(instance.meta);
  const name = instance.service.toLowerCase();
  const near = sources.filter(
    (source) =>
      (source.instance ?? instance.id) === instance.id &&
      source.namespace === namespace &&
      source.podUid === podUid &&
      (source.route ?? '') === route,
  );
  return (
    near.find((source) => source.kubeService === service && isOf(source.service.toLowerCase(), name)) ??
    near.find((source) => podUid !== '' && source.service.toLowerCase() === name)
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
  const origin = originOf(meta);
  return sources.find(({ resource, namespace }) => {
    const own = restsIn(resource, origin);
    return own !== undefined && (namespace === '' || namespace === own);
  });
}

/** The namespace of those objects of the resource that the instance rests on; undefined when it rests on none. */
function restsIn(
  resource: UnreadSource['resource'],
  { namespace, pod, service, route, gateway }: Origin,
): string | undefined {
  const asking = parseRoute(route);
  switch (resource) {
    case 'pods':
      return pod !== '' || (service === '' && asking === undefined) ? namespace : undefined;
    case 'services':
    case 'endpointslices':
      return service === '' ? undefined : namespace;
    case 'gateways':
      return gateway === '' ? undefined : gateway.replace(/\/.*/, '');
    default:
      return asking !== undefined && resourceOfRoute(asking.kind) === resource ? namespace : undefined;
  }
}

/** `pods in shop` */
export const unreadSourceText = ({ resource, namespace }: UnreadSource): string =>
  namespace === '' ? resource : `${resource} in ${namespace}`;
