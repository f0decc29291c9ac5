import type { Change } from '../plan/change.ts';
import type { ObservedNode, StoredEntry } from '../plan/observed.ts';
import { isOwnCheck } from '../plan/ownership.ts';
import type { RegistryFeatures } from '../plan/registry-features.ts';

/** What a committed change shows: the server drops a field that was sent and is not stored. */
export function learnFromWrite(
  known: RegistryFeatures,
  change: Change,
  entries: readonly StoredEntry[],
): RegistryFeatures {
  let { checkType, taggedAddresses } = known;
  for (const entry of entries) {
    // Every check is sent with a type.
    if (entry.kind === 'check') checkType = entry.check.type !== '';
    if (entry.kind === 'instance' && change.kind === 'put-instance') {
      const sent = Object.keys(change.instance.taggedAddresses).length > 0;
      if (sent) taggedAddresses = Object.keys(entry.instance.taggedAddresses).length > 0;
    }
  }
  return checkType === known.checkType && taggedAddresses === known.taggedAddresses
    ? known
    : { ...known, checkType, taggedAddresses };
}

/**
 * What earlier processes wrote shows it as well, since each check of theirs was sent with a type. A server that drops
 * the type is taken to drop tagged addresses too, until a write shows otherwise.
 */
export function learnFromReading(known: RegistryFeatures, nodes: Iterable<ObservedNode>): RegistryFeatures {
  let untyped = false;
  for (const node of nodes) {
    const instances = [...node.instances.values()];
    for (const check of [node, ...instances].flatMap(({ checks }) => [...checks.values()])) {
      if (!isOwnCheck(check)) continue;
      if (check.type !== '') return known;
      untyped = true;
    }
  }
  return untyped && known.checkType ? { ...known, checkType: false, taggedAddresses: false } : known;
}
