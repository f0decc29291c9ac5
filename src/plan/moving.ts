import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import type { ObservedNode } from './observed.ts';

/** A node that takes over instances: its desired state, and what of it is committed. */
export interface MoveTarget {
  readonly desired: DesiredNode;
  /** Undefined while the node does not exist or is not owned. */
  readonly observed: ObservedNode | undefined;
}

/**
 * Instances on `old` that are wanted under another node now and are not committed there. They stay until then, so
 * that each is found at every moment. For a moment it is found twice, with one id under two nodes.
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
