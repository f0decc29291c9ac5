import type { PodRecord } from '../model/pod.ts';

/**
 * Those of the addresses that belong to running pods. Pods on the host's network do not count, because many share its
 * addresses; elsewhere an address belongs to one pod at a time.
 */
export function reusedAddresses(
  addresses: ReadonlySet<string>,
  pods: Iterable<Pick<PodRecord, 'ips' | 'phase' | 'deleting' | 'hostNetwork'>>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { ips, phase, deleting, hostNetwork } of pods) {
    if (hostNetwork || deleting || phase !== 'Running') continue;
    for (const ip of ips) if (addresses.has(ip)) found.add(ip);
  }
  return found;
}
