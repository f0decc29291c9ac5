import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import { originKeys } from '../model/origin.ts';
import type { ObservedInstance, ObservedNode } from '../plan/observed.ts';

/**
 * How a pod stands in Consul.
 *
 * - `committed` all its instances are there, with the statuses they should have
 * - `waiting`   at least one is not
 * - `unwanted`  it asks for none, or for none that can be registered
 */
export type Registration = 'committed' | 'waiting' | 'unwanted';

/** Returns how each pod of a node stands. `observed`: undefined when the node is not known for certain. */
export function registrations(
  { entry }: DesiredNode,
  observed: ObservedNode | undefined,
): (podUid: string) => Registration {
  const wanted = Map.groupBy(entry?.instances.values() ?? [], ({ meta }) => meta[originKeys.podUid]);
  return (podUid) => {
    const instances = wanted.get(podUid) ?? [];
    if (instances.length === 0) return 'unwanted';
    const isThere = instances.every((instance) =>
      isCommitted(instance, observed?.instances.get(instance.id)),
    );
    return isThere ? 'committed' : 'waiting';
  };
}

/** What a consumer needs: tags and meta may follow later. */
function isCommitted(wanted: Instance, there: ObservedInstance | undefined): boolean {
  return (
    there !== undefined &&
    there.address === wanted.address &&
    there.port === wanted.port &&
    wanted.checks.every(({ id, status }) => there.checks.get(id)?.status === status)
  );
}
