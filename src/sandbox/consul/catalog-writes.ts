import { isDeepStrictEqual } from 'node:util';
import { nodeExtinction, nodeIndex, serviceExtinction, serviceIndex, streamIndex } from './indexes.ts';
import { validateMeta } from './meta.ts';
import type { CheckRow, NodeRow, NodeService } from './rows.ts';
import { deleteSession, sessionsOfCheck } from './session-writes.ts';
import { checkKey, nodeKey, type Store, serviceKey } from './store.ts';
import { missingNode, missingService, StoreError } from './store-error.ts';
import type { Write } from './write.ts';

/** A row as it is asked for: the store assigns the indexes. */
export type Unstamped<T> = Omit<T, 'CreateIndex' | 'ModifyIndex'>;

/** Whether two rows are the same but for their raft indexes. */
function isSame(a: object, b: object): boolean {
  const stamp = { CreateIndex: 0, ModifyIndex: 0 };
  return isDeepStrictEqual({ ...a, ...stamp }, { ...b, ...stamp });
}

function bumpService(store: Store, write: Write, service: string): void {
  store.indexes.bump(write, serviceIndex(service));
  store.indexes.bump(write, streamIndex(service));
}

/** A change of the node or of one of its own checks shows in the health of every service on it. */
function bumpServicesOfNode(store: Store, write: Write, node: string): void {
  for (const { entry } of store.services.by('node', nodeKey(node))) bumpService(store, write, entry.Service);
}

/** Creates or updates a node. An identical one, whatever the case of its name, is left alone: no index moves, nobody wakes. */
export function ensureNode(store: Store, write: Write, wanted: Unstamped<NodeRow>): void {
  const byName = store.nodes.get(nodeKey(wanted.Node));
  const renamed =
    wanted.ID === ''
      ? undefined
      : store.nodes.list().find((row) => row.ID === wanted.ID && nodeKey(row.Node) !== nodeKey(wanted.Node));
  if (wanted.ID !== '') refuseTakenName(store, wanted, byName, renamed);
  if (renamed !== undefined) deleteNode(store, write, renamed.Node);
  const existing = renamed ?? byName;
  const row = { ...wanted, CreateIndex: existing?.CreateIndex ?? write.index, ModifyIndex: write.index };
  if (renamed === undefined && byName !== undefined && isSame(byName, { ...row, Node: byName.Node })) return;
  store.nodes.put(write, row);
  store.indexes.bump(write, 'nodes');
  store.indexes.bump(write, nodeIndex(nodeKey(wanted.Node)));
  bumpServicesOfNode(store, write, wanted.Node);
}

/** A name held by another node id is free only when that node has no live agent (its serfHealth). */
function refuseTakenName(
  store: Store,
  wanted: Unstamped<NodeRow>,
  holder: NodeRow | undefined,
  renamed: NodeRow | undefined,
): void {
  if (holder === undefined || holder.ID === wanted.ID) return;
  const alive = store.checks.get(checkKey(holder.Node, 'serfHealth'));
  if (alive === undefined || alive.Status === 'critical') return;
  if (holder.ID === '' && renamed === undefined) return;
  const where = renamed === undefined ? `"${wanted.ID}"` : `"${wanted.ID}" (${wanted.Address})`;
  throw new StoreError(
    `Error while renaming Node ID: ${where}: Node name ${wanted.Node} is reserved by node ${holder.ID} with name ${holder.Node} (${holder.Address})`,
  );
}

/** Deletes a node with its services, checks and sessions. Deleting a missing one is no error. */
export function deleteNode(store: Store, write: Write, node: string): void {
  const key = nodeKey(node);
  if (store.nodes.get(key) === undefined) return;
  for (const { entry } of store.services.by('node', key)) deleteService(store, write, node, entry.ID);
  for (const check of store.checks.by('node', key)) deleteCheck(store, write, node, check.CheckID);
  store.nodes.delete(write, key);
  store.indexes.bump(write, 'nodes');
  store.indexes.delete(write, nodeIndex(key));
  store.indexes.bump(write, nodeExtinction);
  for (const session of store.sessions.by('node', key)) deleteSession(store, write, session.ID);
}

/** Creates or updates a service; its node must be there. An identical one is left alone. */
export function ensureService(
  store: Store,
  write: Write,
  node: string,
  wanted: Unstamped<NodeService>,
): void {
  try {
    validateMeta(wanted.Meta);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new StoreError(`Invalid Service Meta for node ${node} and serviceID ${wanted.ID}: ${reason}`);
  }
  if (store.nodes.get(nodeKey(node)) === undefined) throw new StoreError(missingNode);
  const existing = store.services.get(serviceKey(node, wanted.ID))?.entry;
  const entry = {
    ...wanted,
    CreateIndex: existing?.CreateIndex ?? write.index,
    ModifyIndex: write.index,
  };
  if (existing !== undefined && isSame(existing, entry)) return;
  store.services.put(write, { node: store.nodes.get(nodeKey(node))!.Node, entry });
  store.indexes.bump(write, 'services');
  bumpService(store, write, entry.Service);
  // The old name's index stands still when an instance changes its name, but its stream sees it leave.
  if (existing !== undefined && existing.Service !== entry.Service) {
    store.indexes.bump(write, streamIndex(existing.Service));
  }
  store.indexes.bump(write, 'nodes');
  store.indexes.bump(write, nodeIndex(nodeKey(node)));
}

/** Deletes a service and its checks. Deleting a missing one is no error. */
export function deleteService(store: Store, write: Write, node: string, id: string): void {
  const key = serviceKey(node, id);
  const entry = store.services.get(key)?.entry;
  if (entry === undefined) return;
  for (const check of store.checks.by('instance', key)) {
    deleteCheck(store, write, node, check.CheckID);
    // Consul makes an event for the service that the check names, letter by letter, and finds none.
    if (check.ServiceID !== entry.ID) throw new StoreError(missingService);
  }
  store.indexes.bump(write, 'checks');
  store.services.delete(write, key);
  store.indexes.bump(write, 'services');
  store.indexes.bump(write, 'nodes');
  store.indexes.bump(write, nodeIndex(nodeKey(node)));
  bumpService(store, write, entry.Service);
  if (store.services.by('service', entry.Service.toLowerCase()).length === 0) {
    store.indexes.delete(write, serviceIndex(entry.Service));
    store.indexes.bump(write, serviceExtinction);
  }
}

/**
 * Creates or updates a check; its node and, when it names one, its service must be there. The service's
 * name and tags are copied into it, and stay as they are until the check is written again.
 */
export function ensureCheck(store: Store, write: Write, wanted: Unstamped<CheckRow>): void {
  const node = store.nodes.get(nodeKey(wanted.Node));
  if (node === undefined) throw new StoreError(missingNode);
  const service =
    wanted.ServiceID === ''
      ? undefined
      : store.services.get(serviceKey(wanted.Node, wanted.ServiceID))?.entry;
  if (wanted.ServiceID !== '' && service === undefined) throw new StoreError(missingService);
  const existing = store.checks.get(checkKey(wanted.Node, wanted.CheckID));
  const row = {
    ...wanted,
    Status: wanted.Status === '' ? 'critical' : wanted.Status,
    ...(service === undefined ? {} : { ServiceName: service.Service, ServiceTags: service.Tags }),
    CreateIndex: existing?.CreateIndex ?? write.index,
    ModifyIndex: write.index,
  };
  if (row.Status === 'critical') {
    for (const session of sessionsOfCheck(store, row)) deleteSession(store, write, session.ID);
  }
  if (existing !== undefined && isSameCheck(existing, row)) return;
  if (service === undefined) bumpServicesOfNode(store, write, wanted.Node);
  else bumpService(store, write, service.Service);
  store.checks.put(write, row);
  store.indexes.bump(write, 'checks');
}

/** Consul leaves a check's type, interval, timeout and exposed port out of the comparison. */
function isSameCheck(a: CheckRow, b: CheckRow): boolean {
  const ignored = { Type: '', Interval: '', Timeout: '', ExposedPort: 0 };
  return isSame({ ...a, ...ignored, Node: nodeKey(a.Node) }, { ...b, ...ignored, Node: nodeKey(b.Node) });
}

/** Deletes a check. Deleting a missing one is no error. */
export function deleteCheck(store: Store, write: Write, node: string, id: string): void {
  const existing = store.checks.get(checkKey(node, id));
  if (existing === undefined) return;
  if (existing.ServiceID !== '') bumpService(store, write, existing.ServiceName);
  else {
    bumpServicesOfNode(store, write, node);
    store.indexes.bump(write, 'services');
  }
  store.checks.delete(write, checkKey(node, id));
  store.indexes.bump(write, 'checks');
  for (const session of sessionsOfCheck(store, existing)) deleteSession(store, write, session.ID);
}
