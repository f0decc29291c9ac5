import type { ConsulNodeName, ServiceName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { rank } from '../../plan/order.ts';
import { invalid } from '../validate.ts';
import { txnOps } from './txn-ops.ts';

/** What one transaction may hold. */
export interface TxnLimits {
  readonly operations: number;
  /** Of the encoded body. */
  readonly bytes: number;
}

/** Consul 1.14 and later; 64 operations before. Found out from the answer. */
export const defaultLimits: TxnLimits = { operations: 128, bytes: 512 * 1024 };

/** Removing a node takes Consul several milliseconds, in which it does nothing else. */
const maxNodeRemovals = 8;

/** Changes that are sent together. One change is never split over two transactions. */
export interface Batch {
  readonly changes: readonly EncodedChange[];
  readonly operations: number;
  readonly bytes: number;
  /** Until this batch is answered, later ones that have one of these in `awaits` are not sent. */
  readonly gates: ReadonlySet<Gate>;
  readonly awaits: ReadonlySet<Gate>;
}

/** What a batch may have to wait for: a new node; an instance that comes into service, of one service or of any. */
type Gate = `node ${ConsulNodeName}` | `service ${ServiceName}` | 'any service';

export interface EncodedChange {
  readonly change: Change;
  /** Its operations as JSON, joined by commas. */
  readonly body: string;
  readonly bytes: number;
  readonly operations: number;
}

export interface Packed {
  readonly batches: readonly Batch[];
  readonly invalid: readonly { readonly change: Change; readonly problem: string }[];
}

/**
 * Packs changes into transactions. Pure, and deterministic for the order the changes come in:
 *
 * - a change is in exactly one batch, or in `invalid`; its operations stay together;
 * - no batch exceeds the limits, nor removes more than 8 nodes;
 * - changes come in the order of their ranks (plan/order.ts); otherwise the order is kept, so that each node's
 *   changes stay in the order diff() gave them;
 * - what is on a new node is not sent before the node, and what takes an instance out of a service not before
 *   what brings another in: batches have gates.
 */
export function pack(changes: readonly Change[], limits: TxnLimits = defaultLimits): Packed {
  const problems: { change: Change; problem: string }[] = [];
  const encoded: EncodedChange[] = [];
  for (const change of changes.toSorted((a, b) => rank(a) - rank(b))) {
    const problem = invalid(change);
    if (problem === undefined) encoded.push(encode(change));
    else problems.push({ change, problem });
  }
  const { batches, oversized } = packEncoded(encoded, limits);
  for (const { change, operations, bytes } of oversized) {
    const problem = `the change needs ${operations} operations and ${bytes} bytes, more than a transaction may hold`;
    problems.push({ change, problem });
  }
  return { batches, invalid: problems };
}

/** Packs again what was encoded before, in the same order; `oversized` fit into no transaction. */
export function packEncoded(
  changes: readonly EncodedChange[],
  limits: TxnLimits,
): { readonly batches: Batch[]; readonly oversized: EncodedChange[] } {
  const batches: Batch[] = [];
  const oversized: EncodedChange[] = [];
  let room = { operations: 0, bytes: 0, removals: 0 };
  let current: EncodedChange[] = [];
  const close = (): void => {
    if (current.length > 0) batches.push(batchOf(current));
    current = [];
    // Two brackets around the operations.
    room = { operations: limits.operations, bytes: limits.bytes - 2, removals: maxNodeRemovals };
  };
  close();
  for (const each of changes) {
    if (each.operations > limits.operations || each.bytes + 2 > limits.bytes) {
      oversized.push(each);
      continue;
    }
    const removals = each.change.kind === 'delete-node' ? 1 : 0;
    const bytes = each.bytes + (current.length > 0 ? 1 : 0);
    if (each.operations > room.operations || bytes > room.bytes || removals > room.removals) close();
    room.operations -= each.operations;
    room.bytes -= each.bytes + (current.length > 0 ? 1 : 0);
    room.removals -= removals;
    current.push(each);
  }
  close();
  return { batches, oversized };
}

/** These changes as one batch, whatever its size. */
export function batchOf(changes: readonly EncodedChange[]): Batch {
  let operations = 0;
  let bytes = 1 + changes.length;
  const gates = new Set<Gate>();
  const awaits = new Set<Gate>();
  for (const { change, ...size } of changes) {
    operations += size.operations;
    bytes += size.bytes;
    awaits.add(`node ${change.node}`);
    const order = rank(change);
    if (order === 0) gates.add(`node ${change.node}`);
    if (order === 1) for (const gate of servicesOf(change)) gates.add(gate).add('any service');
    if (order === 2) for (const gate of servicesOf(change)) awaits.add(gate);
  }
  return { changes, operations, bytes, gates, awaits };
}

/** The services whose instances a change brings into service, or takes out. */
function servicesOf(change: Change): Gate[] {
  switch (change.kind) {
    case 'put-instance':
      return [`service ${change.instance.service}`];
    case 'put-check':
    case 'delete-instance':
      return [`service ${change.service}`];
    case 'delete-check':
      return change.service === undefined ? [] : [`service ${change.service}`];
    case 'delete-node':
    case 'put-node-check':
      return ['any service'];
    case 'put-node':
      return [];
  }
}

/** The transaction's body: `before`, if not empty, and the operations of the changes. */
export function bodyOf(batch: Batch, before = ''): string {
  const bodies = batch.changes.map(({ body }) => body);
  return `[${(before === '' ? bodies : [before, ...bodies]).join(',')}]`;
}

function encode(change: Change): EncodedChange {
  const operations = txnOps(change);
  const body = operations.map((operation) => JSON.stringify(operation)).join(',');
  return { change, body, bytes: Buffer.byteLength(body), operations: operations.length };
}
