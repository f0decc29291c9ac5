import type { CheckAnswer, NodeAnswer, ServiceAnswer, TxnResult } from '../consul/schemas.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Instance } from '../model/instance.ts';
import { checkId, consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import type { ObservedCheck, StoredEntry } from '../plan/observed.ts';

type StoredNode = Extract<StoredEntry, { kind: 'node' }>['node'];
type StoredInstance = Extract<StoredEntry, { kind: 'instance' }>['instance'];

export function toNode(answer: NodeAnswer): StoredNode {
  return {
    name: consulNodeName(answer.Node),
    address: answer.Address,
    taggedAddresses: answer.TaggedAddresses,
    meta: answer.Meta,
    createIndex: answer.CreateIndex,
    modifyIndex: answer.ModifyIndex,
  };
}

export function toInstance(answer: ServiceAnswer): StoredInstance {
  return {
    id: instanceId(answer.ID),
    service: serviceName(answer.Service),
    address: answer.Address,
    port: answer.Port,
    tags: answer.Tags,
    meta: answer.Meta,
    weights: { passing: answer.Weights.Passing, warning: answer.Weights.Warning },
    taggedAddresses: Object.fromEntries(
      Object.entries(answer.TaggedAddresses).map(([key, tagged]) => [
        key,
        { address: tagged.Address, port: tagged.Port },
      ]),
    ),
    modifyIndex: answer.ModifyIndex,
  };
}

/** An instance's fields as transactions and agents take them; they differ in the field for the service's name. */
export function serviceFields(instance: Instance): object {
  const { id, address, port, tags, meta, weights, taggedAddresses } = instance;
  return {
    ID: id,
    Address: address,
    Port: port,
    Tags: tags,
    Meta: meta,
    Weights: { Passing: weights.passing, Warning: weights.warning },
    TaggedAddresses: Object.fromEntries(
      Object.entries(taggedAddresses).map(([key, tagged]) => [
        key,
        { Address: tagged.address, Port: tagged.port },
      ]),
    ),
    EnableTagOverride: false,
  };
}

export function toCheck(answer: CheckAnswer): ObservedCheck {
  return {
    id: checkId(answer.CheckID),
    name: answer.Name,
    type: answer.Type,
    status: answer.Status,
    output: answer.Output,
    notes: answer.Notes,
    serviceName: answer.ServiceName,
    serviceTags: answer.ServiceTags,
    modifyIndex: answer.ModifyIndex,
  };
}

/**
 * The results of a committed transaction, change by change. Consul answers one result for each entry set
 * and none for a deletion, so they do not align with the operations. Rejects with `protocol` when they are
 * not the entries that were set: then what is stored has to be read.
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
