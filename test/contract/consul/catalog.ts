import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, check, type Entry, node, service, unique } from './subject.ts';

const filter = (expression: string): string => `filter=${encodeURIComponent(expression)}`;

export function catalog(subject: () => ConsulUnderTest): void {
  test('catalog/nodes shows a node with its meta, in the order of names, with the query headers', async () => {
    const api = new Api(subject());
    const [a, b, owner] = [unique('a'), unique('b'), unique('owner')];
    await api.commit(node(b, { Meta: { owner } }), node(a, { Meta: { owner, zone: 'z1' } }));
    const reply = await api.get(`/v1/catalog/nodes?node-meta=owner:${owner}`);
    assert.deepEqual(
      (JSON.parse(reply.text) as Entry[]).map(({ Node, Meta }) => [Node, Meta]),
      [
        [a, { owner, zone: 'z1' }],
        [b, { owner }],
      ],
    );
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.equal(reply.headers['x-consul-knownleader'], 'true');
    assert.equal(reply.headers['x-consul-lastcontact'], '0');
    assert.equal(reply.headers['x-consul-effective-consistency'], 'leader');
    assert.equal(reply.headers['x-consul-query-backend'], 'blocking-query');
    assert.ok(reply.index > 1);
  });

  test('catalog/nodes wants all of several node-meta and combines them with a filter', async () => {
    const api = new Api(subject());
    const [a, b, owner] = [unique('a'), unique('b'), unique('owner')];
    await api.commit(node(a, { Meta: { owner, zone: 'z1' } }), node(b, { Meta: { owner, zone: 'z2' } }));
    const names = async (query: string) =>
      (await api.json<Entry[]>(`/v1/catalog/nodes?${query}`)).map(({ Node }) => Node);
    assert.deepEqual(await names(`node-meta=owner:${owner}&node-meta=zone:z2`), [b]);
    assert.deepEqual(await names(`node-meta=owner:${owner}&${filter('Meta.zone == z1')}`), [a]);
    assert.deepEqual(await names(filter(`Meta["owner"] == "${owner}" and not Meta.zone == z1`)), [b]);
    assert.deepEqual(await names(filter(`Meta.owner == "${owner}" and "zone" in Meta and Meta.rack != r1`)), [
      a,
      b,
    ]);
    assert.deepEqual(await names(filter(`"${owner}" in Meta.owner`)), [a, b]);
    const matched = await names(filter(`Meta.owner matches "^${owner}$"`));
    assert.ok(
      matched.includes(a) && matched.includes(subject().nodeName),
      'a key that is not there matches everything',
    );
  });

  test('catalog/node and catalog/node-services show a node with its services', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(
      node(n),
      service(n, `${web}-1`, web, { Port: 80 }),
      service(n, `${web}-2`, web, { Tags: ['t'] }),
    );
    const byId = await api.json<Entry>(`/v1/catalog/node/${n}`);
    assert.equal(byId.Node.Node, n);
    assert.deepEqual(Object.keys(byId.Services), [`${web}-1`, `${web}-2`]);
    assert.deepEqual(byId.Services[`${web}-1`].Tags, []);
    const list = await api.json<Entry>(`/v1/catalog/node-services/${n}?${filter('t in Tags')}`);
    assert.deepEqual(
      list.Services.map(({ ID }: Entry) => ID),
      [`${web}-2`],
    );
    assert.equal('Port' in list.Services[0], false, 'a port of 0 is left out');
  });

  test('a node without services and one that does not exist', async () => {
    const api = new Api(subject());
    const n = unique('node');
    await api.commit(node(n));
    const empty = await api.json<Entry>(`/v1/catalog/node-services/${n}`);
    assert.equal(empty.Node.Node, n);
    assert.equal(empty.Services, null);
    assert.deepEqual((await api.json<Entry>(`/v1/catalog/node/${n}`)).Services, {});
    assert.equal(await api.json(`/v1/catalog/node/${unique('none')}`), null);
    const none = await api.json<Entry>(`/v1/catalog/node-services/${unique('none')}`);
    assert.deepEqual(none, { Node: null, Services: null });
  });

  test('catalog/services collects the tags of all instances; catalog/service filters by every tag given', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(
      node(n, { Meta: { owner: n } }),
      service(n, `${web}-1`, web, { Tags: ['a', 'b'], Meta: { k: 'v' } }),
      service(n, `${web}-2`, web, { Tags: ['B', 'c'] }),
    );
    const services = await api.json<Record<string, string[]>>(`/v1/catalog/services?node-meta=owner:${n}`);
    assert.deepEqual([...(services[web] ?? [])].sort(), ['B', 'a', 'b', 'c']);
    const ids = async (query: string) =>
      (await api.json<Entry[]>(`/v1/catalog/service/${web}?${query}`)).map(({ ServiceID }) => ServiceID);
    assert.deepEqual(await ids('tag=b'), [`${web}-1`, `${web}-2`], 'tags are compared without case');
    assert.deepEqual(await ids('tag=b&tag=c'), [`${web}-2`]);
    assert.deepEqual(await ids(filter('ServiceMeta.k == v')), [`${web}-1`]);
    assert.deepEqual(await ids(filter('ServiceTags contains c and ServiceMeta is empty')), [`${web}-2`]);
  });

  test('a filter that does not fit is 500 and says why', async () => {
    const api = new Api(subject());
    const bad = await api.get(`/v1/catalog/nodes?${filter('Bogus == 1')}`);
    assert.equal(bad.status, 500);
    assert.equal(bad.text, 'Failed to create boolean expression evaluator: Selector "Bogus" is not valid');
    const operator = await api.get(`/v1/catalog/nodes?${filter('Node is empty')}`);
    assert.equal(operator.status, 500);
    assert.match(operator.text, /Invalid match operator "Is Empty" for selector "Node"/);
    const syntax = await api.get(`/v1/catalog/nodes?${filter('Node ==')}`);
    assert.equal(syntax.status, 500);
    assert.match(
      syntax.text,
      /^Failed to create boolean expression evaluator: 1:\d+ \(\d+\): no match found/,
    );
  });

  test('register puts node, service and checks in one entry; without meta it wipes the node’s', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const registered = await api.put('/v1/catalog/register', {
      Node: n,
      Address: '10.0.0.2',
      NodeMeta: { a: 'b' },
      Service: { Service: web, Port: 81, TaggedAddresses: { lan_ipv4: { Address: '1.2.3.4', Port: 5 } } },
      Checks: [{ Name: 'alive', Status: 'passing', ServiceID: web, Output: 'fine' }],
    });
    assert.equal(registered.status, 200, registered.text);
    assert.equal(registered.text, 'true');
    const [entry] = await api.json<Entry[]>(`/v1/health/service/${web}`);
    assert.equal(entry.Node.CreateIndex, entry.Service.CreateIndex);
    assert.deepEqual(entry.Service.TaggedAddresses, { lan_ipv4: { Address: '1.2.3.4', Port: 5 } });
    assert.deepEqual(
      entry.Checks.map(({ CheckID, Output }: Entry) => [CheckID, Output]),
      [['alive', 'fine']],
    );
    const again = { Node: n, Address: '10.0.0.2', Check: { Name: 'more', Status: 'warning' } };
    await api.put('/v1/catalog/register', { ...again, SkipNodeUpdate: true });
    assert.deepEqual((await api.json<Entry>(`/v1/catalog/node/${n}`)).Node.Meta, { a: 'b' });
    await api.put('/v1/catalog/register', again);
    assert.equal((await api.json<Entry>(`/v1/catalog/node/${n}`)).Node.Meta, null);
  });

  test('register refuses what it cannot use', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const refused = async (body: unknown) => {
      const { status, text } = await api.put('/v1/catalog/register', body);
      return [status, text];
    };
    assert.deepEqual(await refused({ Node: n, Address: 'x', Bogus: 1 }), [
      400,
      'Request decode failed: json: unknown field "Bogus"',
    ]);
    assert.deepEqual(await refused({ Node: n }), [500, 'Must provide address if SkipNodeUpdate is not set']);
    assert.deepEqual(await refused({ Address: 'x' }), [500, 'Must provide node']);
    assert.deepEqual(
      await refused({ Node: n, Address: 'x', Service: { Service: 's', Meta: { 'a b': '' } } }),
      [
        500,
        `failed inserting service: Invalid Service Meta for node ${n} and serviceID s: ` +
          "Couldn't load metadata pair ('a b', ''): Key contains invalid characters",
      ],
    );
    assert.equal(await api.json(`/v1/catalog/node/${n}`), null, 'nothing of a refused registration stays');
  });

  test('deregister removes a check, a service with its checks, a node with everything, and forgives', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(
      node(n),
      service(n, 's1', web),
      check(n, 'c1', { ServiceID: 's1' }),
      check(n, 'c2', { ServiceID: 's1' }),
      check(n, 'c3'),
    );
    const ids = async () => (await api.json<Entry[]>(`/v1/health/node/${n}`)).map(({ CheckID }) => CheckID);
    await api.put('/v1/catalog/deregister', { Node: n, CheckID: 'c1' });
    assert.deepEqual(await ids(), ['c2', 'c3']);
    await api.put('/v1/catalog/deregister', { Node: n, ServiceID: 's1' });
    assert.deepEqual(await ids(), ['c3']);
    for (let i = 0; i < 2; i++) {
      const { status, text } = await api.put('/v1/catalog/deregister', { Node: n });
      assert.deepEqual([status, text], [200, 'true']);
    }
    assert.equal(await api.json(`/v1/catalog/node/${n}`), null);
  });

  test('paths, methods and parameters it does not know', async () => {
    const api = new Api(subject());
    const reply = async (method: 'GET' | 'POST', path: string) => {
      const { status, text } = await api.call(method, path);
      return [status, text];
    };
    assert.deepEqual(await reply('GET', '/v1/nope'), [
      404,
      'Invalid URL path: not a recognized HTTP API endpoint\n',
    ]);
    assert.deepEqual(await reply('POST', '/v1/catalog/nodes'), [405, 'method POST not allowed']);
    assert.deepEqual(await reply('GET', '/v1/catalog/nodes?index=x'), [400, 'Invalid index']);
    assert.deepEqual(await reply('GET', '/v1/catalog/nodes?wait=x'), [400, 'Invalid wait time']);
    assert.deepEqual(await reply('GET', '/v1/catalog/nodes?stale&consistent'), [
      400,
      'Cannot specify ?stale with ?consistent, conflicting semantics.',
    ]);
    assert.deepEqual(await reply('GET', '/v1/catalog/service/'), [400, 'Missing service name']);
    assert.deepEqual(await api.json('/v1/catalog/datacenters'), ['dc1']);
    assert.match(await api.json<string>('/v1/status/leader'), /:\d+$/);
    assert.equal((await api.json<string[]>('/v1/status/peers')).length, 1);
    for (const consistency of ['stale', 'consistent']) {
      const { headers } = await api.get(`/v1/catalog/nodes?${consistency}`);
      assert.equal(headers['x-consul-effective-consistency'], consistency);
    }
  });
}
