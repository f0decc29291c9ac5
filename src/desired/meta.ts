import { Buffer } from 'node:buffer';
import { externalSource, originKeys } from '../model/origin.ts';
import { clusterUidKey, managedByKey } from '../model/owner.ts';
import { quote, type Read } from './mistake.ts';

/** Consul's limits (structs.ValidateServiceMetadata). */
export const mostKeys = 64;
const longestValue = 512;

/** Meta keys of a service that kube-registrar writes beside the user's. */
export const autoMeta = {
  ...originKeys,
  externalSource: externalSource.key,
  podCreated: 'kube-pod-created',
  zone: 'kube-zone',
  region: 'kube-region',
  ipMode: 'kube-ip-mode',
  hosts: 'kube-hosts',
  paths: 'kube-paths',
  serviceState: 'service_state',
  managedBy: managedByKey,
  clusterUid: clusterUidKey,
} as const;

/** An instance has these, or those of a pod, which are more. */
const ofRoutes: ReadonlySet<string> = new Set<keyof typeof autoMeta>(['route', 'gateway', 'hosts', 'paths']);

/** How many keys a user may set, `protocol` and `health_url` included: Consul's limit without our own keys. */
export const mostUserKeys = mostKeys - Object.keys(autoMeta).filter((key) => !ofRoutes.has(key)).length;

const reserved: ReadonlySet<string> = new Set(Object.values(autoMeta));

/** Why the key may not be used; undefined when it may. */
export function refuseMetaKey(key: string): string | undefined {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(key)) {
    const usable = key.slice(0, 128).replaceAll(/[^A-Za-z0-9_-]+/g, '_');
    const hint = usable === '' || usable === '_' ? '' : `; did you mean ${quote(usable)}?`;
    return `meta key ${quote(key)} is not 1 to 128 letters, digits, "_" and "-"${hint}`;
  }
  if (reserved.has(key) || key.startsWith('kube-')) {
    return `meta key ${quote(key)} is set by kube-registrar; choose another`;
  }
  // JavaScript gives the key a meaning: readers of Consul's JSON, this operator among them, lose it.
  if (key === '__proto__') return `meta key ${quote(key)} cannot be read back; choose another`;
  if (key.startsWith('consul-')) return `meta key ${quote(key)} is reserved by Consul; choose another`;
  return undefined;
}

export function readMetaValue(text: string): Read<string> {
  const bytes = Buffer.byteLength(text);
  if (bytes > longestValue)
    return { refused: `is ${bytes} bytes long; Consul allows at most ${longestValue}` };
  return { value: text };
}

/** Commas, and what has no shape or changes the direction of writing; see `visible()`. */
const unseen = /[,\s\p{Cc}\p{Cf}]/gu;

/**
 * A list as one value, separated by commas: as many items as fit. Commas and characters without a shape are
 * escaped as in a URL.
 */
export function listMeta(items: readonly string[]): string {
  let text = '';
  for (const item of items) {
    const escaped = item.toWellFormed().replace(unseen, encodeURIComponent);
    const longer = text === '' ? escaped : `${text},${escaped}`;
    if (Buffer.byteLength(longer) > longestValue) break;
    text = longer;
  }
  return text;
}

/** A record with sorted keys, so that equal meta is equal text. */
export function sortedRecord<Value>(
  entries: Iterable<readonly [string, Value]>,
): Readonly<Record<string, Value>> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
