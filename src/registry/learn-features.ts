import type { Change } from '../plan/change.ts';
import type { ObservedNode, StoredEntry } from '../plan/observed.ts';
import { isOwnCheck } from '../plan/ownership.ts';
import type { ServerFeatures } from '../plan/server-features.ts';

/** What a committed change shows about the server: a field that was sent and is not stored was dropped. */
export function learnFromWrite(
  known: ServerFeatures,
  change: Change,
  entries: readonly StoredEntry[],
): ServerFeatures {
  let { checkType, taggedAddresses } = known;
  for (const entry of entries) {
    // Every check of ours has a type.
    if (entry.kind === 'check') checkType = entry.check.type !== '';
    if (entry.kind === 'instance' && change.kind === 'put-instance') {
      const sent = Object.keys(change.instance.taggedAddresses).length > 0;
      if (sent) taggedAddresses = Object.keys(entry.instance.taggedAddresses).length > 0;
    }
  }
  return checkType === known.checkType && taggedAddresses === known.taggedAddresses
    ? known
    : { checkType, taggedAddresses };
}

/**
 * What was written before this process started shows it as well: we always send a type. A server that
 * drops it is taken to drop tagged addresses, too, until a write shows otherwise.
 */
export function learnFromReading(known: ServerFeatures, nodes: Iterable<ObservedNode>): ServerFeatures {
  let untyped = false;
  for (const node of nodes) {
    const instances = [...node.instances.values()];
    for (const check of [node, ...instances].flatMap(({ checks }) => [...checks.values()])) {
      if (!isOwnCheck(check)) continue;
      if (check.type !== '') return known;
      untyped = true;
    }
  }
  return untyped ? { checkType: false, taggedAddresses: false } : known;
}
