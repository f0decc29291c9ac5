import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import { originKeys } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import type { ObservedInstance, ObservedNode } from '../plan/observed.ts';

/**
 * Whether the readiness gate of a pod may open.
 *
 * - `registered` all its instances are in Consul, with the statuses they should have
 * - `not-asked`  it asks for none, or for none that can be registered
 * - `dry-run`    nothing is ever written
 * - `wait`       it may not open: at least one of its instances is not in Consul
 */
export type GateVerdict = 'registered' | 'not-asked' | 'dry-run' | 'wait';

/** The verdict for each pod of a node. `observed` is undefined when the node is not known for certain. */
export function gateVerdicts(
  { entry }: DesiredNode,
  observed: ObservedNode | undefined,
): (pod: Pick<PodRecord, 'uid'>) => GateVerdict {
  const wanted = Map.groupBy(entry?.instances.values() ?? [], ({ meta }) => meta[originKeys.podUid]);
  return ({ uid }) => {
    const instances = wanted.get(uid);
    if (instances === undefined) return 'not-asked';
    const isThere = instances.every((instance) =>
      isCommitted(instance, observed?.instances.get(instance.id)),
    );
    return isThere ? 'registered' : 'wait';
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
