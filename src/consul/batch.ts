import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import { isUrgent } from '../plan/order.ts';
import { txnOps } from './txn-ops.ts';
import { invalid } from './validate.ts';

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
  readonly nodes: ReadonlySet<ConsulNodeName>;
  /** Nodes of which later batches have to wait for this one. */
  readonly gates: ReadonlySet<ConsulNodeName>;
}

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
 * - changes that are urgent come before those that can wait; otherwise the order is kept, so that each
 *   node's changes stay in the order diff() gave them;
 * - where the order matters to Consul or to a reader (a new node, a removal), the batch is a gate: later
 *   batches with changes of the same node are sent after it was answered.
 */
export function pack(changes: readonly Change[], limits: TxnLimits = defaultLimits): Packed {
  const problems: { change: Change; problem: string }[] = [];
  const encoded: EncodedChange[] = [];
  for (const change of [...changes.filter(isUrgent), ...changes.filter((each) => !isUrgent(each))]) {
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
  const nodes = new Set<ConsulNodeName>();
  const gates = new Set<ConsulNodeName>();
  for (const { change, ...size } of changes) {
    operations += size.operations;
    bytes += size.bytes;
    nodes.add(change.node);
    if (isGate(change)) gates.add(change.node);
  }
  return { changes, operations, bytes, nodes, gates };
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

function isGate(change: Change): boolean {
  return change.kind === 'delete-instance' || (change.kind === 'put-node' && change.effect === 'create');
}
