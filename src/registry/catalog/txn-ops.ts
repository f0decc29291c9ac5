import { type Check, isProbe } from '../../model/check.ts';
import type { Change } from '../../plan/change.ts';
import { writtenCheck } from '../../plan/fields.ts';
import { probeFields, serviceFields } from '../stored.ts';

/**
 * One operation of `PUT /v1/txn`, field by field as Consul documents it: a field Consul does not know is
 * refused with 400. https://developer.hashicorp.com/consul/api-docs/txn
 */
export type TxnOp =
  | { readonly Node: { readonly Verb: 'get' | 'cas' | 'delete-cas'; readonly Node: TxnNode } }
  | {
      readonly Service: {
        readonly Verb: 'get' | 'set' | 'delete';
        readonly Node: string;
        readonly Service: object;
      };
    }
  | { readonly Check: { readonly Verb: 'set' | 'delete'; readonly Check: object } }
  | { readonly KV: TxnKv };

/** `Index`: the ModifyIndex the key must have, 0 = it must not exist. `Value` in base64. */
type TxnKv =
  | { readonly Verb: 'get'; readonly Key: string }
  | { readonly Verb: 'check-index' | 'delete-cas'; readonly Key: string; readonly Index: number }
  | { readonly Verb: 'cas'; readonly Key: string; readonly Index: number; readonly Value: string };

interface TxnNode {
  readonly Node: string;
  readonly Address?: string;
  readonly TaggedAddresses?: Readonly<Record<string, string>>;
  readonly Meta?: Readonly<Record<string, string>>;
  /** 0 = the node must not exist. */
  readonly ModifyIndex?: number;
}

/**
 * The operations of one change, in the order they depend on each other. Every field is always written,
 * empty ones as well: what is left out, Consul takes for empty, except for the weights, which become 0.
 */
export function txnOps(change: Change): TxnOp[] {
  switch (change.kind) {
    case 'put-node': {
      const { node, address, taggedAddresses, meta, modifyIndex } = change;
      const entry = { Node: node, Address: address, TaggedAddresses: taggedAddresses, Meta: meta };
      return [{ Node: { Verb: 'cas', Node: { ...entry, ModifyIndex: modifyIndex } } }];
    }
    case 'delete-node':
      return [{ Node: { Verb: 'delete-cas', Node: { Node: change.node, ModifyIndex: change.modifyIndex } } }];
    case 'put-node-check':
      return [setCheck(change.node, change.check, undefined)];
    case 'put-instance': {
      const { node, instance } = change;
      const service = { Service: instance.service, ...serviceFields(instance) };
      const set: TxnOp = { Service: { Verb: 'set', Node: node, Service: service } };
      return [set, ...instance.checks.map((check) => setCheck(node, check, instance))];
    }
    case 'put-check':
      return [setCheck(change.node, change.check, { id: change.instance, service: change.service })];
    case 'delete-check': {
      const { node, check, instance = '', service: name = '' } = change;
      // With ACLs the right to remove a service's check hangs on the service's name.
      const entry = { Node: node, CheckID: check, ServiceID: instance, ServiceName: name };
      return [{ Check: { Verb: 'delete', Check: entry } }];
    }
    case 'delete-instance': {
      const { node, instance, service: name } = change;
      return [{ Service: { Verb: 'delete', Node: node, Service: { ID: instance, Service: name } } }];
    }
  }
}

/** A read that distinguishes a missing node (refused: "doesn't exist") from one the token may not see (no result). */
export function getNode(name: string): TxnOp {
  return { Node: { Verb: 'get', Node: { Node: name } } };
}

/** The same for an instance. */
export function getInstance(node: string, id: string, service: string): TxnOp {
  return { Service: { Verb: 'get', Node: node, Service: { ID: id, Service: service } } };
}

function setCheck(
  node: string,
  check: Check,
  instance: { readonly id: string; readonly service: string } | undefined,
): TxnOp {
  const { name, type, status, output, notes } = writtenCheck(check, undefined);
  return {
    Check: {
      Verb: 'set',
      Check: {
        Node: node,
        CheckID: check.id,
        Name: name,
        Type: type,
        Status: status,
        Notes: notes,
        Output: output,
        ServiceID: instance?.id ?? '',
        ServiceName: instance?.service ?? '',
        // For external monitors (https://developer.hashicorp.com/consul/docs/register/external).
        ...(isProbe(check) ? { Definition: probeFields(check.definition) } : {}),
      },
    },
  };
}

/** Whether the ACL system refused an operation, by its text. */
export const isDenied = (what: string): boolean => /permission denied/i.test(what);
