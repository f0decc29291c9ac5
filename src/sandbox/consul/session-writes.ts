import { serviceIndex, streamIndex } from './indexes.ts';
import { deleteKey, putKey } from './kv-writes.ts';
import type { CheckRow, SessionRow } from './rows.ts';
import { checkKey, nodeKey, type Store } from './store.ts';
import { missingNode, StoreError } from './store-error.ts';
import type { Write } from './write.ts';

/** The sessions that end when this check is critical or gone. */
export function sessionsOfCheck(store: Store, check: CheckRow): readonly SessionRow[] {
  return store.sessions
    .by('node', nodeKey(check.Node))
    .filter((session) => checksOf(session).includes(check.CheckID));
}

function checksOf(session: SessionRow): readonly string[] {
  return [...(session.NodeChecks ?? []), ...(session.ServiceChecks ?? []).map(({ ID }) => ID)];
}

export function createSession(
  store: Store,
  write: Write,
  wanted: Omit<SessionRow, 'CreateIndex' | 'ModifyIndex'>,
): void {
  const session = { ...wanted, CreateIndex: write.index, ModifyIndex: write.index };
  if (store.nodes.get(nodeKey(session.Node)) === undefined) throw new StoreError(missingNode);
  for (const id of checksOf(session)) {
    const check = store.checks.get(checkKey(session.Node, id));
    if (check === undefined) throw new StoreError(`Missing check '${id}' registration`);
    if (check.Status === 'critical') throw new StoreError(`Check '${id}' is in ${check.Status} state`);
  }
  store.sessions.put(write, session);
  store.indexes.bump(write, 'sessions');
  setSessionChecks(store, write, session, 'passing', `Session '${session.ID}' in force`);
}

/**
 * Checks of type `session` on the session's node follow every session of the name in their definition. Their
 * index stays as it is.
 */
function setSessionChecks(
  store: Store,
  write: Write,
  session: SessionRow,
  Status: string,
  Output: string,
): void {
  for (const row of store.checks.by('node', nodeKey(session.Node))) {
    const { SessionName } = row.Definition as { readonly SessionName?: string };
    if (row.Type !== 'session' || SessionName !== session.Name) continue;
    store.checks.put(write, { ...row, Status, Output });
    store.indexes.bump(write, 'checks');
    if (row.ServiceName === '') continue;
    store.indexes.bump(write, serviceIndex(row.ServiceName));
    store.indexes.bump(write, streamIndex(row.ServiceName));
  }
}

/** Ends a session: its locks are released and not to be had again for its lock delay, or their keys deleted. */
export function deleteSession(store: Store, write: Write, id: string): void {
  const session = store.sessions.get(id);
  if (session === undefined) return;
  store.sessions.delete(write, id);
  store.indexes.bump(write, 'sessions');
  const held = store.kvs.list().filter((row) => row.Session === id);
  for (const row of held) {
    if (session.Behavior === 'delete') deleteKey(store, write, row.Key);
    else {
      const entry = { key: row.Key, value: row.Value, flags: row.Flags };
      putKey(store, write, entry, row.LockIndex, undefined);
      if (session.LockDelay > 0) store.delayLock(row.Key, session.LockDelay / 1e6);
    }
  }
  setSessionChecks(store, write, session, 'critical', `Session '${id}' is invalid`);
}
