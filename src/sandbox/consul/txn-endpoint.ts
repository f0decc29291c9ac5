import type { Core, Handler, Route } from './core.ts';
import { DecodeError, decodeJson } from './decode.ts';
import { type ConsulRequest, HttpError, json, tokenOf } from './http.ts';
import { applyTxn, mayReadResult, preCheck, readTxn, type TxnError } from './txn.ts';
import { isWrite, operationsOf, type TxnOperation, txnBody, type WireOperation } from './txn-body.ts';
import type { TxnResult } from './txn-result.ts';
import { Write } from './write.ts';

const limitsPage = 'https://developer.hashicorp.com/docs/agent/config/config-files#txn_max_req_len';

function wireOperations({ settings }: Core, { body }: ConsulRequest): readonly WireOperation[] {
  if (body.byteLength > settings.maxTxnBytes) {
    const text = `Request body(${body.byteLength} bytes) too large, max size: ${settings.maxTxnBytes} bytes.`;
    throw new HttpError(413, `${text} See ${limitsPage}.`, { connection: 'close' });
  }
  let wire: readonly WireOperation[];
  try {
    wire = decodeJson(body, txnBody) ?? [];
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw new HttpError(400, `Failed to parse body: ${thrown.message}`);
    throw thrown;
  }
  if (wire.length <= settings.maxTxnOperations) return wire;
  const limit = `${wire.length} > ${settings.maxTxnOperations}`;
  throw new HttpError(413, `Transaction contains too many operations (${limit})`);
}

/** `Datacenter` is the server's own where an operation does not say. */
function withDatacenter({ settings }: Core, operation: TxnOperation): TxnOperation {
  if (operation.kind !== 'node' || operation.Node.Datacenter !== '') return operation;
  return { ...operation, Node: { ...operation.Node, Datacenter: settings.datacenter } };
}

const txn: Handler = (core, request) => {
  const operations = operationsOf(wireOperations(core, request)).map((each) => withDatacenter(core, each));
  const authorizer = core.acl.resolve(tokenOf(request));
  const writes = operations.some(isWrite);
  const answer = (results: readonly TxnResult[] | null, errors: readonly TxnError[]) =>
    respond(writes, results, errors, authorizerFilter);
  const authorizerFilter = (result: TxnResult) => mayReadResult(authorizer, result);
  const delayed = (key: string) => core.store.isLockDelayed(key);
  const refused = preCheck(operations, authorizer, delayed);
  if (refused.length > 0) {
    core.counters.refused += 1;
    return answer(null, refused);
  }
  if (writes) {
    core.counters.transactions += 1;
    core.counters.operations += operations.length;
  }
  const outcome = writes
    ? applyTxn(core.store, operations)
    : readTxn(core.store, operations, new Write(core.store.raftIndex));
  if (outcome.kind === 'committed') return answer(outcome.results, []);
  core.counters.refused += 1;
  return answer(null, outcome.errors);
};

/** A transaction that only reads shows the query's meta data in its body too, as Consul's does. */
function respond(
  writes: boolean,
  results: readonly TxnResult[] | null,
  errors: readonly TxnError[],
  mayRead: (result: TxnResult) => boolean,
) {
  const shown = results?.filter(mayRead) ?? null;
  const known = results !== null;
  const body = {
    Results: shown,
    Errors: errors.length === 0 ? null : errors,
    ...(writes
      ? {}
      : {
          Index: known ? 1 : 0,
          LastContact: 0,
          KnownLeader: known,
          ConsistencyLevel: '',
          NotModified: false,
          Backend: 0,
          ResultsFilteredByACLs: shown?.length !== results?.length,
        }),
  };
  const headers = writes ? {} : { 'x-consul-lastcontact': '0', 'x-consul-knownleader': String(known) };
  if (errors.length === 0) return json(body, headers);
  return json(body, { ...headers, 'content-type': 'application/json; charset=utf-8' }, 409);
}

export const txnRoutes: readonly Route[] = [{ methods: ['PUT'], path: '/v1/txn', handler: txn }];
