import type { Authorizer } from './authorizer.ts';
import { deleteNode, ensureNode } from './catalog-writes.ts';
import type { NodeRow } from './rows.ts';
import { nodeKey } from './store.ts';
import { StoreError } from './store-error.ts';
import type { NodeOperation } from './txn-body.ts';
import type { TxnContext, TxnResult } from './txn-result.ts';

const uuidPattern = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Why Consul refuses a node's name or id. */
export function badNode(name: string, id: string): string | undefined {
  if (name === '') return 'Must provide node';
  if (id === '' || uuidPattern.test(id)) return undefined;
  return id.length === 36
    ? 'Bad node ID: encoding/hex: invalid byte'
    : `Bad node ID: uuid string is wrong length`;
}

export function nodeReason({ Verb, Node }: NodeOperation, authorizer: Authorizer): string | undefined {
  if (Verb === 'get') return undefined;
  if (!['set', 'cas', 'delete', 'delete-cas'].includes(Verb)) return `unknown node operation: ${Verb}`;
  return badNode(Node.Node, Node.ID) ?? authorizer.refuseWrite('node', Node.Node);
}

export function runNode(
  { store, write }: TxnContext,
  { Verb, Node: wanted }: NodeOperation,
): readonly TxnResult[] {
  const found = (): NodeRow | undefined =>
    wanted.ID === ''
      ? store.nodes.get(nodeKey(wanted.Node))
      : store.nodes.list().find((row) => row.ID === wanted.ID);
  const result = (): TxnResult[] => {
    const row = found();
    return row === undefined ? [] : [{ Node: row }];
  };
  const set = () =>
    ensureNode(store, write, {
      ID: wanted.ID,
      Node: wanted.Node,
      Address: wanted.Address,
      Datacenter: wanted.Datacenter,
      TaggedAddresses: wanted.TaggedAddresses,
      Meta: wanted.Meta,
    });
  const current = store.nodes.get(nodeKey(wanted.Node));
  switch (Verb) {
    case 'get':
      if (found() === undefined) throw new StoreError(`node "${wanted.Node}" doesn't exist`);
      return result();
    case 'set':
      set();
      return result();
    case 'cas':
      if ((current?.ModifyIndex ?? 0) !== wanted.ModifyIndex) {
        throw new StoreError(`failed to set node "${wanted.Node}", index is stale`);
      }
      set();
      return result();
    case 'delete-cas':
      if (current === undefined || current.ModifyIndex !== wanted.ModifyIndex) {
        throw new StoreError(`failed to delete node "${wanted.Node}", index is stale`);
      }
      deleteNode(store, write, wanted.Node);
      return [];
    default:
      deleteNode(store, write, wanted.Node);
      return [];
  }
}
