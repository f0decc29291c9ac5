import type { ConsulClient } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Wanted } from '../registry.ts';
import { isDenied, type TxnOp } from './txn-ops.ts';

/** A transaction holds at least 64 operations on every Consul. */
const atOnce = 60;

/**
 * Whether the token may write to these nodes and services; writes nothing. Consul looks at the rights for all
 * operations of a transaction before it applies the first, and the first one here cannot succeed: it asks for an
 * index that no node has. Returns Consul's own words for what it would refuse, without repetitions.
 *
 * Rejects as `client.txn()`, and with `internal` should Consul commit what cannot be committed.
 */
export async function refusedWrites(
  client: ConsulClient,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<string[]> {
  const [first] = wanted.nodes;
  const asked: TxnOp[] = [
    ...wanted.nodes.map((name) => impossible(name)),
    ...wanted.services.map((name): TxnOp => {
      const Service = { ID: name, Service: name };
      return { Service: { Verb: 'set', Node: first, Service } };
    }),
  ];
  const refused = new Set<string>();
  for (let start = 0; start < asked.length; start += atOnce) {
    const operations = [impossible(first), ...asked.slice(start, start + atOnce)];
    const answer = await client.transaction(operations, signal);
    if (answer.kind !== 'rolled-back') {
      throw new RegistrarError('internal', `the check of write access was answered with ${answer.kind}`);
    }
    for (const { what } of answer.errors) if (isDenied(what)) refused.add(what);
  }
  return [...refused];
}

/** Nothing has index 1: Consul's first entry in its log is none of a node. */
const impossible = (name: string): TxnOp => ({
  Node: { Verb: 'cas', Node: { Node: name, Address: '127.0.0.1', ModifyIndex: 1 } },
});
