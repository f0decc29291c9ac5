import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, check, type Entry, node, service, unique } from './subject.ts';

const filter = (expression: string): string => `filter=${encodeURIComponent(expression)}`;

export function health(subject: () => ConsulUnderTest): void {
  test('health/service shows instances with the checks of their node and their own', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(
      node(n, { Meta: { a: 'b' } }),
      service(n, `${web}-1`, web, { Port: 80, Address: '10.1.1.1', Weights: { Passing: 3, Warning: 1 } }),
      service(n, `${web}-2`, web),
      check(n, 'zz-node'),
      check(n, 'aa-own', { ServiceID: `${web}-1`, Output: 'fine', Notes: 'why' }),
    );
    const [first, second] = await api.json<Entry[]>(`/v1/health/service/${web}`);
    assert.deepEqual(first.Node.Meta, { a: 'b' });
    const { CreateIndex, ModifyIndex, ...entry } = first.Service;
    assert.ok(CreateIndex > 0 && ModifyIndex === CreateIndex);
    assert.deepEqual(entry, {
      ID: `${web}-1`,
      Service: web,
      Tags: [],
      Address: '10.1.1.1',
      Meta: null,
      Port: 80,
      Weights: { Passing: 3, Warning: 1 },
      EnableTagOverride: false,
      Proxy: { Mode: '', MeshGateway: {}, Expose: {} },
      Connect: {},
      PeerName: '',
    });
    assert.deepEqual(
      first.Checks.map(({ CheckID }: Entry) => CheckID),
      ['zz-node', 'aa-own'],
    );
    const own = first.Checks[1];
    assert.deepEqual([own.ServiceName, own.Output, own.Notes, own.ServiceTags], [web, 'fine', 'why', []]);
    assert.deepEqual(
      second.Checks.map(({ CheckID }: Entry) => CheckID),
      ['zz-node'],
    );
    assert.deepEqual(second.Service.Weights, { Passing: 1, Warning: 1 }, 'weights default to 1 and 1');
  });

  test('health/service narrows by passing, tags, node meta and filter', async () => {
    const api = new Api(subject());
    const [n, other, web] = [unique('node'), unique('other'), unique('web')];
    await api.commit(
      node(n, { Meta: { zone: 'z1' } }),
      node(other, { Meta: { zone: 'z2' } }),
      service(n, 'up', web, { Tags: ['blue'], Meta: { v: '1' } }),
      service(n, 'warn', web, { Tags: ['blue', 'green'] }),
      service(n, 'down', web),
      service(other, 'bare', web),
      check(n, `${web}-up`, { ServiceID: 'up' }),
      check(n, `${web}-warn`, { ServiceID: 'warn', Status: 'warning' }),
      check(n, `${web}-down`, { ServiceID: 'down', Status: 'critical' }),
    );
    const ids = async (query: string) =>
      (await api.json<Entry[]>(`/v1/health/service/${web}?${query}`)).map(({ Service }) => Service.ID);
    assert.deepEqual(await ids(''), ['down', 'up', 'warn', 'bare']);
    assert.deepEqual(
      (await ids('passing')).sort(),
      ['bare', 'up'],
      'without checks an instance passes; warning does not',
    );
    assert.deepEqual(await ids('passing=false'), ['down', 'up', 'warn', 'bare']);
    assert.deepEqual(await ids('tag=blue&tag=green'), ['warn']);
    assert.deepEqual(await ids('node-meta=zone:z2'), ['bare']);
    assert.deepEqual(await ids(filter('Service.Meta["v"] == "1"')), ['up']);
    assert.deepEqual(await ids(filter('Checks.Status == critical or Node.Meta.zone == z2')), [
      'down',
      'bare',
    ]);
    assert.deepEqual(await ids(filter('Service.Tags is empty and Checks is not empty')), ['down']);
    assert.equal((await api.get(`/v1/health/service/${web}?passing=maybe`)).status, 400);
  });

  test('health/service of a name nobody has is an empty list', async () => {
    const api = new Api(subject());
    assert.deepEqual(await api.json(`/v1/health/service/${unique('none')}`), []);
  });

  test('a blocking health/service comes from the stream and does not vouch for a leader', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web));
    const plain = await api.get(`/v1/health/service/${web}`);
    assert.deepEqual(
      [plain.headers['x-consul-query-backend'], plain.headers['x-consul-knownleader']],
      ['blocking-query', 'true'],
    );
    const streamed = await api.get(`/v1/health/service/${web}?index=1`);
    assert.deepEqual(
      [streamed.headers['x-consul-query-backend'], streamed.headers['x-consul-knownleader']],
      ['streaming', 'false'],
    );
    assert.deepEqual(JSON.parse(streamed.text), JSON.parse(plain.text));
    const nodes = await api.get('/v1/catalog/nodes?index=1');
    assert.equal(nodes.headers['x-consul-knownleader'], 'true', 'other blocking queries do');
  });

  test('health/node, health/checks and health/state list the same check', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const definition = { HTTP: 'http://x', Interval: '10s', Timeout: '1s', Bogus: 1 };
    await api.commit(
      node(n, { Meta: { owner: n } }),
      service(n, 's1', web, { Tags: ['t'] }),
      check(n, `${web}-c`, { ServiceID: 's1', Status: 'warning', Type: 'own-type', Definition: definition }),
    );
    const [expected] = await api.json<Entry[]>(`/v1/health/node/${n}`);
    assert.equal(expected.Type, 'own-type');
    assert.deepEqual(expected.ServiceTags, ['t']);
    assert.deepEqual(expected.Definition, { Interval: '10s', Timeout: '1s', HTTP: 'http://x' });
    assert.deepEqual(await api.json(`/v1/health/checks/${web}`), [expected]);
    assert.deepEqual(await api.json(`/v1/health/state/any?node-meta=owner:${n}`), [expected]);
    assert.deepEqual(await api.json(`/v1/health/state/warning?node-meta=owner:${n}`), [expected]);
    assert.deepEqual(await api.json(`/v1/health/state/passing?node-meta=owner:${n}`), []);
    assert.deepEqual(await api.json(`/v1/health/node/${n}?${filter('Status == passing')}`), []);
  });

  test('a critical check of the node takes all its instances out by one write', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), service(n, 's2', web));
    const passing = async () => (await api.json<Entry[]>(`/v1/health/service/${web}?passing`)).length;
    assert.equal(await passing(), 2);
    await api.commit(check(n, 'node-ready', { Status: 'critical' }));
    assert.equal(await passing(), 0);
  });

  test('a blocking query answers at the end of its wait with the index it was asked with', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web));
    for (const path of [`/v1/health/service/${web}`, `/v1/catalog/node-services/${n}`]) {
      const { index } = await api.get(path);
      const reply = await subject().drive(api.blocked(path, index, '300ms'));
      assert.equal(reply.status, 200);
      assert.equal(reply.index, index);
      assert.notDeepEqual(JSON.parse(reply.text), []);
    }
  });

  test('a blocking query on a service nobody has wakes when it appears and when it goes', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n));
    const path = `/v1/health/service/${web}`;
    const before = await api.get(path);
    const appears = api.blocked(path, before.index, '10s');
    await subject().settle();
    await api.commit(service(n, 's1', web));
    const there = await subject().drive(appears);
    assert.equal((JSON.parse(there.text) as unknown[]).length, 1);
    const goes = api.blocked(path, there.index, '10s');
    await subject().settle();
    await api.commit(service(n, 's1', web, {}, 'delete'));
    const gone = await subject().drive(goes);
    assert.deepEqual(JSON.parse(gone.text), []);
    assert.ok(gone.index > there.index);
  });

  test('a blocking query on a service an instance leaves by changing its name wakes', async () => {
    const api = new Api(subject());
    const [n, web, api2] = [unique('node'), unique('web'), unique('api')];
    await api.commit(node(n), service(n, 's1', web), service(n, 's2', web));
    const { index } = await api.get(`/v1/health/service/${web}`);
    const leaves = api.blocked(`/v1/health/service/${web}`, index, '10s');
    await subject().settle();
    await api.commit(service(n, 's2', api2));
    const left = await subject().drive(leaves);
    assert.deepEqual(
      (JSON.parse(left.text) as Entry[]).map(({ Service }) => Service.ID),
      ['s1'],
    );
  });

  test('an aborted blocking query rejects and leaves the server well', async () => {
    const api = new Api(subject());
    // One that nobody else's writes end.
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web));
    const { index } = await api.get(`/v1/health/service/${web}`);
    const abort = new AbortController();
    const path = `/v1/health/service/${web}?index=${index}&wait=10s`;
    const waiting = api.get(path, { signal: abort.signal });
    const rejected = assert.rejects(waiting, { code: 'aborted' });
    await subject().settle();
    abort.abort();
    await rejected;
    assert.equal((await api.get('/v1/catalog/nodes')).status, 200);
  });
}
