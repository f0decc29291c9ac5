import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { ConsulNaming, type ConsulNamingOptions, type NamingError } from '../../src/naming/naming.ts';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';

const opened: ConsulNaming[] = [];

function open(options: ConsulNamingOptions): ConsulNaming {
  const naming = new ConsulNaming({ report: () => {}, ...options });
  opened.push(naming);
  return naming;
}

afterEach(async () => {
  for (const naming of opened.splice(0)) await naming.close();
});

const web = (id: string, name = 'web', meta: Record<string, string> = {}) => ({
  id,
  name,
  address: '10.0.0.1',
  port: 80,
  meta,
});
const idsOf = (instances: readonly { id: string }[]) => instances.map(({ id }) => id);

/** Subscribes and keeps the ids of every callback. */
async function record(naming: ConsulNaming, service: string): Promise<string[][]> {
  const calls: string[][] = [];
  await naming.subscribe(service, (instances) => void calls.push(idsOf(instances)));
  return calls;
}

describe('Naming through a client agent of a datacenter with one server', () => {
  let consul: Consul;
  before(async () => {
    consul = await startConsul({ clientAgents: 1 });
  });
  after(() => consul.stop());

  /** On a node of the catalog's own, so that no agent's anti-entropy puts it back. */
  const putInCatalog = (id: string, service: string) =>
    consul.api.put('/v1/catalog/register', {
      Node: 'synthetic',
      Address: '10.0.0.9',
      Service: { ID: id, Service: service, Address: '10.0.0.1', Port: 80 },
    });

  test('a subscription outlives a restart of the server, and a restart takes nothing out', async () => {
    const naming = open({ addresses: [consul.clients[0]!.url] });
    await naming.register(web('r1', 'restart'));
    await eventually(async () => assert.deepEqual(idsOf(await naming.find('restart')), ['r1']));
    const calls = await record(naming, 'restart');
    await consul.servers[0]!.stop();
    await consul.servers[0]!.start();
    await naming.register(web('r2', 'restart'));
    await eventually(() => assert.deepEqual(calls.at(-1), ['r1', 'r2']), { timeoutMs: 30_000 });
    assert.equal(calls.length, 1);
  });

  test('find() is answered by the cache while the server is away, but not beyond the maximum age', async () => {
    const naming = open({ addresses: [consul.clients[0]!.url] });
    await putInCatalog('c1', 'cached');
    assert.deepEqual(idsOf(await naming.find('cached')), ['c1']);
    assert.deepEqual(idsOf(await naming.find('cached')), ['c1']);
    await consul.servers[0]!.stop();
    try {
      assert.deepEqual(idsOf(await naming.find('cached')), ['c1']);
      await assert.rejects(naming.find({ service: 'cached', maxAgeMs: 1 }), { code: 'unavailable' });
      await assert.rejects(naming.find({ service: 'cached', maxAgeMs: 0 }), { code: 'unavailable' });
    } finally {
      await consul.servers[0]!.start();
    }
  });

  test('a subscription follows a restored snapshot, whose index is lower', async () => {
    const naming = open({ addresses: [consul.clients[0]!.url] });
    await putInCatalog('s1', 'restored');
    const snapshot = path.join(tmpdir(), `naming-${process.pid}.snap`);
    await consul.saveSnapshot(snapshot);
    const calls = await record(naming, 'restored');
    await putInCatalog('s2', 'restored');
    await eventually(() => assert.deepEqual(calls.at(-1), ['s1', 's2']));
    await consul.restoreSnapshot(snapshot);
    await eventually(() => assert.deepEqual(calls.at(-1), ['s1']), { timeoutMs: 45_000 });
    await putInCatalog('s3', 'restored');
    await eventually(() => assert.deepEqual(calls.at(-1), ['s1', 's3']), { timeoutMs: 30_000 });
  });

  test('300 subscriptions live on 64 connections, and each learns of its change within seconds', async () => {
    const reports: NamingError[] = [];
    const naming = open({ addresses: [consul.clients[0]!.url], report: (error) => reports.push(error) });
    const told = new Set<string>();
    const names = Array.from({ length: 300 }, (_, at) => `many-${at}`);
    await Promise.all(names.map((name) => naming.subscribe(name, () => void told.add(name))));
    const changed = names.filter((_, at) => at % 10 === 0);
    for (const name of changed) await putInCatalog(name, name);
    await eventually(() => assert.deepEqual([...told].sort(), changed.toSorted()), { timeoutMs: 20_000 });
    assert.deepEqual(
      reports.map(({ message }) => message),
      [],
    );
  });

  test('a health_url is probed: passing when it answers, out when it does not, its check as promised', async () => {
    let status = 200;
    const server = createServer((_request, response) => response.writeHead(status).end()).listen(
      0,
      '127.0.0.1',
    );
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const naming = open({ addresses: [consul.clients[0]!.url] });
      await naming.register(web('h1', 'probed', { health_url: `http://127.0.0.1:${port}/health` }));
      const calls = await record(naming, 'probed');
      await eventually(() => assert.deepEqual(calls.at(-1), ['h1']), { timeoutMs: 25_000 });
      const [check] =
        await consul.api.get<{ CheckID: string; Type: string; Interval: string; Timeout: string }[]>(
          '/v1/health/checks/probed',
        );
      assert.deepEqual(
        [check?.CheckID, check?.Type, check?.Interval, check?.Timeout],
        ['h1_normal', 'http', '10s', '1s'],
      );
      status = 500;
      await eventually(() => assert.deepEqual(calls.at(-1), []), { timeoutMs: 25_000 });
      await naming.deregister('h1');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('Naming with three servers', () => {
  let consul: Consul;
  before(async () => {
    consul = await startConsul({ servers: 3 });
  });
  after(() => consul.stop());

  test('a subscription outlives the leader it was connected to, on the next address', async () => {
    const leader = await consul.leader();
    const others = consul.servers.filter((server) => server !== leader);
    const home = open({ addresses: [others[0]!.url] });
    await home.register(web('l1', 'leader'));
    const naming = open({ addresses: [leader.url, ...others.map(({ url }) => url)] });
    await eventually(async () => assert.deepEqual(idsOf(await naming.find('leader')), ['l1']));
    const calls = await record(naming, 'leader');
    await leader.kill();
    await home.register(web('l2', 'leader'));
    await eventually(() => assert.deepEqual(calls.at(-1), ['l1', 'l2']), { timeoutMs: 30_000 });
    assert.deepEqual(calls, [['l1', 'l2']]);
    await eventually(async () =>
      assert.deepEqual(idsOf(await naming.find({ service: 'leader', maxAgeMs: 0 })), ['l1', 'l2']),
    );
    await leader.start();
  });
});

describe('Naming with ACLs', () => {
  let consul: Consul;
  before(async () => {
    consul = await startConsul({ acl: true });
  });
  after(() => consul.stop());

  /** A token that may do what `rules` say; empty: nothing. */
  async function token(name: string, rules: string): Promise<{ AccessorID: string; SecretID: string }> {
    await consul.api.put('/v1/acl/policy', { Name: name, Rules: rules });
    return consul.api.put('/v1/acl/token', { Policies: [{ Name: name }] });
  }

  test('a token without rights is denied, and never sees an empty service', async () => {
    const owner = open({ addresses: [consul.url], token: consul.managementToken });
    await owner.register(web('a1', 'secret'));
    await eventually(async () => assert.deepEqual(idsOf(await owner.find('secret')), ['a1']));

    const { SecretID } = await token('nothing', '');
    const stranger = open({ addresses: [consul.url], token: SecretID });
    await assert.rejects(stranger.register(web('a2', 'secret')), { code: 'denied' });
    await assert.rejects(stranger.find('secret'), { code: 'denied' });
    await assert.rejects(stranger.find({ service: 'secret', maxAgeMs: 0 }), { code: 'denied' });
    await assert.rejects(
      stranger.subscribe('secret', () => {}),
      { code: 'denied' },
    );
    await assert.rejects(open({ addresses: [consul.url], token: 'unknown' }).find('secret'), {
      code: 'denied',
    });
  });

  test('a subscription whose token is revoked keeps its list, says so, and goes on with a new token', async () => {
    const owner = open({ addresses: [consul.url], token: consul.managementToken });
    await owner.register(web('t1', 'revoked'));
    await eventually(async () => assert.deepEqual(idsOf(await owner.find('revoked')), ['t1']));

    const rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
    const first = await token('read', rules);
    const second: { SecretID: string } = await consul.api.put('/v1/acl/token', {
      Policies: [{ Name: 'read' }],
    });
    let secret = first.SecretID;
    const reports: NamingError[] = [];
    const naming = open({
      addresses: [consul.url],
      token: () => secret,
      report: (error) => reports.push(error),
    });
    const calls = await record(naming, 'revoked');
    await consul.api.delete(`/v1/acl/token/${first.AccessorID}`);
    await eventually(() => assert.ok(reports.some(({ code }) => code === 'denied')), { timeoutMs: 60_000 });
    assert.deepEqual(calls, []);
    secret = second.SecretID;
    await owner.register(web('t2', 'revoked'));
    await eventually(() => assert.deepEqual(calls.at(-1), ['t1', 't2']), { timeoutMs: 30_000 });
    assert.equal(calls.length, 1);
  });
});
