import { decodeBody } from './catalog-registration.ts';
import type { Core, Handler, Route } from './core.ts';
import { anything, listOf, struct, text } from './decode.ts';
import { parseDuration } from './duration.ts';
import { type ConsulRequest, HttpError, json, tokenOf } from './http.ts';
import { readBlocking } from './read-endpoint.ts';
import type { SessionRow } from './rows.ts';
import { createSession, deleteSession } from './session-writes.ts';
import { nodeKey } from './store.ts';
import { StoreError } from './store-error.ts';
import { uuid } from './uuid.ts';

const sessionBody = struct(
  {
    Name: text,
    Node: text,
    LockDelay: anything,
    Behavior: text,
    TTL: text,
    NodeChecks: anything,
    Checks: anything,
    ServiceChecks: listOf(struct({ ID: text, Namespace: text })),
  },
  true,
);

const minTtlMs = 10_000;
const maxTtlMs = 86_400_000;
const maxLockDelayMs = 60_000;

/** Milliseconds: a duration, nanoseconds, or, below a thousand, seconds. Default 15 s, at most a minute. */
function lockDelay(given: unknown): number {
  let ms = 15_000;
  if (typeof given === 'string') ms = parseDuration(given) ?? ms;
  if (typeof given === 'number') ms = given < 1000 ? given * 1000 : given / 1e6;
  return Math.min(ms, maxLockDelayMs);
}

/** `Checks` is the old name of `NodeChecks`; an empty list of either means none, absence means serfHealth. */
function nodeChecks(given: unknown, old: unknown): readonly string[] {
  const list = Array.isArray(given) ? given : Array.isArray(old) ? old : ['serfHealth'];
  return list.map(String);
}

const create: Handler = (core, request) => {
  const body = decodeBody(
    request.body.byteLength === 0 ? { ...request, body: Buffer.from('{}') } : request,
    sessionBody,
  );
  const node = body.Node || core.settings.nodeName;
  core.acl.resolve(tokenOf(request)).requireWrite('session', node);
  const behavior = body.Behavior || 'release';
  if (behavior !== 'release' && behavior !== 'delete') {
    throw new HttpError(500, `Invalid Behavior setting '${behavior}'`);
  }
  const ttl = body.TTL === '' ? 0 : parseDuration(body.TTL);
  if (ttl === undefined) {
    const reason = `time: invalid duration ${JSON.stringify(body.TTL)}`;
    throw new HttpError(500, `Session TTL '${body.TTL}' invalid: ${reason}`);
  }
  if (ttl !== 0 && (ttl < minTtlMs || ttl > maxTtlMs)) {
    throw new HttpError(500, `Invalid Session TTL '${ttl * 1e6}', must be between [10s=24h0m0s]`);
  }
  const session = {
    ID: uuid(core.random),
    Name: body.Name,
    Node: node,
    LockDelay: lockDelay(body.LockDelay) * 1e6,
    Behavior: behavior,
    TTL: body.TTL,
    NodeChecks: nodeChecks(body.NodeChecks, body.Checks),
    ServiceChecks: body.ServiceChecks,
  } as const;
  try {
    core.store.apply((write) => createSession(core.store, write, session));
  } catch (thrown) {
    if (thrown instanceof StoreError) throw new HttpError(500, `apply failed: ${thrown.message}`);
    throw thrown;
  }
  core.sessions.reset(core.store.sessions.get(session.ID)!);
  return json({ ID: session.ID });
};

const destroy: Handler = (core, request, id) => {
  if (id === '') throw new HttpError(400, 'Missing session');
  const session = core.store.sessions.get(id);
  const authorizer = core.acl.resolve(tokenOf(request));
  if (session === undefined) return json(true);
  authorizer.requireWrite('session', session.Node);
  core.store.apply((write) => deleteSession(core.store, write, id));
  core.sessions.clear(id);
  return json(true);
};

const renew: Handler = (core, request, id) => {
  if (id === '') throw new HttpError(400, 'Missing session');
  const authorizer = core.acl.resolve(tokenOf(request));
  const session = core.store.sessions.get(id);
  if (session === undefined) throw new HttpError(404, `Session id '${id}' not found`);
  authorizer.requireWrite('session', session.Node);
  core.sessions.reset(session);
  return json([session]);
};

async function read(core: Core, request: ConsulRequest, topic: string, find: () => readonly SessionRow[]) {
  const { value, headers } = await readBlocking(core, request, {}, (watch, authorizer) => {
    watch.add(topic);
    const rows = find();
    const allowed = rows.filter((row) => authorizer.mayRead('session', row.Node));
    const index = core.store.indexes.max('sessions');
    return { index, value: allowed, filteredByAcls: allowed.length < rows.length };
  });
  return json(value, headers);
}

const info: Handler = (core, request, id) => {
  if (id === '') throw new HttpError(400, 'Missing session');
  return read(core, request, core.store.sessions.rowTopic(id), () => {
    const session = core.store.sessions.get(id);
    return session === undefined ? [] : [session];
  });
};

const list: Handler = (core, request) =>
  read(core, request, core.store.sessions.topic(), () => core.store.sessions.list());

const ofNode: Handler = (core, request, node) => {
  if (node === '') throw new HttpError(400, 'Missing node name');
  const { sessions } = core.store;
  return read(core, request, sessions.indexTopic('node', nodeKey(node)), () =>
    sessions.by('node', nodeKey(node)),
  );
};

export const sessionRoutes: readonly Route[] = [
  { methods: ['PUT'], path: '/v1/session/create', handler: create },
  { methods: ['PUT'], path: '/v1/session/destroy/', handler: destroy },
  { methods: ['PUT'], path: '/v1/session/renew/', handler: renew },
  { methods: ['GET'], path: '/v1/session/info/', handler: info },
  { methods: ['GET'], path: '/v1/session/list', handler: list },
  { methods: ['GET'], path: '/v1/session/node/', handler: ofNode },
];
