import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AclRules } from '../../../src/sandbox/consul/authorizer.ts';
import { Api, type ConsulUnderTest, check, type Entry, kv, node, service, unique } from './subject.ts';

export function acls(subject: () => ConsulUnderTest): void {
  const tokenWith = async (api: Api, rules: AclRules): Promise<{ AccessorID: string; SecretID: string }> => {
    const name = unique('policy');
    const policy = await api.put('/v1/acl/policy', { Name: name, Rules: JSON.stringify(rules) });
    assert.equal(policy.status, 200, policy.text);
    const token = await api.put('/v1/acl/token', { Policies: [{ Name: name }] });
    assert.equal(token.status, 200, token.text);
    return JSON.parse(token.text) as { AccessorID: string; SecretID: string };
  };

  test('acl: an unknown token is 403 `ACL not found`, for reads, writes and transactions', async () => {
    const api = new Api(subject());
    const token = '00000000-1111-2222-3333-444444444444';
    for (const reply of [
      await api.get('/v1/catalog/nodes', { token }),
      await api.get('/v1/health/service/x', { token }),
      await api.put('/v1/txn', [node('n')], { token }),
      await api.put('/v1/catalog/register', { Node: 'n', Address: 'x' }, { token }),
      await api.get('/v1/agent/self', { token }),
      await api.get('/v1/acl/token/self', { token }),
    ]) {
      assert.equal(reply.status, 403);
      assert.match(reply.text, /ACL not found/);
    }
  });

  test('acl: a blocking health/service with an unknown token is a 200 and empty at the end of a short wait', async () => {
    const api = new Api(subject());
    const token = '00000000-1111-2222-3333-555555555555';
    const reply = await subject().drive(api.get('/v1/health/service/consul?index=1&wait=300ms', { token }));
    assert.deepEqual([reply.status, reply.text, reply.index], [200, '[]', 1]);
    assert.equal(reply.headers['x-consul-knownleader'], 'false');
  });

  test('acl: a revoked token ends a blocked health/service at once, other queries when they wake', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('mine'), unique('web')];
    await api.commit(node(n), service(n, 's1', web));
    const { SecretID: token, AccessorID } = await tokenWith(api, {
      node_prefix: { '': { policy: 'read' } },
      service_prefix: { '': { policy: 'read' } },
    });
    const { index } = await api.get(`/v1/health/service/${web}`, { token });
    const streamed = api.get(`/v1/health/service/${web}?index=${index}&wait=20s`, { token });
    const blocked = api.get(`/v1/catalog/node-services/${n}?index=${index}&wait=20s`, { token });
    await subject().settle();
    assert.equal((await api.call('DELETE', `/v1/acl/token/${AccessorID}`)).text, 'true');
    const ended = await subject().drive(streamed);
    assert.deepEqual([ended.status, ended.text], [403, 'ACL not found']);
    await api.commit(service(n, 's2', web));
    const woken = await subject().drive(blocked);
    assert.deepEqual([woken.status, woken.text], [403, 'ACL not found']);
  });

  test('acl: reads are thinned, with a header for those who have a token and none for those who do not', async () => {
    const api = new Api(subject());
    const [mine, theirs, web, secret] = [unique('mine'), unique('theirs'), unique('web'), unique('secret')];
    await api.commit(
      node(mine),
      node(theirs),
      service(mine, 'w', web),
      service(mine, 's', secret),
      service(theirs, 'w', web),
      check(mine, 'cw', { ServiceID: 'w' }),
      check(mine, 'cs', { ServiceID: 's' }),
      check(mine, 'cn'),
    );
    const { SecretID: token } = await tokenWith(api, {
      node_prefix: { mine: { policy: 'read' } },
      service_prefix: { web: { policy: 'read' } },
    });
    const read = async (path: string, as = token): Promise<[Entry, string | undefined]> => {
      const reply = await api.get(path, { token: as });
      assert.equal(reply.status, 200, reply.text);
      return [JSON.parse(reply.text), reply.headers['x-consul-results-filtered-by-acls']];
    };
    const [nodes, filtered] = await read('/v1/catalog/nodes');
    assert.ok(nodes.every(({ Node }: Entry) => Node.startsWith('mine')));
    assert.equal(filtered, 'true');
    const [health, healthFiltered] = await read(`/v1/health/service/${web}`);
    assert.deepEqual([health.map((each: Entry) => each.Node.Node), healthFiltered], [[mine], 'true']);
    assert.deepEqual(await read(`/v1/health/service/${secret}`), [[], 'true']);
    const [checks] = await read(`/v1/health/node/${mine}`);
    assert.deepEqual(
      checks.map(({ CheckID }: Entry) => CheckID),
      ['cn', 'cw'],
    );
    const [list, listFiltered] = await read(`/v1/catalog/node-services/${mine}`);
    assert.deepEqual([list.Services.map(({ ID }: Entry) => ID), listFiltered], [['w'], 'true']);
    assert.deepEqual(await read(`/v1/catalog/node-services/${theirs}`), [
      { Node: null, Services: null },
      'true',
    ]);
    assert.deepEqual(await read(`/v1/catalog/nodes`, ''), [[], undefined], 'anonymous: 200, empty, no hint');
    const all = await api.get('/v1/catalog/nodes');
    assert.equal(all.headers['x-consul-results-filtered-by-acls'], undefined);
    assert.equal(all.headers['x-consul-default-acl-policy'], 'deny');
  });

  test('acl: a denied operation of a transaction is a 409 that names it', async () => {
    const api = new Api(subject());
    const n = unique('mine');
    await api.commit(node(n));
    const { SecretID: token, AccessorID } = await tokenWith(api, {
      node_prefix: { mine: { policy: 'write' } },
      service_prefix: { web: { policy: 'write' } },
    });
    const operations = [
      node(n),
      service(n, 's', 'web'),
      service(n, 't', 'other'),
      node('else'),
      kv('set', 'k'),
    ];
    const reply = await api.put('/v1/txn', operations, { token });
    assert.equal(reply.status, 409);
    const lacks = (what: string) =>
      `Permission denied: token with AccessorID '${AccessorID}' lacks permission ${what}`;
    assert.deepEqual((JSON.parse(reply.text) as Entry).Errors, [
      { OpIndex: 2, What: lacks(`'service:write' on "other"`) },
      { OpIndex: 3, What: lacks(`'node:write' on "else"`) },
      { OpIndex: 4, What: lacks(`'key:write' on "k"`) },
    ]);
    const allowed = await api.put('/v1/txn', operations.slice(0, 2), { token });
    assert.equal(allowed.status, 200, allowed.text);
    assert.deepEqual((JSON.parse(allowed.text) as Entry).Results.length, 2);
  });

  test('acl: without a token, getting what is missing is refused, and what is hidden gives no result', async () => {
    const api = new Api(subject());
    const [there, missing] = [unique('there'), unique('missing')];
    await api.commit(node(there));
    const get = (...names: readonly string[]) =>
      api.put(
        '/v1/txn',
        names.map((name) => node(name, {}, 'get')),
        { token: '' },
      );
    const hidden = await get(there);
    assert.equal(hidden.status, 200, hidden.text);
    assert.deepEqual((JSON.parse(hidden.text) as Entry).Results, []);
    const mixed = await get(missing, there, `${missing}-2`);
    assert.equal(mixed.status, 409);
    assert.deepEqual((JSON.parse(mixed.text) as Entry).Errors, [
      { OpIndex: 0, What: `node "${missing}" doesn't exist` },
      { OpIndex: 2, What: `node "${missing}-2" doesn't exist` },
    ]);
  });

  test('acl: the check of a service needs its name in a transaction', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('mine'), unique('web')];
    await api.commit(node(n), service(n, 's', web));
    const { SecretID: token } = await tokenWith(api, { service_prefix: { [web]: { policy: 'write' } } });
    const without = await api.put('/v1/txn', [check(n, 'c', { ServiceID: 's' })], { token });
    assert.equal(without.status, 409);
    const named = await api.put('/v1/txn', [check(n, 'c', { ServiceID: 's', ServiceName: web })], { token });
    assert.equal(named.status, 200, named.text);
    assert.deepEqual((JSON.parse(named.text) as Entry).Results.length, 1);
  });

  test('acl: other writes without the right are 403 and say which right is missing', async () => {
    const api = new Api(subject());
    const anonymous = await api.put('/v1/catalog/register', { Node: 'x', Address: 'y' }, { token: '' });
    assert.equal(anonymous.status, 403);
    assert.equal(
      anonymous.text,
      `Permission denied: anonymous token lacks permission 'node:write' on "x". ` +
        'The anonymous token is used implicitly when a request does not specify a token.',
    );
    const { SecretID: token, AccessorID } = await tokenWith(api, {
      key_prefix: { open: { policy: 'write' } },
    });
    const refused = await api.put('/v1/kv/closed', 'x', { token });
    assert.deepEqual(
      [refused.status, refused.text],
      [
        403,
        `Permission denied: token with AccessorID '${AccessorID}' lacks permission 'key:write' on "closed"`,
      ],
    );
    assert.equal((await api.put('/v1/kv/open', 'x', { token })).text, 'true');
    assert.equal((await api.get('/v1/kv/closed', { token })).status, 403);
    const service = await api.put('/v1/agent/service/register', { Name: 'x' }, { token });
    assert.equal(service.status, 403);
  });

  test('acl/token/self shows the token’s policies', async () => {
    const api = new Api(subject());
    const { SecretID: token, AccessorID } = await tokenWith(api, { operator: 'read' });
    const self = await api.json<Entry>('/v1/acl/token/self', { token });
    assert.deepEqual([self.AccessorID, self.SecretID, self.Local], [AccessorID, token, false]);
    assert.equal(self.Policies.length, 1);
    assert.match(self.Policies[0].Name, /^policy-/);
  });

  test('acl: the token in a bearer header or in the query counts too', async () => {
    const api = new Api(subject());
    const { managementToken, transport } = subject();
    assert.equal((await api.get(`/v1/agent/self?token=${managementToken}`, { token: '' })).status, 200);
    const headers = { Authorization: `Bearer ${managementToken}` };
    const signal = new AbortController().signal;
    const response = await transport.request({ method: 'GET', path: '/v1/agent/self', headers, signal });
    assert.equal(response.status, 200);
    await response.body[Symbol.asyncIterator]().return?.();
  });
}
