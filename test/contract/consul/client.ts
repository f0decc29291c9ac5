import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentClient } from '../../../src/consul/agent-client.ts';
import { ConsulClient } from '../../../src/consul/client.ts';
import { ConsulApi, type ConsulApiOptions } from '../../../src/consul/consul-api.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Api, type ConsulUnderTest, check, type Entry, kv, node, service, unique } from './subject.ts';

const { signal } = new AbortController();

/** What the client sends is what Consul understands, and what Consul answers is what the client returns. */
export function consulClient(subject: () => ConsulUnderTest): void {
  const open = () => {
    const options: ConsulApiOptions = { transport: subject().transport, clock: systemClock };
    return {
      api: new Api(subject()),
      client: new ConsulClient(options),
      agent: new AgentClient(options),
      generic: new ConsulApi(options),
    };
  };

  test('client: reads nodes by meta and filter, a node with its services, its checks and all names', async () => {
    const { api, client } = open();
    const [a, b, web] = [unique('a'), unique('b'), unique('web')];
    const Meta = { owner: a, zone: 'b&c d' };
    await api.commit(
      node(a, { Meta }),
      node(b, { Meta: { owner: a } }),
      service(a, 's1', web, { Tags: ['x'], Weights: { Passing: 5, Warning: 2 } }),
      check(a, 'c1', { ServiceID: 's1' }),
    );
    const names = async (options: object) =>
      (await client.catalogNodes(options, signal)).value.map(({ Node }) => Node);
    assert.deepEqual((await names({ nodeMeta: { owner: a } })).sort(), [a, b].sort());
    assert.deepEqual(await names({ nodeMeta: Meta }), [a]);
    assert.deepEqual(await names({ nodeMeta: { owner: a }, filter: `Node == "${b}"` }), [b]);
    const services = await client.nodeServices(a, signal);
    assert.deepEqual([services.knownLeader, services.filteredByAcls], [true, false]);
    assert.ok(services.index > 0);
    const [found] = services.value!.Services;
    assert.deepEqual([found!.ID, found!.Tags, found!.Weights], ['s1', ['x'], { Passing: 5, Warning: 2 }]);
    assert.equal((await client.nodeServices(unique('nobody'), signal)).value, undefined);
    assert.deepEqual(
      (await client.healthNode(a, signal)).value.map(({ CheckID, ServiceName }) => [CheckID, ServiceName]),
      [['c1', web]],
    );
    assert.ok((await client.serviceNames(signal)).includes(web));
    assert.match(await client.version(signal), /^\d+\.\d+\./);
  });

  test('client: a transaction is committed, rolled back or too large, by either way to send it', async () => {
    const { client } = open();
    const n = unique('n');
    const key = unique('key');
    const ways = [
      (operations: object[]) => client.transaction(operations, signal),
      (operations: object[]) => client.txn(JSON.stringify(operations), signal),
    ];
    for (const send of ways) {
      const committed = await send([node(n), kv('set', key, { Value: 'eA==' })]);
      assert.ok(committed.kind === 'committed');
      assert.equal(committed.results[0]?.Node?.Node, n);
      assert.equal(committed.results[1]?.KV?.Key, key);
      const refused = await send([node(n), kv('cas', key, { Value: 'eA==', Index: 1 })]);
      assert.ok(refused.kind === 'rolled-back');
      assert.equal(refused.errors[0]?.opIndex, 1);
      const large = await send(Array.from({ length: 129 }, () => kv('get', key)));
      assert.ok(large.kind === 'too-large' && large.operations !== undefined);
    }
  });

  test('client: a wait for an index ends with a newer one', async () => {
    const { api, client } = open();
    const n = unique('n');
    await api.commit(node(n), check(n, 'c1'));
    for (const source of [
      { kind: 'node-checks', node: n },
      { kind: 'checks', nodeMeta: {} },
    ] as const) {
      const index = await client.indexOf(source, undefined, signal);
      const waiting = client.indexOf(source, { index, waitMs: 20_000 }, signal);
      await subject().settle();
      await api.commit(check(n, 'c1', { Output: source.kind }));
      assert.ok((await subject().drive(waiting)) > index);
    }
  });

  test('client: registers tagged addresses and weights, which the builders of the package drop', async () => {
    const { api, client } = open();
    const [n, web] = [unique('n'), unique('web')];
    const lan_ipv6 = { Address: 'fd00::1', Port: 80 };
    await client.register(
      {
        Node: n,
        Address: '10.0.0.1',
        NodeMeta: { zone: 'z' },
        Service: {
          ID: 's',
          Service: web,
          TaggedAddresses: { lan_ipv6 },
          Weights: { Passing: 7, Warning: 3 },
        },
        Check: { CheckID: 'c', Name: 'c', ServiceID: 's', Status: 'passing', Output: 'fine' },
      },
      signal,
    );
    const [entry] = await api.json<Entry[]>(`/v1/health/service/${web}`);
    assert.deepEqual(entry.Service.TaggedAddresses.lan_ipv6, lan_ipv6);
    assert.deepEqual(entry.Service.Weights, { Passing: 7, Warning: 3 });
    assert.deepEqual([entry.Node.Meta.zone, entry.Checks[0].Output], ['z', 'fine']);
  });

  test('client: a session is created with its node checks, renewed and destroyed', async () => {
    const { api, client } = open();
    const n = unique('n');
    await api.commit(node(n), check(n, 'alive'));
    const session = { Node: n, TTL: '100s', Behavior: 'release', NodeChecks: ['alive'] };
    const id = await client.createSession(session, signal);
    const [info] = await api.json<Entry[]>(`/v1/session/info/${id}`);
    assert.deepEqual([info.Node, info.NodeChecks], [n, ['alive']]);
    assert.equal(await client.renewSession(id, signal), true);
    await client.destroySession(id, signal);
    await client.destroySession(id, signal);
    assert.equal(await client.renewSession(id, signal), false);
  });

  test('client: registers with an agent, reports a check, sets maintenance, and removes all of it', async () => {
    const { agent } = open();
    const id = unique('id/1');
    await agent.registerService({ ID: id, Name: unique('web'), Weights: { Passing: 4, Warning: 1 } }, signal);
    await agent.registerCheck({ ID: `${id}:ttl`, Name: 'ttl', ServiceID: id, TTL: '100s' }, signal);
    await agent.updateCheck(`${id}:ttl`, 'warning', 'nearly & "there"', signal);
    await agent.maintenance(id, 'a good reason', signal);
    assert.deepEqual((await agent.services(signal))[id]?.Weights, { Passing: 4, Warning: 1 });
    const checks = await agent.checks(signal);
    assert.deepEqual(
      [checks[`${id}:ttl`]?.Status, checks[`${id}:ttl`]?.Output],
      ['warning', 'nearly & "there"'],
    );
    assert.equal(checks[`_service_maintenance:${id}`]?.Notes, 'a good reason');
    await agent.maintenance(id, undefined, signal);
    assert.equal((await agent.checks(signal))[`_service_maintenance:${id}`], undefined);
    const changed = agent.serviceChange(id, signal);
    await subject().settle();
    await agent.registerService({ ID: id, Name: 'other' }, signal);
    await subject().drive(changed);
    await agent.deregisterCheck(`${id}:ttl`, signal);
    await agent.deregisterService(id, signal);
    await agent.deregisterService(id, signal);
    assert.equal((await agent.services(signal))[id], undefined);
    await assert.rejects(agent.updateCheck(`${id}:ttl`, 'passing', '', signal), { code: 'not-found' });
    await assert.rejects(agent.serviceChange(id, signal), { code: 'not-found' });
  });

  test('client: reads the instances of a service from the servers and from the agent’s cache', async () => {
    const { api, generic } = open();
    const [n, web] = [unique('n'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), service(n, 's2', web));
    await api.commit(check(n, 'c', { ServiceID: 's2', Status: 'critical' }));
    const idsIn = (body: unknown) => (body as Entry[]).map(({ Service }) => Service.ID).sort();
    const all = await generic.call(({ health }, ctx) => health.service({ ...ctx, service: web }), signal);
    assert.deepEqual(idsIn(all.body), ['s1', 's2']);
    const passing = await generic.call(
      ({ health }, ctx) => health.service({ ...ctx, service: web, passing: true }),
      signal,
    );
    assert.deepEqual(idsIn(passing.body), ['s1']);
    const cached = await generic.call(
      (consul, ctx) =>
        consul._get({
          ...ctx,
          path: '/health/service/{service}',
          params: { service: web },
          query: { cached: '', passing: 'true' },
        }),
      signal,
    );
    assert.deepEqual(idsIn(cached.body), ['s1']);
    assert.notEqual(cached.headers['x-cache'], undefined);
  });
}
