import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, type Entry, unique } from './subject.ts';

/** What a registration with the agent of another machine comes to. */
export function clientAgent(subject: () => ConsulUnderTest): void {
  const apis = () => {
    const { managementToken, client } = subject();
    assert.ok(client !== undefined);
    return {
      client,
      catalog: new Api(subject()),
      agent: new Api({ transport: client.transport, managementToken }),
    };
  };
  const register = async (api: Api, body: object) => {
    const reply = await api.put('/v1/agent/service/register', body);
    assert.equal(reply.status, 200, reply.text);
  };
  /** The catalog follows soon, but not within the same request; the real one after a restart in seconds. */
  const shown = async (name: string, done: (entry: Entry) => boolean): Promise<Entry> => {
    const { catalog } = apis();
    for (let tries = 0; tries < 300; tries++) {
      const [entry] = await catalog.json<Entry[]>(`/v1/health/service/${name}`);
      if (done(entry)) return entry;
      await subject().settle();
    }
    throw new Error(`${name} is not in the catalog as it should be`);
  };
  const checkOf = (entry: Entry, id: string) => entry?.Checks.find(({ CheckID }: Entry) => CheckID === id);

  test('client agent: what is registered with it is under its own node, with its health', async () => {
    const { client, agent, catalog } = apis();
    const id = unique('id');
    const check = { CheckID: `${id}:c`, TTL: '100s', Status: 'passing', Notes: 'n' };
    await register(agent, { ID: id, Name: id, Address: '10.9.9.9', Port: 80, Checks: [check] });
    const entry = await shown(id, (found) => found !== undefined);
    assert.equal(entry.Node.Node, client.nodeName);
    assert.equal(checkOf(entry, 'serfHealth').Status, 'passing');
    const own = checkOf(entry, `${id}:c`);
    assert.deepEqual([own.Status, own.Notes, own.Type], ['passing', 'n', 'ttl']);
    const onServer = await catalog.json<Record<string, Entry>>('/v1/agent/services');
    assert.equal(id in onServer, false);
    const { Config } = await agent.json<Entry>('/v1/agent/self');
    assert.deepEqual([Config.NodeName, Config.Server], [client.nodeName, false]);
    await agent.put(`/v1/agent/service/deregister/${id}`);
    await shown(id, (found) => found === undefined);
  });

  test('client agent: registered again without checks, a service keeps them and their status', async () => {
    const { agent } = apis();
    const id = unique('id');
    const check = { CheckID: `${id}:c`, TTL: '100s', Status: 'passing' };
    await register(agent, { ID: id, Name: id, Tags: ['a'], Checks: [check] });
    await agent.put(`/v1/agent/check/update/${id}:c`, { Status: 'warning', Output: 'hm' });
    await register(agent, { ID: id, Name: id, Tags: ['b'], Checks: [] });
    const checks = await agent.json<Record<string, Entry>>('/v1/agent/checks');
    assert.deepEqual([checks[`${id}:c`].Status, checks[`${id}:c`].Output], ['warning', 'hm']);
    await register(agent, { ID: id, Name: id, Tags: ['b'], Checks: [{ ...check, Status: 'critical' }] });
    const again = (await agent.json<Record<string, Entry>>('/v1/agent/checks'))[`${id}:c`];
    assert.deepEqual([again.Status, again.ServiceTags], ['warning', ['b']]);
    await agent.put(`/v1/agent/service/deregister/${id}`);
  });

  test('client agent: a check registered for a service has its name and tags, and keeps its status when it comes again', async () => {
    const { agent } = apis();
    const id = unique('id');
    await register(agent, { ID: id, Name: id, Tags: ['a'] });
    const body = { ID: `${id}:c`, Name: 'c', ServiceID: id, TTL: '100s', Status: 'passing', Notes: 'one' };
    assert.equal((await agent.put('/v1/agent/check/register', body)).status, 200);
    await agent.put('/v1/agent/check/register', { ...body, Status: 'warning', Notes: 'two' });
    const check = (await agent.json<Record<string, Entry>>('/v1/agent/checks'))[`${id}:c`];
    assert.deepEqual(
      [check.Status, check.Notes, check.ServiceName, check.ServiceTags],
      ['passing', 'two', id, ['a']],
    );
    await agent.put(`/v1/agent/service/deregister/${id}`);
  });

  test('client agent: a TTL that is not renewed runs out, with the last word in the output', async () => {
    const { agent } = apis();
    const id = unique('id');
    await register(agent, {
      ID: id,
      Name: id,
      Checks: [{ CheckID: `${id}:c`, TTL: '1s', Status: 'passing' }],
    });
    await agent.put(`/v1/agent/check/update/${id}:c`, { Status: 'passing', Output: 'fine' });
    const waiting = shown(id, (found) => checkOf(found, `${id}:c`)?.Status === 'critical');
    const entry = await subject().drive(waiting);
    const { Output } = checkOf(entry, `${id}:c`);
    assert.match(Output, /^TTL expired \(last output before timeout follows\): fine$/);
    await agent.put(`/v1/agent/service/deregister/${id}`);
  });

  test('client agent: a query with the hash of a service waits until it changes, or goes', async () => {
    const { agent } = apis();
    const id = unique('id');
    await register(agent, { ID: id, Name: id });
    const hash = (await agent.get(`/v1/agent/service/${id}`)).headers['x-consul-contenthash'];
    const wait = () => agent.get(`/v1/agent/service/${id}?hash=${hash}&wait=60s`);
    const changed = wait();
    await subject().settle();
    await register(agent, { ID: id, Name: id, Port: 1 });
    const reply = await changed;
    assert.deepEqual([reply.status, JSON.parse(reply.text).Port], [200, 1]);
    const other = reply.headers['x-consul-contenthash'];
    assert.notEqual(other, hash);
    const gone = agent.get(`/v1/agent/service/${id}?hash=${other}&wait=60s`);
    await subject().settle();
    await agent.put(`/v1/agent/service/deregister/${id}`);
    assert.equal((await gone).status, 404);
  });

  test('client agent: restarted with its data it has everything, restarted without it nothing', async () => {
    const { client, agent } = apis();
    const id = unique('id');
    await register(agent, { ID: id, Name: id, Check: { TTL: '1000s', Status: 'passing' } });
    await shown(id, (found) => found !== undefined);
    const waiting = agent.get(`/v1/agent/service/${id}`).then(({ headers }) => {
      const hash = headers['x-consul-contenthash'];
      return agent.get(`/v1/agent/service/${id}?hash=${hash}&wait=60s`);
    });
    const broken = assert.rejects(waiting, { code: 'unreachable' });
    await subject().settle();
    await client.stop();
    await broken;
    await assert.rejects(agent.get('/v1/agent/services'), { code: 'unreachable' });
    await client.start();
    assert.ok(id in (await agent.json<object>('/v1/agent/services')));
    await client.stop();
    await client.start({ empty: true });
    assert.equal(id in (await agent.json<object>('/v1/agent/services')), false);
    await subject().drive(shown(id, (found) => found === undefined));
  });
}
