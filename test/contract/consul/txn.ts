import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, check, type Entry, kv, node, service, unique } from './subject.ts';

const named = ({ Node, Service, Check, KV }: Entry) => Node?.Node ?? Service?.ID ?? Check?.CheckID ?? KV?.Key;

export function txn(subject: () => ConsulUnderTest): void {
  test('txn commits node, service and check under one index and shows each', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const reply = await api.put('/v1/txn', [
      node(n),
      service(n, 's1', web),
      check(n, 'c1', { ServiceID: 's1' }),
    ]);
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.equal(Number.isNaN(reply.index), true, 'a write has no X-Consul-Index');
    const { Results, Errors } = JSON.parse(reply.text) as { Results: Entry[]; Errors: unknown };
    assert.equal(Errors, null);
    assert.deepEqual(Results.map(named), [n, 's1', 'c1']);
    const index = Results[0].Node.ModifyIndex;
    assert.deepEqual([Results[1].Service.ModifyIndex, Results[2].Check.ModifyIndex], [index, index]);
    assert.deepEqual([Results[1].Service.Tags, Results[1].Service.Meta], [null, null]);
    assert.deepEqual([Results[2].Check.ServiceName, Results[2].Check.ServiceTags], [web, null]);
  });

  test('txn keeps a service’s tagged addresses, weights, kind of tags and a check’s type', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const tagged = {
      lan_ipv4: { Address: '10.1.1.1', Port: 80 },
      lan_ipv6: { Address: 'fd00::1', Port: 80 },
    };
    const fields = { Tags: [], Meta: {}, TaggedAddresses: tagged, Weights: { Passing: 10, Warning: 2 } };
    const [, put, checked] = await api.commit(
      node(n),
      service(n, 's1', web, fields),
      check(n, 'c1', { ServiceID: 's1', Type: 'kubernetes-readiness' }),
    );
    assert.deepEqual(put?.['Service'].TaggedAddresses, tagged);
    assert.deepEqual(put?.['Service'].Weights, { Passing: 10, Warning: 2 });
    assert.deepEqual([put?.['Service'].Tags, put?.['Service'].Meta], [[], {}]);
    assert.equal(checked?.['Check'].Type, 'kubernetes-readiness');
    const [, invalid] = await api.commit(
      node(n),
      service(n, 's2', web, { Weights: { Passing: 0, Warning: 7 } }),
    );
    assert.deepEqual(
      invalid?.['Service'].Weights,
      { Passing: 1, Warning: 1 },
      'weights without a passing one are dropped',
    );
  });

  test('txn: an identical write moves no ModifyIndex; absent and empty tags and meta differ', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const put = async (fields: object) => {
      const results = await api.commit(
        node(n),
        service(n, 's1', web, fields),
        check(n, 'c1', { ServiceID: 's1' }),
      );
      return results.map((each) => Object.values(each)[0].ModifyIndex as number);
    };
    const [first, again] = [await put({}), await put({})];
    assert.deepEqual(again, first);
    const withTags = await put({ Tags: [] });
    assert.ok(withTags[1]! > first[1]!);
    assert.ok(withTags[2]! > first[2]!, 'the check has the tags, so it changes too');
    const withMeta = await put({ Tags: [], Meta: {} });
    assert.ok(withMeta[1]! > withTags[1]!);
    assert.ok((await put({ Tags: ['b', 'a'] }))[1]! < (await put({ Tags: ['a', 'b'] }))[1]!, 'order counts');
  });

  test('txn: a change of type alone is no change of a check', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const [, first] = await api.commit(node(n), check(n, 'c1', { Type: 'one' }));
    const [second] = await api.commit(check(n, 'c1', { Type: 'two' }));
    assert.equal(second?.['Check'].ModifyIndex, first?.['Check'].ModifyIndex);
    assert.equal(second?.['Check'].Type, 'one');
  });

  test('txn: a check keeps the old name and tags of its service until it is written again', async () => {
    const api = new Api(subject());
    const [n, web, web2] = [unique('node'), unique('web'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), check(n, 'c1', { ServiceID: 's1' }));
    await api.commit(service(n, 's1', web2, { Tags: ['t'] }));
    const shown = async () => (await api.json<Entry[]>(`/v1/health/node/${n}`))[0];
    assert.deepEqual([(await shown()).ServiceName, (await shown()).ServiceTags], [web, []]);
    await api.commit(check(n, 'c1', { ServiceID: 's1' }));
    assert.deepEqual([(await shown()).ServiceName, (await shown()).ServiceTags], [web2, ['t']]);
  });

  test('txn is atomic and reports every culprit with its place', async () => {
    const api = new Api(subject());
    const [n, key] = [unique('node'), unique('key')];
    const errors = await api.refuse(
      kv('set', key, { Value: 'aGk=' }),
      service(n, 's1', 'web'),
      node(n),
      check(n, 'c1', { ServiceID: 'nobody' }),
    );
    assert.deepEqual(errors, [
      { OpIndex: 1, What: 'Missing node registration' },
      { OpIndex: 3, What: 'Missing service registration' },
    ]);
    assert.equal((await api.get(`/v1/kv/${key}`)).status, 404);
    assert.equal(await api.json(`/v1/catalog/node/${n}`), null);
  });

  test('txn refuses bad service meta, addresses and names, and leaves nodes and statuses unchecked', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const [odd] = await api.commit(
      node(n, { Address: '', Meta: { 'a b': 'x'.repeat(600) } }),
      check(n, 'c1', { Status: 'no-such-status' }),
      check(n, 'c2', { Status: '' }),
    );
    assert.equal(odd?.['Node'].Address, '');
    const statuses = (await api.json<Entry[]>(`/v1/health/node/${n}`)).map(({ Status }) => Status);
    assert.deepEqual(statuses, ['no-such-status', 'critical']);
    const what = async (operation: object) => (await api.refuse(operation))[0]?.What;
    const prefix = `Invalid Service Meta for node ${n} and serviceID s: `;
    const pair = (key: string, value: string) =>
      `${prefix}Couldn't load metadata pair ('${key}', '${value}'): `;
    const withMeta = (Meta: object) => service(n, 's', 'web', { Meta });
    assert.equal(await what(withMeta({ 'a b': '' })), `${pair('a b', '')}Key contains invalid characters`);
    const long = 'v'.repeat(513);
    assert.equal(
      await what(withMeta({ a: long })),
      `${pair('a', long)}Value is too long (limit: 512 characters)`,
    );
    const longKey = 'k'.repeat(129);
    assert.equal(
      await what(withMeta({ [longKey]: '' })),
      `${pair(longKey, '')}Key is too long (limit: 128 characters)`,
    );
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, '']));
    assert.equal(
      await what(withMeta(many)),
      `${prefix}Node metadata cannot contain more than 64 key/value pairs`,
    );
    assert.equal(
      await what(withMeta({ 'consul-x': '' })),
      `${pair('consul-x', '')}Key prefix 'consul-' is reserved for internal use`,
    );
    assert.equal(await what(service(n, 's', 'web', { Address: '0.0.0.0' })), 'Invalid service address');
    assert.equal(
      await what(service(n, 's', '')),
      'Must provide service name (Service.Service) when service ID is provided',
    );
    assert.equal(await what({ Node: { Verb: 'set', Node: { Address: 'x' } } }), 'Must provide node');
    assert.match((await what(node(n, { ID: 'short' }))) ?? '', /^Bad node ID: /);
  });

  test('txn deletes what is missing without complaint, adds no result for it, and wants the service’s name', async () => {
    const api = new Api(subject());
    const [n, web, key] = [unique('node'), unique('web'), unique('key')];
    const results = await api.commit(
      node(n, {}, 'delete'),
      node(n),
      service(n, 'gone', web, {}, 'delete'),
      check(n, 'gone', {}, 'delete'),
      kv('delete', key),
      kv('set', key),
    );
    assert.deepEqual(results.map(named), [n, key]);
    const [error] = await api.refuse(service(n, 'gone', '', {}, 'delete'));
    assert.equal(error?.What, 'Must provide service name (Service.Service) when service ID is provided');
    const wrongName = await api.commit(service(n, 's1', web), service(n, 's1', 'another-name', {}, 'delete'));
    assert.equal(wrongName.length, 1);
    assert.equal((await api.json<Entry>(`/v1/catalog/node-services/${n}`)).Services, null, 'the id decides');
  });

  test('txn: deleting a node takes services and checks with it, and a service its checks', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), check(n, 'c1', { ServiceID: 's1' }), check(n, 'c2'));
    await api.commit(service(n, 's1', web, {}, 'delete'));
    assert.deepEqual(
      (await api.json<Entry[]>(`/v1/health/node/${n}`)).map(({ CheckID }) => CheckID),
      ['c2'],
    );
    await api.commit(node(n, {}, 'delete'));
    assert.deepEqual(await api.json(`/v1/health/node/${n}`), []);
  });

  test('txn: cas and delete-cas want the right index; 0 means it must not exist', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const [made] = await api.commit(node(n, { ModifyIndex: 0 }, 'cas'));
    const index = made?.['Node'].ModifyIndex as number;
    const stale = async (operation: object) => (await api.refuse(operation))[0]?.What;
    assert.equal(
      await stale(node(n, { ModifyIndex: 0 }, 'cas')),
      `failed to set node "${n}", index is stale`,
    );
    assert.equal(
      await stale(node(n, { ModifyIndex: index + 1 }, 'delete-cas')),
      `failed to delete node "${n}", index is stale`,
    );
    await api.commit(node(n, { ModifyIndex: index, Address: '10.0.0.3' }, 'cas'));
    await api.commit(
      service(n, 's1', web, { ModifyIndex: 0 }, 'cas'),
      check(n, 'c1', { ModifyIndex: 0 }, 'cas'),
    );
    assert.equal(
      await stale(service(n, 's1', web, { ModifyIndex: 1 }, 'cas')),
      `failed to set service "s1" on node "${n}", index is stale`,
    );
    assert.equal(
      await stale(check(n, 'c1', { ModifyIndex: 1 }, 'delete-cas')),
      `failed to delete check "c1" on node "${n}", index is stale`,
    );
    assert.equal(
      await stale(service(n, 'none', web, { ModifyIndex: 1 }, 'delete-cas')),
      `failed to delete service "none" on node "${n}", index is stale`,
    );
  });

  // So there is no condition by which a node could be removed only as long as nobody has put anything on it.
  test('txn: what is registered on a node does not move its index, and goes with it by delete-cas', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const [made] = await api.commit(node(n, { ModifyIndex: 0 }, 'cas'));
    const ModifyIndex = made?.['Node'].ModifyIndex as number;
    const register = { Node: n, SkipNodeUpdate: true, Service: { ID: 'db', Service: web } };
    assert.equal((await api.put('/v1/catalog/register', register)).status, 200);
    await api.commit(check(n, 'c1'));
    await api.commit(node(n, { ModifyIndex }, 'delete-cas'));
    assert.deepEqual(await api.json(`/v1/catalog/service/${web}`), []);
  });

  test('txn: get shows entries, and what is missing refuses', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), check(n, 'c1'));
    const reads = [node(n, {}, 'get'), service(n, 's1', '', {}, 'get'), check(n, 'c1', {}, 'get')];
    assert.deepEqual((await api.commit(...reads)).map(named), [n, 's1', 'c1']);
    const errors = await api.refuse(
      node('none', {}, 'get'),
      service(n, 'none', '', {}, 'get'),
      check(n, 'none', {}, 'get'),
      kv('get', 'none'),
    );
    assert.deepEqual(
      errors.map(({ What }) => What),
      [
        'node "none" doesn\'t exist',
        `service "none" on node "${n}" doesn't exist`,
        `check "none" on node "${n}" doesn't exist`,
        'key "none" doesn\'t exist',
      ],
    );
  });

  test('txn refuses verbs it does not know and skips operations without a kind', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const errors = await api.refuse(
      node(n, {}, 'x'),
      service(n, 's', 'w', {}, 'x'),
      check(n, 'c', {}, 'x'),
      kv('x', 'k'),
    );
    assert.deepEqual(
      errors.map(({ What }) => What),
      [
        'unknown node operation: x',
        'unknown service operation: x',
        'unknown check operation: x',
        'unknown KV operation: x',
      ],
    );
    assert.deepEqual(await api.commit({}), []);
    assert.deepEqual(await api.commit(), []);
  });

  test('txn: a body that is wrong as a whole is 400', async () => {
    const api = new Api(subject());
    const reply = async (body: unknown) => {
      const { status, text } = await api.put('/v1/txn', body);
      assert.equal(status, 400);
      return text;
    };
    assert.equal(await reply([{ Bogus: 1 }]), 'Failed to parse body: json: unknown field "Bogus"');
    assert.equal(
      await reply([{ Service: { Verb: 'set', Node: 'n', Service: { Bogus: 1 } } }]),
      'Failed to parse body: json: unknown field "Bogus"',
    );
    assert.equal(await reply([{ Session: {} }]), 'Failed to parse body: json: unknown field "Session"');
    assert.match(
      await reply([node('n', { Address: 5 })]),
      /^Failed to parse body: json: cannot unmarshal number into Go/,
    );
    assert.match(
      await reply([service('n', 's', 'w', { Port: '80' })]),
      /^Failed to parse body: json: cannot unmarshal string into Go/,
    );
    assert.equal(await reply('['), 'Failed to parse body: unexpected EOF');
    assert.equal(await reply(''), 'Failed to parse body: EOF');
    assert.equal(
      await reply([kv('set', 'k', { Value: '***' })]),
      'Failed to parse body: illegal base64 data at input byte 0',
    );
  });

  test('txn: names of fields in any case, as Go decodes them', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const [made] = await api.commit({ node: { verb: 'set', NODE: { node: n, address: '10.0.0.7' } } });
    assert.equal(made?.['Node'].Address, '10.0.0.7');
  });

  test('txn takes 128 operations and 512 KiB, and is 413 above', async () => {
    const api = new Api(subject());
    const n = unique('node');
    const checks = (count: number) => Array.from({ length: count }, (_, i) => check(n, `c${i}`));
    assert.equal((await api.commit(node(n), ...checks(127))).length, 128);
    const many = await api.put('/v1/txn', checks(129));
    assert.deepEqual([many.status, many.text], [413, 'Transaction contains too many operations (129 > 128)']);
    const large = [kv('set', unique('key'), { Value: 'A'.repeat(512 * 1024) })];
    const bytes = JSON.stringify(large).length;
    const refused = await api.put('/v1/txn', large);
    assert.equal(refused.status, 413);
    assert.equal(
      refused.text,
      `Request body(${bytes} bytes) too large, max size: 524288 bytes. ` +
        'See https://developer.hashicorp.com/docs/agent/config/config-files#txn_max_req_len.',
    );
  });

  test('txn: nodes, services and checks that differ in case only are one entry, and any case finds it', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 'Web', web), check(n, 'Web:R', { ServiceID: 'Web' }));
    const upper = n.toUpperCase();
    await api.commit(service(upper, 'WEB', web.toUpperCase()), check(upper, 'wEB:r', { ServiceID: 'WEB' }));
    const read = async (name: string) =>
      (await api.json<Entry>(`/v1/catalog/node-services/${name}`)) as Entry;
    const { Node, Services } = await read(n);
    assert.equal(Node.Node, n, 'writing to a node by another case does not rename it');
    assert.deepEqual(
      Services.map(({ ID, Service }: Entry) => [ID, Service]),
      [['WEB', web.toUpperCase()]],
    );
    const checks = await api.json<Entry[]>(`/v1/health/node/${upper}`);
    assert.deepEqual(
      checks.map(({ CheckID }) => CheckID),
      ['wEB:r'],
    );
    assert.equal((await api.json<Entry[]>(`/v1/health/service/${web}`)).length, 1);
    await api.commit(node(upper));
    assert.equal((await read(n)).Node.Node, n, 'nor does writing the node as it is');
    await api.commit({ Node: { Verb: 'set', Node: { Node: upper, Address: '10.9.9.9' } } });
    assert.equal((await read(n)).Node.Node, upper, 'a change of it does');
    const remove = { Service: { Verb: 'delete', Node: n, Service: { ID: 'web', Service: web } } };
    await api.commit(check(n, 'web:r', { ServiceID: 'wEb' }));
    const refused = await api.put('/v1/txn', [remove]);
    assert.equal(refused.status, 409, 'a check that names it in another case keeps a service');
    assert.match(refused.text, /Missing service registration/);
    await api.commit(check(n, 'web:r', { ServiceID: 'WEB' }));
    await api.commit(remove);
    assert.equal((await read(n)).Services?.length ?? 0, 0);
    assert.equal((await api.json<Entry[] | null>(`/v1/health/node/${n}`))?.length ?? 0, 0, 'with its checks');
  });

  test('txn: services whose names differ in case only are listed as two and found as one', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 's1', web), service(n, 's2', web.toUpperCase()));
    const listed = Object.keys(await api.json<object>('/v1/catalog/services'));
    assert.ok(listed.includes(web) && listed.includes(web.toUpperCase()));
    const found = await api.json<Entry[]>(`/v1/catalog/service/${web}`);
    assert.deepEqual(found.map(({ ServiceID }) => ServiceID).sort(), ['s1', 's2']);
    await api.commit({ Service: { Verb: 'delete', Node: n, Service: { ID: 's1', Service: web } } });
    const left = await api.json<Entry[]>(`/v1/catalog/service/${web}`);
    assert.deepEqual(
      left.map(({ ServiceID }) => ServiceID),
      ['s2'],
    );
  });

  test('txn: a service may move to another name, and ids are compared without case', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    await api.commit(node(n), service(n, 'S1', web));
    await api.commit(service(n, 's1', `${web}-b`));
    const { Services } = await api.json<Entry>(`/v1/catalog/node-services/${n}`);
    assert.deepEqual(
      Services.map(({ ID, Service }: Entry) => [ID, Service]),
      [['s1', `${web}-b`]],
    );
  });
}
