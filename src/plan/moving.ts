import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import type { ObservedNode } from './observed.ts';

/** A node that takes over instances: what it should be, and what of it is committed. */
export interface MoveTarget {
  readonly desired: DesiredNode;
  /** Undefined while there is no such node, or none of ours. */
  readonly observed: ObservedNode | undefined;
}

/**
 * Instances on `old` that are wanted under another node now and not committed there: they stay where they are
 * until then, so that each is found at least once at every moment. For that moment it is found twice, with
 * one id under two nodes.
 */
export function movingInstances(
  old: ObservedNode,
  targets: Iterable<MoveTarget>,
): ReadonlyMap<InstanceId, Instance> {
  const moving = new Map<InstanceId, Instance>();
  for (const { desired, observed } of targets) {
    for (const id of old.instances.keys()) {
      const wanted = desired.entry?.instances.get(id);
      if (wanted !== undefined && observed?.instances.has(id) !== true) moving.set(id, wanted);
    }
  }
  return moving;
}
