import type { KubernetesObject } from '@kubernetes/client-node';
import { sameApartFromVersion } from '../store/same-record.ts';
import type { StoredRecord, StoreWriter } from '../store/store.ts';
import type { ListPart } from './list-pager.ts';
import type { TimeSlice } from './time-slice.ts';

export interface Difference {
  /** What the list has and what the store has, in a few characters. */
  readonly what: string;
  /** Its version in the list; empty when it is not there. */
  readonly listed: string;
}

/** By object. */
export type Differences = ReadonlyMap<string, Difference>;

export interface AuditOptions<O extends KubernetesObject, R extends StoredRecord> {
  readonly writer: StoreWriter<R>;
  /** An object's record; undefined when it cannot be read. */
  readonly record: (object: O) => R | undefined;
  readonly slice: TimeSlice;
  readonly signal: AbortSignal;
}

/**
 * How a store differs from a complete list. The store is not changed. Some differences are normal: changes during
 * the list reach the watch a little sooner or later. The next comparison shows other ones. Rejects as the list does.
 */
export async function audit<O extends KubernetesObject, R extends StoredRecord>(
  parts: AsyncIterable<ListPart<O>>,
  { writer, record, slice, signal }: AuditOptions<O, R>,
): Promise<Differences> {
  const found = new Map<string, Difference>();
  const listed = new Set<string>();
  for await (const { items } of parts) {
    for (const item of items) {
      if (slice.due) await slice.rest();
      signal.throwIfAborted();
      const { namespace = '', name = '' } = item.metadata ?? {};
      listed.add(keyOf(namespace, name));
      const now = record(item);
      const known = writer.get(namespace, name);
      if (now === undefined || (known !== undefined && isSame(known, now))) continue;
      found.set(keyOf(namespace, name), {
        what: `${shortly(now)} ${shortly(known)}`,
        listed: now.resourceVersion,
      });
    }
  }
  for (const known of writer.records()) {
    if (slice.due) await slice.rest();
    signal.throwIfAborted();
    const key = keyOf(known.namespace ?? '', known.name);
    if (!listed.has(key)) found.set(key, { what: `none ${shortly(known)}`, listed: '' });
  }
  return found;
}

/** The version alone is not enough: in another history the same version may be another state. */
const isSame = <R extends StoredRecord>(a: R, b: R): boolean =>
  a.uid === b.uid && a.resourceVersion === b.resourceVersion && sameApartFromVersion(a, b);

const shortly = (record: StoredRecord | undefined): string =>
  record === undefined ? 'none' : `${record.uid}@${record.resourceVersion}`;

/** A name contains no slash. */
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
