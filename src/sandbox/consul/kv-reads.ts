import type { Authorizer } from './authorizer.ts';
import type { Reading, WatchSet } from './blocking-query.ts';
import type { KvRow } from './rows.ts';
import type { Store } from './store.ts';

interface KvContext {
  readonly store: Store;
  readonly watch: WatchSet;
  readonly authorizer: Authorizer;
}

/** One key, with its own index; while it is missing, the index of the whole table. */
export function readKey({ store, watch, authorizer }: KvContext, key: string): Reading<readonly KvRow[]> {
  authorizer.requireRead('key', key);
  watch.add(store.kvs.rowTopic(key));
  const row = store.kvs.get(key);
  if (row !== undefined) return { index: row.ModifyIndex, value: [row], filteredByAcls: false };
  const index = store.indexes.max('kvs', 'tombstones');
  return { index, value: [], filteredByAcls: false, notFound: true };
}

/** All keys under a prefix; the index is the newest of theirs and of what was deleted there. */
export function readTree({ store, watch, authorizer }: KvContext, prefix: string): Reading<readonly KvRow[]> {
  watch.add(store.kvs.topic());
  const rows = store.kvs.list().filter((row) => row.Key.startsWith(prefix));
  const deleted = store.tombstones.list().filter((row) => row.Key.startsWith(prefix));
  let newest = 0;
  for (const row of rows) newest = Math.max(newest, row.ModifyIndex);
  for (const row of deleted) newest = Math.max(newest, row.Index);
  const allowed = rows.filter((row) => authorizer.mayRead('key', row.Key));
  return {
    index: (prefix === '' ? 0 : newest) || store.indexes.max('kvs', 'tombstones'),
    value: allowed,
    filteredByAcls: allowed.length < rows.length,
  };
}

/** Keys only; with a separator, everything after its first place behind the prefix is cut off. */
export function readKeys(context: KvContext, prefix: string, separator: string): Reading<readonly string[]> {
  const { index, value, filteredByAcls } = readTree(context, prefix);
  const keys = value.map(({ Key }) => {
    const end = separator === '' ? -1 : Key.indexOf(separator, prefix.length);
    return end < 0 ? Key : Key.slice(0, end + separator.length);
  });
  return { index: index || 1, value: [...new Set(keys)], filteredByAcls };
}
