import type { Authorizer } from './authorizer.ts';
import {
  deleteKey,
  deleteKeyCas,
  deleteTree,
  kvIndexMatches,
  lockKey,
  setKey,
  unlockKey,
} from './kv-writes.ts';
import type { KvRow } from './rows.ts';
import { StoreError } from './store-error.ts';
import type { KvOperation } from './txn-body.ts';
import type { TxnContext, TxnResult } from './txn-result.ts';

const filteredReads = new Set(['get', 'get-tree', 'get-or-empty']);
const guardedReads = new Set(['check-session', 'check-index']);
const writes = new Set([
  'check-not-exists',
  'unlock',
  'lock',
  'cas',
  'delete-cas',
  'delete',
  'set',
  'delete-tree',
]);

export function kvReason(
  { Verb, Key }: KvOperation,
  authorizer: Authorizer,
  locksDelayed: (key: string) => boolean,
): string | undefined {
  if (Key === '' && Verb !== 'delete-tree') return 'Must provide key';
  if (filteredReads.has(Verb)) return undefined;
  if (guardedReads.has(Verb)) return authorizer.refuseRead('key', Key);
  if (!writes.has(Verb)) return `unknown KV operation: ${Verb}`;
  const denied = authorizer.refuseWrite('key', Key);
  if (denied !== undefined) return denied;
  return Verb === 'lock' && locksDelayed(Key) ? `failed to lock key "${Key}" due to lock delay` : undefined;
}

/** A result shows an entry without its value, except that of a read. */
const without = (row: KvRow): TxnResult => ({ KV: { ...row, Value: null } });

function stale(what: string, key: string): StoreError {
  return new StoreError(`failed to ${what} key "${key}", index is stale`);
}

export function runKv({ store, write }: TxnContext, operation: KvOperation): readonly TxnResult[] {
  const { Verb, Key, Value, Flags, Index, Session } = operation;
  const entry = { key: Key, value: Value, flags: Flags };
  const existing = store.kvs.get(Key);
  switch (Verb) {
    case 'set':
      return [without(setKey(store, write, entry))];
    case 'cas':
      if (!kvIndexMatches(store, Key, Index)) throw stale('set', Key);
      return [without(setKey(store, write, entry))];
    case 'delete':
      deleteKey(store, write, Key);
      return [];
    case 'delete-cas':
      if (!deleteKeyCas(store, write, Key, Index)) throw stale('delete', Key);
      return [];
    case 'delete-tree':
      deleteTree(store, write, Key);
      return [];
    case 'lock': {
      const locked = lockKey(store, write, entry, Session);
      if (locked === undefined) throw new StoreError(`failed to lock key "${Key}", lock is already held`);
      return [without(locked)];
    }
    case 'unlock': {
      const unlocked = unlockKey(store, write, entry, Session);
      if (unlocked !== undefined) return [without(unlocked)];
      throw new StoreError(`failed to unlock key "${Key}", lock isn't held, or is held by another session`);
    }
    case 'get-tree':
      return store.kvs.list().flatMap((row) => (row.Key.startsWith(Key) ? [{ KV: row }] : []));
    case 'check-not-exists':
      if (existing !== undefined) throw new StoreError(`key "${Key}" exists`);
      return [];
    case 'get-or-empty':
      return [
        { KV: existing ?? { LockIndex: 0, Key, Flags, Value: null, CreateIndex: 0, ModifyIndex: Index } },
      ];
    default:
      return readExisting(operation, existing);
  }
}

function readExisting({ Verb, Key, Index, Session }: KvOperation, existing: KvRow | undefined): TxnResult[] {
  if (Verb === 'get') {
    if (existing === undefined) throw new StoreError(`key "${Key}" doesn't exist`);
    return [{ KV: existing }];
  }
  const what = Verb === 'check-session' ? 'session' : 'index';
  if (existing === undefined) throw new StoreError(`failed to check ${what}, key "${Key}" doesn't exist`);
  if (Verb === 'check-index' && existing.ModifyIndex !== Index) {
    throw new StoreError(
      `failed index check for key "${Key}", current modify index ${existing.ModifyIndex} != ${Index}`,
    );
  }
  const holder = existing.Session ?? '';
  if (Verb === 'check-session' && holder !== Session) {
    throw new StoreError(
      `failed session check for key "${Key}", current session "${holder}" != "${Session}"`,
    );
  }
  return [without(existing)];
}
