import type { InstanceId } from '../model/keys.ts';
import { isProbed } from './notes.ts';
import type { ObservedInstance, ObservedNode } from './observed.ts';

/**
 * Instances that are missing from a fresh reading and were critical in a probe when last seen: agents and external
 * monitors remove an instance that is critical for too long. Undefined when there are none.
 */
export function reaped(
  known: ObservedNode | undefined,
  fresh: Pick<ObservedNode, 'instances'>,
): ReadonlySet<InstanceId> | undefined {
  const gone = new Set<InstanceId>();
  for (const id of known?.reaped ?? []) if (!fresh.instances.has(id)) gone.add(id);
  for (const instance of known?.instances.values() ?? []) {
    if (!fresh.instances.has(instance.id) && failsProbe(instance)) gone.add(instance.id);
  }
  return gone.size === 0 ? undefined : gone;
}

function failsProbe({ checks }: ObservedInstance): boolean {
  for (const check of checks.values()) if (check.status === 'critical' && isProbed(check)) return true;
  return false;
}
