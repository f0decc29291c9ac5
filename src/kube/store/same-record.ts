import type { StoredRecord } from './store.ts';

/**
 * Whether two versions of a record say the same apart from their resourceVersion: a kubelet's heartbeat, a
 * change to a field we do not keep. Values compare by content where they are not shared already.
 */
export function sameApartFromVersion<R extends StoredRecord & object>(a: R, b: R): boolean {
  for (const key of Object.keys(a) as (keyof R)[]) {
    if (key === 'resourceVersion' || a[key] === b[key]) continue;
    if (typeof a[key] !== 'object' || JSON.stringify(a[key]) !== JSON.stringify(b[key])) return false;
  }
  return true;
}
