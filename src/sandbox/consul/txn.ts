import type { Authorizer } from './authorizer.ts';
import type { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import type { TxnOperation } from './txn-body.ts';
import { checkReason, runCheck } from './txn-check.ts';
import { kvReason, runKv } from './txn-kv.ts';
import { nodeReason, runNode } from './txn-node.ts';
import type { TxnContext, TxnResult } from './txn-result.ts';
import { runService, serviceReason } from './txn-service.ts';
import type { Write } from './write.ts';

export interface TxnError {
  readonly OpIndex: number;
  readonly What: string;
}

export type TxnOutcome =
  | { readonly kind: 'committed'; readonly results: readonly TxnResult[] }
  | { readonly kind: 'refused'; readonly errors: readonly TxnError[] };

class Refused extends Error {
  readonly errors: readonly TxnError[];

  constructor(errors: readonly TxnError[]) {
    super('transaction refused');
    this.errors = errors;
  }
}

/**
 * Why operations are refused before they reach the log: unknown verbs, missing names, missing rights. Every
 * culprit is named; a transaction refused here costs no raft index.
 */
export function preCheck(
  operations: readonly TxnOperation[],
  authorizer: Authorizer,
  locksDelayed: (key: string) => boolean,
): readonly TxnError[] {
  return operations.flatMap((operation, OpIndex) => {
    const What = reasonAgainst(operation, authorizer, locksDelayed);
    return What === undefined ? [] : [{ OpIndex, What }];
  });
}

function reasonAgainst(
  operation: TxnOperation,
  authorizer: Authorizer,
  locksDelayed: (key: string) => boolean,
): string | undefined {
  switch (operation.kind) {
    case 'kv':
      return kvReason(operation, authorizer, locksDelayed);
    case 'node':
      return nodeReason(operation, authorizer);
    case 'service':
      return serviceReason(operation, authorizer);
    case 'check':
      return checkReason(operation, authorizer);
  }
}

function run(context: TxnContext, operation: TxnOperation): readonly TxnResult[] {
  switch (operation.kind) {
    case 'kv':
      return runKv(context, operation);
    case 'node':
      return runNode(context, operation);
    case 'service':
      return runService(context, operation);
    case 'check':
      return runCheck(context, operation);
  }
}

/**
 * All operations in order, in one log entry, or none. Later operations are tried even when an earlier one
 * failed, so that every error is reported.
 */
export function applyTxn(store: Store, operations: readonly TxnOperation[]): TxnOutcome {
  return outcomeOf(() => store.apply((write) => runAll({ store, write }, operations)));
}

/** A transaction that only reads costs no raft index. */
export function readTxn(store: Store, operations: readonly TxnOperation[], write: Write): TxnOutcome {
  return outcomeOf(() => runAll({ store, write }, operations));
}

function outcomeOf(transact: () => readonly TxnResult[]): TxnOutcome {
  try {
    return { kind: 'committed', results: transact() };
  } catch (thrown) {
    if (thrown instanceof Refused) return { kind: 'refused', errors: thrown.errors };
    throw thrown;
  }
}

function runAll(context: TxnContext, operations: readonly TxnOperation[]): readonly TxnResult[] {
  const results: TxnResult[] = [];
  const errors: TxnError[] = [];
  for (const [OpIndex, operation] of operations.entries()) {
    try {
      results.push(...run(context, operation));
    } catch (thrown) {
      if (!(thrown instanceof StoreError)) throw thrown;
      errors.push({ OpIndex, What: thrown.message });
    }
  }
  if (errors.length > 0) throw new Refused(errors);
  return results;
}

/** Results the token may not read are left out. */
export function mayReadResult(authorizer: Authorizer, result: TxnResult): boolean {
  const { KV, Node, Service, Check } = result as Record<string, Record<string, string> | undefined>;
  if (KV !== undefined) return authorizer.mayRead('key', KV['Key'] ?? '');
  if (Node !== undefined) return authorizer.mayRead('node', Node['Node'] ?? '');
  if (Service !== undefined) return authorizer.mayRead('service', Service['Service'] ?? '');
  if (Check?.['ServiceName']) return authorizer.mayRead('service', Check['ServiceName']);
  return authorizer.mayRead('node', Check?.['Node'] ?? '');
}
