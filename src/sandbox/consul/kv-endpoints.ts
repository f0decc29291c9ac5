import type { Core, Handler, Route } from './core.ts';
import { type ConsulAnswer, type ConsulRequest, HttpError, json, tokenOf } from './http.ts';
import { readKey, readKeys, readTree } from './kv-reads.ts';
import {
  deleteKey,
  deleteKeyCas,
  deleteTree,
  kvIndexMatches,
  lockKey,
  setKey,
  unlockKey,
} from './kv-writes.ts';
import { readBlocking } from './read-endpoint.ts';
import { StoreError } from './store-error.ts';
import type { Write } from './write.ts';

const get: Handler = async (core, request, key) => {
  const { query } = request;
  if (query.has('keys')) return getKeys(core, request, key);
  const recurse = query.has('recurse');
  if (key === '' && !recurse) throw new HttpError(400, 'Missing key name');
  const { value, headers } = await readBlocking(core, request, {}, (watch, authorizer) => {
    const context = { store: core.store, watch, authorizer };
    return recurse ? readTree(context, key) : readKey(context, key);
  });
  const [first] = value;
  if (first === undefined) return { status: 404, headers, body: '' };
  if (!query.has('raw') || recurse) return json(value, headers);
  return {
    status: 200,
    headers: {
      ...headers,
      'content-type': 'text/plain; charset=utf-8',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    },
    body: Buffer.from(first.Value ?? '', 'base64'),
  };
};

async function getKeys(core: Core, request: ConsulRequest, prefix: string): Promise<ConsulAnswer> {
  const separator = request.query.get('separator') ?? '';
  const { value, headers } = await readBlocking(core, request, {}, (watch, authorizer) =>
    readKeys({ store: core.store, watch, authorizer }, prefix, separator),
  );
  if (value.length === 0 && prefix !== '') return { status: 404, headers, body: '' };
  return json(value, headers);
}

function refuseConflicting({ query }: ConsulRequest, ...names: string[]): void {
  if (names.filter((name) => query.has(name)).length > 1) {
    throw new HttpError(400, `Conflicting flags: ${query}\n`);
  }
}

function numberOf({ query }: ConsulRequest, name: string): number {
  const text = query.get(name) ?? '0';
  if (/^\d+$/.test(text)) return Number(text);
  throw new HttpError(500, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Runs a write of the log; what the state machine refuses is a 500. */
function apply(core: Core, change: (write: Write) => boolean): ConsulAnswer {
  try {
    return json(core.store.apply(change));
  } catch (thrown) {
    if (thrown instanceof StoreError) throw new HttpError(500, `raft apply failed: ${thrown.message}`);
    throw thrown;
  }
}

const put: Handler = (core, request, key) => {
  const { query, body } = request;
  if (key === '') throw new HttpError(400, 'Missing key name');
  refuseConflicting(request, 'cas', 'acquire', 'release');
  const { maxKvBytes } = core.settings;
  if (body.byteLength > maxKvBytes) {
    const page = 'https://developer.hashicorp.com/docs/agent/config/config-files#kv_max_value_size';
    const text = `Request body(${body.byteLength} bytes) too large, max size: ${maxKvBytes} bytes. See ${page}.`;
    throw new HttpError(413, text);
  }
  core.acl.resolve(tokenOf(request)).requireWrite('key', key);
  const value = body.byteLength === 0 ? null : Buffer.from(body).toString('base64');
  const entry = { key, value, flags: numberOf(request, 'flags') };
  const { store } = core;
  const cas = query.has('cas') ? numberOf(request, 'cas') : undefined;
  const [acquire, release] = [query.get('acquire'), query.get('release')];
  if (acquire !== null && store.isLockDelayed(key)) return json(false);
  return apply(core, (write) => {
    if (acquire !== null) return lockKey(store, write, entry, acquire) !== undefined;
    if (release !== null) return unlockKey(store, write, entry, release) !== undefined;
    if (cas !== undefined && !kvIndexMatches(store, key, cas)) return false;
    setKey(store, write, entry);
    return true;
  });
};

const remove: Handler = (core, request, key) => {
  refuseConflicting(request, 'recurse', 'cas');
  const recurse = request.query.has('recurse');
  if (key === '' && !recurse) throw new HttpError(400, 'Missing key name');
  core.acl.resolve(tokenOf(request)).requireWrite('key', key);
  const cas = request.query.has('cas') ? numberOf(request, 'cas') : undefined;
  return apply(core, (write) => {
    if (cas !== undefined) return deleteKeyCas(core.store, write, key, cas);
    if (recurse) deleteTree(core.store, write, key);
    else deleteKey(core.store, write, key);
    return true;
  });
};

const kv: Handler = (core, request, key) => {
  if (request.method === 'GET') return get(core, request, key);
  return request.method === 'PUT' ? put(core, request, key) : remove(core, request, key);
};

export const kvRoutes: readonly Route[] = [
  { methods: ['GET', 'PUT', 'DELETE'], path: '/v1/kv/', handler: kv },
];
