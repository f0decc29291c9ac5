import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, type ConsulUnderTest, check, type Entry, kv, node, service, unique } from './subject.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function kvAndSessions(subject: () => ConsulUnderTest): void {
  test('kv: put with flags, get, raw, and 404', async () => {
    const api = new Api(subject());
    const key = unique('dir/key');
    assert.equal((await api.get(`/v1/kv/${key}`)).status, 404);
    assert.equal((await api.put(`/v1/kv/${key}?flags=7`, 'hello')).text, 'true');
    const reply = await api.get(`/v1/kv/${key}`);
    const [{ CreateIndex, ModifyIndex, ...entry }] = JSON.parse(reply.text) as [Entry];
    assert.deepEqual(entry, { LockIndex: 0, Key: key, Flags: 7, Value: base64('hello') });
    assert.equal(CreateIndex, ModifyIndex);
    assert.equal(reply.index, ModifyIndex, 'the index of one key is its own');
    assert.equal((await api.get(`/v1/kv/${key}?raw`)).text, 'hello');
    assert.equal((await api.get('/v1/kv/')).status, 400);
  });

  test('kv: cas, recurse, keys and delete', async () => {
    const api = new Api(subject());
    const dir = unique('dir');
    assert.equal((await api.put(`/v1/kv/${dir}/a?cas=0`, '1')).text, 'true');
    assert.equal((await api.put(`/v1/kv/${dir}/a?cas=0`, '2')).text, 'false');
    await api.put(`/v1/kv/${dir}/b/c`, '3');
    await api.put(`/v1/kv/${dir}/b/d`, '4');
    const keys = (query: string) => api.json<string[]>(`/v1/kv/${dir}/?${query}`);
    assert.deepEqual(await keys('keys'), [`${dir}/a`, `${dir}/b/c`, `${dir}/b/d`]);
    assert.deepEqual(await keys('keys&separator=/'), [`${dir}/a`, `${dir}/b/`]);
    assert.equal((await api.json<Entry[]>(`/v1/kv/${dir}?recurse`)).length, 3);
    assert.equal((await api.call('DELETE', `/v1/kv/${dir}/a?cas=1`)).text, 'false');
    assert.equal((await api.call('DELETE', `/v1/kv/${dir}/b?recurse`)).text, 'true');
    assert.deepEqual(await keys('keys'), [`${dir}/a`]);
    assert.equal((await api.call('DELETE', `/v1/kv/${dir}/a`)).text, 'true');
    assert.equal((await api.call('DELETE', `/v1/kv/${dir}/a`)).text, 'true');
  });

  test('kv: a blocking query wakes for its own key or prefix, also for deletion, and for no other', async () => {
    const api = new Api(subject());
    const dir = unique('dir');
    await api.put(`/v1/kv/${dir}/a`, '1');
    const { index } = await api.get(`/v1/kv/${dir}/a`);
    const tree = await api.get(`/v1/kv/${dir}/?recurse`);
    const [key, prefix] = [
      api.blocked(`/v1/kv/${dir}/a`, index, '400ms'),
      api.blocked(`/v1/kv/${dir}/?recurse`, tree.index, '10s'),
    ];
    await subject().settle();
    await api.put(`/v1/kv/${unique('else')}`, 'x');
    await api.put(`/v1/kv/${dir}/b`, '2');
    const [slept, woke] = await subject().drive(Promise.all([key, prefix]));
    assert.equal(slept.index, index);
    assert.equal((JSON.parse(woke.text) as unknown[]).length, 2);
    const gone = api.blocked(`/v1/kv/${dir}/a`, index, '10s');
    await subject().settle();
    await api.call('DELETE', `/v1/kv/${dir}/a`);
    assert.equal((await subject().drive(gone)).status, 404);
  });

  test('kv in a txn: every verb', async () => {
    const api = new Api(subject());
    const [dir, other] = [unique('dir'), unique('other')];
    const [set] = await api.commit(kv('set', `${dir}/a`, { Value: base64('1'), Flags: 3 }));
    assert.deepEqual([set?.['KV'].Value, set?.['KV'].Flags], [null, 3], 'a write shows no value');
    const index = set?.['KV'].ModifyIndex as number;
    const results = await api.commit(
      kv('check-index', `${dir}/a`, { Index: index }),
      kv('check-not-exists', `${dir}/b`),
      kv('cas', `${dir}/a`, { Index: index, Value: base64('2') }),
      kv('cas', `${dir}/b`, { Index: 0, Value: base64('3') }),
      kv('get', `${dir}/a`),
      kv('get-tree', dir),
      kv('set', other),
      kv('delete-tree', dir),
    );
    assert.deepEqual(
      results.map(({ KV }) => [KV.Key, KV.Value]),
      [
        [`${dir}/a`, null],
        [`${dir}/a`, null],
        [`${dir}/b`, null],
        [`${dir}/a`, base64('2')],
        [`${dir}/a`, base64('2')],
        [`${dir}/b`, base64('3')],
        [other, null],
      ],
    );
    const errors = await api.refuse(
      kv('check-index', other, { Index: 1 }),
      kv('check-not-exists', other),
      kv('cas', other, { Index: 1 }),
      kv('delete-cas', other, { Index: 1 }),
      kv('check-session', other, { Session: 'abc' }),
      kv('lock', other, { Session: 'abc' }),
      kv('unlock', other, { Session: 'abc' }),
      kv('check-index', `${dir}/gone`, { Index: 1 }),
    );
    const now = (await api.json<Entry[]>(`/v1/kv/${other}`))[0].ModifyIndex;
    assert.deepEqual(
      errors.map(({ What }) => What),
      [
        `failed index check for key "${other}", current modify index ${now} != 1`,
        `key "${other}" exists`,
        `failed to set key "${other}", index is stale`,
        `failed to delete key "${other}", index is stale`,
        `failed session check for key "${other}", current session "" != "abc"`,
        'invalid session "abc"',
        `failed to unlock key "${other}", lock isn't held, or is held by another session`,
        `failed to check index, key "${dir}/gone" doesn't exist`,
      ],
    );
    const [named] = await api.refuse(kv('set', ''));
    assert.equal(named?.What, 'Must provide key');
  });

  const create = async (api: Api, body: object): Promise<string> =>
    (JSON.parse((await api.put('/v1/session/create', body)).text) as { ID: string }).ID;

  test('session: locks a key for one holder; destroying it releases or deletes', async () => {
    const api = new Api(subject());
    const [n, key] = [unique('node'), unique('lock')];
    await api.commit(node(n));
    const fields = { Node: n, NodeChecks: [], LockDelay: '0s' };
    const [a, b] = [await create(api, fields), await create(api, { ...fields, Behavior: 'delete' })];
    const put = async (query: string) => (await api.put(`/v1/kv/${key}?${query}`, 'x')).text;
    assert.equal(await put(`acquire=${a}`), 'true');
    assert.equal(await put(`acquire=${b}`), 'false');
    assert.equal(await put(`release=${b}`), 'false');
    const [held] = await api.json<Entry[]>(`/v1/kv/${key}`);
    assert.deepEqual([held.Session, held.LockIndex], [a, 1]);
    assert.equal((await api.put(`/v1/session/destroy/${a}`)).text, 'true');
    const [released] = await api.json<Entry[]>(`/v1/kv/${key}`);
    assert.deepEqual([released.Session, released.LockIndex], [undefined, 1]);
    assert.equal(await put(`acquire=${b}`), 'true');
    assert.equal((await api.json<Entry[]>(`/v1/kv/${key}`))[0].LockIndex, 2);
    assert.deepEqual(
      (await api.json<Entry[]>(`/v1/session/node/${n}`)).map(({ ID }) => ID),
      [b],
    );
    await api.put(`/v1/session/destroy/${b}`);
    assert.equal((await api.get(`/v1/kv/${key}`)).status, 404);
    assert.deepEqual(await api.json(`/v1/session/info/${b}`), []);
    assert.equal((await api.put(`/v1/session/destroy/${b}`)).text, 'true');
  });

  test('session: a lock released by its session’s end is not to be had during the lock delay', async () => {
    const api = new Api(subject());
    const [n, key] = [unique('node'), unique('lock')];
    await api.commit(node(n));
    const [a, b] = [
      await create(api, { Node: n, NodeChecks: [] }),
      await create(api, { Node: n, NodeChecks: [] }),
    ];
    await api.put(`/v1/kv/${key}?acquire=${a}`, 'x');
    await api.put(`/v1/session/destroy/${a}`);
    assert.equal((await api.put(`/v1/kv/${key}?acquire=${b}`, 'x')).text, 'false');
    const [error] = await api.refuse(kv('lock', key, { Session: b }));
    assert.equal(error?.What, `failed to lock key "${key}" due to lock delay`);
  });

  test('session: renew, its fields, and what create refuses', async () => {
    const api = new Api(subject());
    const id = await create(api, { Name: 'mine', TTL: '10s' });
    const [{ CreateIndex: _created, ModifyIndex: _modified, ...session }] = JSON.parse(
      (await api.put(`/v1/session/renew/${id}`)).text,
    ) as [Entry];
    assert.deepEqual(session, {
      ID: id,
      Name: 'mine',
      Node: subject().nodeName,
      LockDelay: 15_000_000_000,
      Behavior: 'release',
      TTL: '10s',
      NodeChecks: ['serfHealth'],
      ServiceChecks: null,
    });
    await api.put(`/v1/session/destroy/${id}`);
    const late = await api.put(`/v1/session/renew/${id}`);
    assert.deepEqual([late.status, late.text], [404, `Session id '${id}' not found`]);
    const refused = async (body: object) => (await api.put('/v1/session/create', body)).text;
    assert.equal(
      await refused({ TTL: '1s' }),
      "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]",
    );
    assert.equal(
      await refused({ Node: 'nobody', NodeChecks: [] }),
      'apply failed: Missing node registration',
    );
    assert.equal(await refused({ Behavior: 'x' }), "Invalid Behavior setting 'x'");
    const n = unique('node');
    await api.commit(node(n));
    assert.equal(await refused({ Node: n }), "apply failed: Missing check 'serfHealth' registration");
  });

  test('session: a check of its type follows it, and whoever waits for the service wakes', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const alive = { CheckID: `${web}:alive`, Name: 'Alive', ServiceID: web, Type: 'session' };
    const registered = await api.put('/v1/catalog/register', {
      Node: n,
      Address: '10.0.0.1',
      Service: { ID: web, Service: web },
      Checks: [{ ...alive, Status: 'critical', Definition: { SessionName: web } }],
    });
    assert.equal(registered.status, 200, registered.text);
    const path = `/v1/health/service/${web}`;
    const now = async () => {
      const { text, index } = await api.get(path);
      const [{ Checks }] = JSON.parse(text) as [{ Checks: Entry[] }];
      const [{ Status, Output, ModifyIndex, Definition }] = Checks as [Entry];
      return { index, Status, Output, ModifyIndex, Definition };
    };
    const before = await now();
    assert.deepEqual([before.Status, before.Definition], ['critical', { SessionName: web }]);

    await create(api, { Name: 'another', Node: n, NodeChecks: [] });
    assert.equal((await now()).Status, 'critical', 'a session of another name');
    const waiting = api.blocked(path, before.index, '60s');
    await subject().settle();
    const id = await create(api, { Name: web, Node: n, TTL: '10s', NodeChecks: [] });
    await subject().drive(waiting);
    const alone = await now();
    assert.deepEqual([alone.Status, alone.Output], ['passing', `Session '${id}' in force`]);
    assert.equal(alone.ModifyIndex, before.ModifyIndex);

    // A change of the service alone leaves the check to the session.
    await api.commit(service(n, web, web, { Tags: ['leader'] }));
    assert.equal((await now()).Status, 'passing');

    const again = api.blocked(path, (await now()).index, '60s');
    await subject().settle();
    await api.put(`/v1/session/destroy/${id}`);
    await subject().drive(again);
    const over = await now();
    assert.deepEqual([over.Status, over.Output], ['critical', `Session '${id}' is invalid`]);
  });

  test('session: its check cannot be defined in a transaction', async () => {
    const api = new Api(subject());
    const [n, web] = [unique('node'), unique('web')];
    const fields = { ServiceID: web, ServiceName: web, Type: 'session', Status: 'critical' };
    await api.commit(
      node(n),
      service(n, web, web),
      check(n, 'alive', { ...fields, Definition: { SessionName: web } }),
    );
    await create(api, { Name: web, Node: n, NodeChecks: [] });
    const [alive] = await api.json<Entry[]>(`/v1/health/node/${n}`);
    assert.deepEqual([alive.Status, alive.Definition], ['critical', {}]);
  });

  test('session: ends with its node', async () => {
    const api = new Api(subject());
    const n = unique('node');
    await api.commit(node(n));
    const id = await create(api, { Node: n, NodeChecks: [] });
    await api.commit(node(n, {}, 'delete'));
    assert.deepEqual(await api.json(`/v1/session/info/${id}`), []);
  });
}
