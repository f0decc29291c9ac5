import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, type Entry, unique } from './subject.ts';

export function agent(subject: () => ConsulUnderTest): void {
  const register = async (api: Api, body: object) => {
    const reply = await api.put('/v1/agent/service/register', body);
    assert.deepEqual([reply.status, reply.text], [200, '']);
  };
  /** Anti-entropy follows at once, but not within the same request. */
  const shown = async (api: Api, name: string, done: (entry: Entry) => boolean): Promise<Entry> => {
    for (let tries = 0; tries < 50; tries++) {
      const [entry] = await api.json<Entry[]>(`/v1/health/service/${name}`);
      if (done(entry)) return entry;
      await subject().settle();
    }
    throw new Error(`${name} is not in the catalog as it should be`);
  };

  test('agent: a service with a TTL check is critical until it is reported', async () => {
    const api = new Api(subject());
    const [id, name] = [unique('id'), unique('web')];
    await register(api, { ID: id, Name: name, Port: 80, Address: '10.9.9.9', Check: { TTL: '100s' } });
    const entry = await shown(api, name, (found) => found !== undefined);
    assert.equal(entry.Node.Node, subject().nodeName);
    const own = { Address: '10.9.9.9', Port: 80 };
    assert.deepEqual(entry.Service.TaggedAddresses, { lan_ipv4: own, wan_ipv4: own });
    const checkId = `service:${id}`;
    const check = entry.Checks.find(({ CheckID }: Entry) => CheckID === checkId);
    assert.deepEqual([check.Status, check.Type, check.Name], ['critical', 'ttl', `Service '${name}' check`]);
    assert.equal((await api.put(`/v1/agent/check/pass/${checkId}?note=fine`)).status, 200);
    const status = (found: Entry) => found.Checks.find(({ CheckID }: Entry) => CheckID === checkId).Status;
    const passing = await shown(api, name, (found) => status(found) === 'passing');
    assert.equal(passing.Checks.find(({ CheckID }: Entry) => CheckID === checkId).Output, 'fine');
    await api.put(`/v1/agent/check/update/${checkId}`, { Status: 'warning', Output: 'hm' });
    await shown(api, name, (found) => status(found) === 'warning');
    await api.put(`/v1/agent/check/fail/${checkId}`);
    await shown(api, name, (found) => status(found) === 'critical');
    await api.put(`/v1/agent/check/warn/${checkId}`);
    const checks = await api.json<Record<string, Entry>>('/v1/agent/checks');
    assert.deepEqual([checks[checkId].Status, checks[checkId].ModifyIndex], ['warning', 0]);
    assert.equal((await api.put(`/v1/agent/service/deregister/${id}`)).status, 200);
    await shown(api, name, (found) => found === undefined);
    assert.equal(checkId in (await api.json<object>('/v1/agent/checks')), false);
  });

  test('agent: ids that differ in case only are two, and the catalog has one entry for both', async () => {
    const api = new Api(subject());
    const [id, name] = [unique('id'), unique('web')];
    const upper = id.toUpperCase();
    await register(api, { ID: upper, Name: name, Port: 80 });
    await shown(api, name, (found) => found?.Service.ID === upper);
    await register(api, { ID: id, Name: name, Port: 81 });
    await shown(api, name, (found) => found?.Service.ID === id);
    const own = Object.keys(await api.json<object>('/v1/agent/services'));
    assert.ok(own.includes(id) && own.includes(upper));
    assert.equal((await api.put(`/v1/agent/service/deregister/${upper}`)).status, 200);
    await shown(api, name, (found) => found === undefined);
    assert.ok(
      Object.keys(await api.json<object>('/v1/agent/services')).includes(id),
      'it still has the other',
    );
    assert.equal((await api.put(`/v1/agent/service/deregister/${id}`)).status, 200);
  });

  test('agent: several checks are numbered; a check that needs probing starts critical or as told', async () => {
    const api = new Api(subject());
    const id = unique('id');
    const probe = { HTTP: 'http://127.0.0.1:9/', Interval: '1000s', Timeout: '1s' };
    await register(api, {
      ID: id,
      Name: id,
      Checks: [probe, { CheckID: `own-${id}`, TTL: '100s', Status: 'passing' }],
    });
    const checks = await api.json<Record<string, Entry>>('/v1/agent/checks');
    const [http, ttl] = [checks[`service:${id}:1`], checks[`own-${id}`]];
    assert.deepEqual(
      [http.Type, http.Status, http.Interval, http.Timeout],
      ['http', 'critical', '16m40s', '1s'],
    );
    assert.deepEqual([ttl.Type, ttl.Status], ['ttl', 'passing']);
    await api.put(`/v1/agent/service/deregister/${id}`);
  });

  test('agent: agent/service and agent/services show what is registered', async () => {
    const api = new Api(subject());
    const id = unique('id');
    await register(api, { ID: id, Name: 'shown', Tags: ['a'], Meta: { k: 'v' }, Port: 1 });
    const services = await api.json<Record<string, Entry>>(
      `/v1/agent/services?filter=${encodeURIComponent(`ID == "${id}"`)}`,
    );
    assert.deepEqual(services, {
      [id]: {
        ID: id,
        Service: 'shown',
        Tags: ['a'],
        Meta: { k: 'v' },
        Port: 1,
        Address: '',
        Weights: { Passing: 1, Warning: 1 },
        EnableTagOverride: false,
        Datacenter: 'dc1',
      },
    });
    const one = await api.get(`/v1/agent/service/${id}`);
    const { ContentHash, ...rest } = JSON.parse(one.text) as Entry;
    assert.deepEqual(rest, services[id]);
    assert.equal(one.headers['x-consul-contenthash'], ContentHash);
    await api.put(`/v1/agent/service/deregister/${id}`);
    const gone = await api.get(`/v1/agent/service/${id}`);
    assert.deepEqual([gone.status, gone.text], [404, `unknown service ID: ${id}`]);
  });

  test('agent: maintenance of a service is a critical check with the reason', async () => {
    const api = new Api(subject());
    const id = unique('id');
    await register(api, { ID: id, Name: id });
    await api.put(`/v1/agent/service/maintenance/${id}?enable=true&reason=upgrade`);
    const entry = await shown(api, id, (found) => found?.Checks.length > 1);
    const check = entry.Checks.find(({ CheckID }: Entry) => CheckID === `_service_maintenance:${id}`);
    assert.deepEqual(
      [check.Name, check.Status, check.Notes, check.Type],
      ['Service Maintenance Mode', 'critical', 'upgrade', 'maintenance'],
    );
    await api.put(`/v1/agent/service/maintenance/${id}?enable=false`);
    await shown(api, id, (found) => found.Checks.length === 1);
    const missing = await api.put(`/v1/agent/service/maintenance/${id}`);
    assert.deepEqual([missing.status, missing.text], [400, 'Missing value for enable']);
    await api.put(`/v1/agent/service/deregister/${id}`);
  });

  test('agent: a check of its own, for a service or for the node', async () => {
    const api = new Api(subject());
    const id = unique('id');
    await register(api, { ID: id, Name: id });
    const put = await api.put('/v1/agent/check/register', {
      ID: `c-${id}`,
      Name: 'more',
      ServiceID: id,
      TTL: '100s',
    });
    assert.equal(put.status, 200, put.text);
    const entry = await shown(api, id, (found) => found?.Checks.length > 1);
    assert.equal(entry.Checks.find(({ CheckID }: Entry) => CheckID === `c-${id}`).ServiceName, id);
    assert.equal((await api.put(`/v1/agent/check/deregister/c-${id}`)).status, 200);
    const orphan = await api.put('/v1/agent/check/register', { Name: 'x', ServiceID: 'nobody', TTL: '1s' });
    assert.deepEqual([orphan.status, orphan.text], [404, 'ServiceID "nobody" does not exist']);
    await api.put(`/v1/agent/service/deregister/${id}`);
  });

  test('agent: what it refuses', async () => {
    const api = new Api(subject());
    const reply = async (path: string, body?: object) => {
      const { status, text } = await api.put(`/v1/agent/${path}`, body);
      return [status, text];
    };
    assert.deepEqual(await reply('service/register', { ID: 'x' }), [400, 'Missing service name']);
    assert.deepEqual(await reply('service/register', { Name: 'x', Bogus: 1 }), [
      400,
      'Request decode failed: json: unknown field "Bogus"',
    ]);
    assert.deepEqual(await reply('service/register', { Name: 'x', Check: { HTTP: 'http://x' } }), [
      400,
      'Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks',
    ]);
    assert.deepEqual(await reply('service/register', { Name: 'x', Weights: { Passing: 0 } }), [
      400,
      'Invalid Weights: Passing must be greater than 0',
    ]);
    assert.deepEqual(await reply('service/deregister/nobody'), [
      404,
      'Unknown service ID "nobody". Ensure that the service ID is passed, not the service name.',
    ]);
    assert.deepEqual(await reply('check/pass/nobody'), [
      404,
      'Unknown check ID "nobody". Ensure that the check ID is passed, not the check name.',
    ]);
    assert.deepEqual(await reply('check/update/x', { Status: 'bad' }), [400, "Invalid check status: 'bad'"]);
  });

  test('agent/self names the agent and its version', async () => {
    const api = new Api(subject());
    const { Config } = await api.json<Entry>('/v1/agent/self');
    assert.deepEqual([Config.NodeName, Config.Datacenter, Config.Server], [subject().nodeName, 'dc1', true]);
    assert.match(Config.Version, /^1\.\d+\.\d+/);
  });
}
