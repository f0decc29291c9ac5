import { isDeepStrictEqual } from 'node:util';
import type { KvRow } from './rows.ts';
import type { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import type { Write } from './write.ts';

export interface KvEntry {
  readonly key: string;
  readonly value: string | null;
  readonly flags: number;
}

export function setKey(store: Store, write: Write, entry: KvEntry): KvRow {
  const existing = store.kvs.get(entry.key);
  return putKey(store, write, entry, existing?.LockIndex ?? 0, existing?.Session);
}

/** Writes a key with this session; an identical entry is left alone. */
export function putKey(
  store: Store,
  write: Write,
  entry: KvEntry,
  lockIndex: number,
  session: string | undefined,
): KvRow {
  const existing = store.kvs.get(entry.key);
  const row: KvRow = {
    LockIndex: lockIndex,
    Key: entry.key,
    Flags: entry.flags,
    Value: entry.value,
    ...(session === undefined ? {} : { Session: session }),
    CreateIndex: existing?.CreateIndex ?? write.index,
    ModifyIndex: write.index,
  };
  if (existing !== undefined && isDeepStrictEqual({ ...existing, ModifyIndex: write.index }, row))
    return existing;
  store.kvs.put(write, row);
  store.indexes.bump(write, 'kvs');
  return row;
}

/** Whether the index given allows the write: 0 means the key must not exist. */
export function kvIndexMatches(store: Store, key: string, index: number): boolean {
  const existing = store.kvs.get(key);
  return index === 0 ? existing === undefined : existing?.ModifyIndex === index;
}

export function deleteKey(store: Store, write: Write, key: string): void {
  if (store.kvs.get(key) === undefined) return;
  store.tombstones.put(write, { Key: key, Index: write.index });
  store.indexes.bump(write, 'tombstones');
  store.kvs.delete(write, key);
  store.indexes.bump(write, 'kvs');
}

/** False when the key has another index; deleting a missing key succeeds whatever the index. */
export function deleteKeyCas(store: Store, write: Write, key: string, index: number): boolean {
  const existing = store.kvs.get(key);
  if (existing === undefined) return true;
  if (existing.ModifyIndex !== index) return false;
  deleteKey(store, write, key);
  return true;
}

export function deleteTree(store: Store, write: Write, prefix: string): void {
  for (const row of store.kvs.list()) if (row.Key.startsWith(prefix)) deleteKey(store, write, row.Key);
}

/** The locked entry, or undefined when another session holds the key. */
export function lockKey(store: Store, write: Write, entry: KvEntry, session: string): KvRow | undefined {
  if (session === '') throw new StoreError('missing session');
  if (store.sessions.get(session) === undefined) throw new StoreError(`invalid session "${session}"`);
  const existing = store.kvs.get(entry.key);
  const holder = existing?.Session;
  if (holder !== undefined && holder !== session) return undefined;
  const lockIndex = (existing?.LockIndex ?? 0) + (holder === session ? 0 : 1);
  return putKey(store, write, entry, lockIndex, session);
}

/** The unlocked entry, or undefined when this session does not hold the key. */
export function unlockKey(store: Store, write: Write, entry: KvEntry, session: string): KvRow | undefined {
  if (session === '') throw new StoreError('missing session');
  const existing = store.kvs.get(entry.key);
  if (existing === undefined || existing.Session !== session) return undefined;
  return putKey(store, write, entry, existing.LockIndex, undefined);
}
