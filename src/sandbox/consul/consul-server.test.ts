import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { readText, type Transport } from '../../lib/transport.ts';
import { ConsulServer, type ConsulServerOptions } from './consul-server.ts';
import { rateLimited } from './faults.ts';

interface Setup {
  readonly clock: VirtualClock;
  readonly server: ConsulServer;
  readonly transport: Transport;
  get(path: string): Promise<{ status: number; text: string; headers: Readonly<Record<string, string>> }>;
  put(path: string, body?: unknown): Promise<{ status: number; text: string }>;
}

function start(options: Partial<ConsulServerOptions> = {}, token?: string): Setup {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock, random: () => 0.5, ...options });
  const transport = server.transport(token === undefined ? {} : { token });
  const call = async (method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown) => {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const request = { method, path, ...text, signal: new AbortController().signal, headersTimeoutMs: 0 };
    const response = await transport.request(request);
    return { status: response.status, headers: response.headers, text: await readText(response) };
  };
  return {
    clock,
    server,
    transport,
    get: (path) => call('GET', path),
    put: (path, body) => call(path.startsWith('/v1/acl/log') ? 'POST' : 'PUT', path, body),
  };
}

const setNode = (name: string) => ({ Node: { Verb: 'set', Node: { Node: name, Address: '10.0.0.1' } } });
const setService = (node: string, id: string) => ({
  Service: { Verb: 'set', Node: node, Service: { ID: id, Service: 'web' } },
});

describe('faults', () => {
  const write = (setup: Setup) => setup.put('/v1/txn', [setNode('n1')]);

  test('`answer` replaces the answer and applies nothing', async () => {
    const setup = start();
    setup.server.intercept = () => rateLimited(3);
    const before = setup.server.raftIndex;
    const reply = await setup.get('/v1/catalog/nodes');
    assert.deepEqual([reply.status, reply.headers['retry-after']], [429, '3']);
    await write(setup);
    assert.equal(setup.server.raftIndex, before);
  });

  test('`reset` applies nothing, `reset-after-apply` applies, and the client sees the same', async () => {
    for (const [kind, applied] of [
      ['reset', false],
      ['reset-after-apply', true],
    ] as const) {
      const setup = start();
      setup.server.intercept = ({ path }) => (path === '/v1/txn' ? { kind } : undefined);
      await assert.rejects(write(setup), { code: 'unreachable' });
      assert.equal(
        setup.server.outsider.nodes().some(({ Node }) => Node === 'n1'),
        applied,
      );
    }
  });

  test('`hang` never answers: the transport’s time-out ends it', async () => {
    const { server, transport, clock } = start();
    server.intercept = () => ({ kind: 'hang' });
    const signal = new AbortController().signal;
    const request = transport.request({
      method: 'GET',
      path: '/v1/catalog/nodes',
      signal,
      headersTimeoutMs: 5_000,
    });
    const rejected = assert.rejects(request, { code: 'timeout' });
    await clock.advance(5_000);
    await rejected;
    assert.equal(clock.pending, 0);
  });

  test('`delay` answers later', async () => {
    const { server, get, clock } = start();
    server.intercept = () => ({ kind: 'delay', ms: 2_000 });
    let status = 0;
    const reply = get('/v1/catalog/nodes').then((done) => {
      status = done.status;
    });
    await clock.advance(1_999);
    assert.equal(status, 0);
    await clock.advance(1);
    await reply;
    assert.equal(status, 200);
  });

  test('`truncate` breaks the body off', async () => {
    const { server, get } = start();
    server.intercept = () => ({ kind: 'truncate' });
    await assert.rejects(get('/v1/catalog/nodes'), { code: 'unreachable' });
  });
});

describe('without a leader', () => {
  test('a write is 500 after 7 to 14 s, `?stale` is answered and says so', async () => {
    const { server, get, put, clock } = start();
    server.leaderless = true;
    const before = server.raftIndex;
    const write = put('/v1/txn', [setNode('n1')]);
    await clock.advance(14_000);
    assert.deepEqual(await write, { ...(await write), status: 500, text: 'No cluster leader' });
    assert.equal(server.raftIndex, before);
    const stale = await get('/v1/catalog/nodes?stale');
    assert.deepEqual([stale.status, stale.headers['x-consul-knownleader']], [200, 'false']);
    assert.equal((await get('/v1/health/service/consul?index=1')).status, 200, 'a stream needs no leader');
    assert.equal((await get('/v1/status/leader')).text, '""');
  });

  test('a leader found meanwhile answers; what the agent holds reaches the catalog then', async () => {
    const { server, get, put, clock } = start();
    server.leaderless = true;
    const registered = put('/v1/agent/service/register', { Name: 'late' });
    const read = get('/v1/catalog/nodes');
    await clock.advance(1_000);
    assert.equal(server.outsider.services('consul').length, 1);
    server.leaderless = false;
    assert.equal(server.outsider.services('consul').length, 2);
    await clock.advance(14_000);
    assert.deepEqual([(await registered).status, (await read).status], [200, 200]);
  });
});

describe('the state', () => {
  test('`raftIndex` counts every write, identical and refused ones too, and no reading', async () => {
    const { server, get, put } = start();
    const start0 = server.raftIndex;
    await put('/v1/txn', [setNode('n1')]);
    await put('/v1/txn', [setNode('n1')]);
    await put('/v1/txn', [setService('nobody', 's1')]);
    assert.equal(server.raftIndex, start0 + 3);
    await get('/v1/catalog/nodes');
    await put('/v1/txn', [{ Node: { Verb: 'get', Node: { Node: 'n1' } } }]);
    await put('/v1/txn', [{ Node: { Verb: 'no-such-verb', Node: { Node: 'n1' } } }, setNode('n2')]);
    assert.equal(server.raftIndex, start0 + 3);
    assert.deepEqual([server.stats.transactions, server.stats.operations, server.stats.refused], [3, 3, 2]);
    assert.equal(server.stats.requests.get('PUT /v1/txn'), 5);
  });

  test('a refused transaction leaves rows, indexes and sleepers alone', async () => {
    const { server, put, get, clock } = start();
    await put('/v1/txn', [setNode('n1'), setService('n1', 's1')]);
    const before = JSON.stringify([server.outsider.nodes(), server.outsider.services('n1')]);
    const { headers } = await get('/v1/catalog/services');
    const sleeper = get(`/v1/catalog/services?index=${headers['x-consul-index']}&wait=1s`);
    await clock.settle();
    const remove = { Node: { Verb: 'delete', Node: { Node: 'n1' } } };
    const reply = await put('/v1/txn', [remove, setService('nobody', 's1')]);
    assert.equal(reply.status, 409);
    assert.equal(JSON.stringify([server.outsider.nodes(), server.outsider.services('n1')]), before);
    assert.equal(server.stats.blocked, 1);
    await clock.advance(1_063);
    assert.equal((await sleeper).headers['x-consul-index'], headers['x-consul-index']);
  });

  test('a wiped server is empty but for itself, and its indexes start again', async () => {
    const { server, put, get } = start();
    for (let i = 0; i < 10; i++) await put('/v1/txn', [setNode(`n${i}`)]);
    const before = Number((await get('/v1/catalog/nodes')).headers['x-consul-index']);
    server.wipe();
    const after = await get('/v1/catalog/nodes');
    assert.ok(Number(after.headers['x-consul-index']) < before);
    assert.equal(server.outsider.nodes().length, 1);
  });

  test('a blocking query waits its wait and up to a sixteenth more', async () => {
    const { get, clock } = start();
    const { headers } = await get('/v1/catalog/nodes');
    let answered = false;
    const sleeper = get(`/v1/catalog/nodes?index=${headers['x-consul-index']}&wait=16s`).then(() => {
      answered = true;
    });
    await clock.advance(16_499);
    assert.equal(answered, false);
    await clock.advance(1);
    await sleeper;
    assert.equal(clock.pending, 0);
  });

  test('the limit of operations can be that of an older server', async () => {
    const { put } = start({ maxTxnOperations: 64 });
    const reply = await put(
      '/v1/txn',
      Array.from({ length: 65 }, (_, i) => setNode(`n${i}`)),
    );
    assert.deepEqual([reply.status, reply.text], [413, 'Transaction contains too many operations (65 > 64)']);
  });

  test('an outsider’s change is an entry of the log that wakes those who wait', async () => {
    const { server, put, get, clock } = start();
    await put('/v1/txn', [setNode('n1'), setService('n1', 's1')]);
    const { headers } = await get('/v1/health/service/web');
    const sleeper = get(`/v1/health/service/web?index=${headers['x-consul-index']}&wait=60s`);
    await clock.settle();
    server.outsider.putService('n1', { ID: 's1', Tags: ['edited'] });
    const [entry] = JSON.parse((await sleeper).text) as [{ Service: { Service: string; Tags: string[] } }];
    assert.deepEqual([entry.Service.Service, entry.Service.Tags], ['web', ['edited']]);
  });
});

describe('time', () => {
  test('a session ends at twice its TTL unless it is renewed', async () => {
    const { put, get, clock } = start();
    const { ID } = JSON.parse((await put('/v1/session/create', { TTL: '10s' })).text) as { ID: string };
    const alive = async () => (await get(`/v1/session/info/${ID}`)).text !== '[]';
    await clock.advance(19_000);
    await put(`/v1/session/renew/${ID}`);
    await clock.advance(19_999);
    assert.equal(await alive(), true);
    await clock.advance(1);
    assert.equal(await alive(), false);
  });

  test('a TTL check that is not reported turns critical and repeats the last report', async () => {
    const { server, put, clock } = start();
    await put('/v1/agent/service/register', { Name: 'web', Check: { TTL: '15s' } });
    await put('/v1/agent/check/pass/service:web?note=fine');
    const check = () => server.outsider.checks('consul').find(({ CheckID }) => CheckID === 'service:web')!;
    await clock.advance(14_999);
    assert.equal(check().Status, 'passing');
    await clock.advance(1);
    assert.deepEqual(
      [check().Status, check().Output],
      ['critical', 'TTL expired (last output before timeout follows): fine'],
    );
  });

  test('a service is deregistered when its check was critical for long enough, at least a minute', async () => {
    const { server, put, clock } = start();
    const Check = { HTTP: 'http://x', Interval: '10s', DeregisterCriticalServiceAfter: '20s' };
    await put('/v1/agent/service/register', { Name: 'web', Check });
    const there = () => server.outsider.services('consul').some(({ ID }) => ID === 'web');
    await clock.advance(30_000);
    server.setCheck('service:web', 'passing', '200 OK');
    await clock.advance(60_000);
    assert.equal(there(), true);
    server.setCheck('service:web', 'critical');
    await clock.advance(59_999);
    assert.equal(there(), true);
    await clock.advance(1);
    assert.equal(there(), false);
  });

  test('anti-entropy removes what others put on the agent’s node and repairs what they changed', async () => {
    const { server, put, clock } = start();
    await put('/v1/agent/service/register', { Name: 'mine', Port: 1 });
    server.outsider.putService('consul', { ID: 'foreign' });
    server.outsider.putService('consul', { ID: 'mine', Port: 2 });
    await clock.advance(60_000);
    const services = server.outsider.services('consul').map(({ ID, Port }) => [ID, Port]);
    assert.deepEqual(services, [
      ['consul', 8300],
      ['mine', 1],
    ]);
    assert.equal(clock.pending, 0);
  });

  test('a synthetic node with a serfHealth check is taken for a member that left, and reaped', async () => {
    const { server, put, clock } = start();
    await put('/v1/txn', [
      setNode('n1'),
      { Check: { Verb: 'set', Check: { Node: 'n1', CheckID: 'serfHealth' } } },
    ]);
    await put('/v1/txn', [setNode('n2')]);
    await clock.advance(60_000);
    assert.deepEqual(
      server.outsider.nodes().map(({ Node }) => Node),
      ['consul', 'n2'],
    );
  });
});

describe('ACLs', () => {
  const managementToken = 'root';
  const login = { AuthMethod: 'kubernetes', BearerToken: 'jwt' };
  const acl = {
    managementToken,
    loginTtlMs: 60_000,
    authMethods: { kubernetes: (bearer: string) => (bearer === 'jwt' ? ['global-management'] : undefined) },
  };

  test('a login gives a token that works until it expires or logs out', async () => {
    const { server, put, clock } = start({ acl });
    const { SecretID, AuthMethod } = JSON.parse((await put('/v1/acl/login', login)).text) as Record<
      string,
      string
    >;
    assert.equal(AuthMethod, 'kubernetes');
    const status = async () => {
      const signal = new AbortController().signal;
      const transport = server.transport({ token: SecretID! });
      return (await transport.request({ method: 'GET', path: '/v1/agent/self', signal })).status;
    };
    assert.equal(await status(), 200);
    await clock.advance(60_000);
    assert.equal(await status(), 403);
    const refused = await put('/v1/acl/login', { ...login, BearerToken: 'other' });
    assert.deepEqual([refused.status, refused.text], [403, 'Permission denied']);
  });

  test('only tokens from a login can log out', async () => {
    const { server, put } = start({ acl }, managementToken);
    assert.equal((await put('/v1/acl/logout')).status, 403);
    const { SecretID } = JSON.parse((await put('/v1/acl/login', login)).text) as Record<string, string>;
    assert.equal((await put(`/v1/acl/logout?token=${SecretID}`)).text, 'true');
    assert.equal(server.acl.knows(SecretID!), false);
  });
});

test('disposing the server leaves no timer behind', async () => {
  const { server, put, clock } = start();
  await put('/v1/session/create', { TTL: '10s' });
  await put('/v1/agent/service/register', { Name: 'web', Check: { TTL: '15s' } });
  server.outsider.putService('consul', { ID: 'foreign' });
  assert.ok(clock.pending > 0);
  server[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
