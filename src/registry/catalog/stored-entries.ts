import type { TxnResult } from '../../consul/schemas.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { instanceId } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import type { StoredEntry } from '../../plan/observed.ts';
import { toCheck, toInstance, toNode } from '../stored.ts';

/**
 * Sorts the results of a committed transaction by change. Consul answers with one result for each entry set and none
 * for a deletion, so results and operations do not align. Throws `protocol` when the results are not the entries that
 * were set: what is stored then has to be read.
 */
export function storedEntries(
  changes: readonly Change[],
  results: readonly TxnResult[],
): (readonly StoredEntry[])[] {
  const queue = results.values();
  const entries = changes.map((change) => idsOf(change).map((id) => storedEntry(queue.next().value, id)));
  if (queue.next().done !== true) throw mismatch();
  return entries;
}

interface EntryId {
  readonly kind: StoredEntry['kind'];
  readonly id: string;
}

/** The entries a change sets, in the order of its operations. */
function idsOf(change: Change): EntryId[] {
  switch (change.kind) {
    case 'put-node':
      return [{ kind: 'node', id: change.node }];
    case 'put-node-check':
    case 'put-check':
      return [{ kind: 'check', id: change.check.id }];
    case 'put-instance':
      return [
        { kind: 'instance', id: change.instance.id },
        ...change.instance.checks.map(({ id }) => ({ kind: 'check', id }) as const),
      ];
    case 'delete-check':
    case 'delete-instance':
    case 'delete-node':
      return [];
  }
}

function storedEntry(result: TxnResult | undefined, { kind, id }: EntryId): StoredEntry {
  if (kind === 'node' && result?.Node?.Node === id) return { kind, node: toNode(result.Node) };
  if (kind === 'instance' && result?.Service?.ID === id)
    return { kind, instance: toInstance(result.Service) };
  if (kind === 'check' && result?.Check?.CheckID === id) {
    const { ServiceID } = result.Check;
    return { kind, check: toCheck(result.Check), instance: ServiceID ? instanceId(ServiceID) : undefined };
  }
  throw mismatch();
}

function mismatch(): RegistrarError {
  return new RegistrarError('protocol', 'PUT /v1/txn: the results are not the entries that were set');
}
