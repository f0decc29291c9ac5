import type { StoredRecord } from './store.ts';

/**
 * Whether two versions of a record are equal apart from their resourceVersion, as after a kubelet's heartbeat or a
 * change of a field that no record holds. Values that are not shared are compared by content.
 */
export function sameApartFromVersion<R extends StoredRecord & object>(a: R, b: R): boolean {
  for (const key of Object.keys(a) as (keyof R)[]) {
    if (key === 'resourceVersion' || a[key] === b[key]) continue;
    if (typeof a[key] !== 'object' || JSON.stringify(a[key]) !== JSON.stringify(b[key])) return false;
  }
  return true;
}
