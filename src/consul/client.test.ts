import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ScriptedAnswer, ScriptedConsul } from '../../test/support/scripted-consul.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { Secret } from '../lib/secret.ts';
import { ConsulClient } from './client.ts';
import type { ConsulApiOptions } from './consul-api.ts';

const signal = new AbortController().signal;

function clientOf(answer: ScriptedAnswer | Error | undefined, options: Partial<ConsulApiOptions> = {}) {
  const transport = new ScriptedConsul(() => answer);
  const clock = new VirtualClock();
  return { transport, clock, client: new ConsulClient({ transport, clock, ...options }) };
}

const trusted = { 'x-consul-index': '42', 'x-consul-knownleader': 'true' };

describe('ConsulClient', () => {
  test('asks for the token before every request', async () => {
    const tokens = ['first', 'second'];
    const { client, transport } = clientOf(
      { body: [], headers: trusted },
      { token: () => new Secret(tokens.shift() ?? '') },
    );
    await client.catalogNodes({}, signal);
    await client.catalogNodes({}, signal);
    assert.deepEqual(
      transport.requests.map(({ headers }) => headers?.['x-consul-token']),
      ['first', 'second'],
    );
  });

  test('sends node meta, filter and the scope, encoded', async () => {
    const scope = { datacenter: 'east', namespace: 'shop', partition: 'p1' };
    const { client, transport } = clientOf({ body: [], headers: trusted }, scope);
    await client.catalogNodes({ nodeMeta: { a: 'b&c', d: 'e' }, filter: 'Meta.x == "y"' }, signal);
    const url = new URL(transport.requests[0]!.path, 'http://consul');
    assert.equal(url.pathname, '/v1/catalog/nodes');
    assert.deepEqual(
      [...url.searchParams],
      [
        ['node-meta', 'a:b&c'],
        ['node-meta', 'd:e'],
        ['filter', 'Meta.x == "y"'],
        ['dc', 'east'],
        ['ns', 'shop'],
        ['partition', 'p1'],
      ],
    );
  });

  test('a wait for an index asks for nothing but the index, with node meta, wait and the scope', async () => {
    const { client, transport } = clientOf({ body: [], headers: trusted }, { datacenter: 'east' });
    const source = { kind: 'checks', nodeMeta: { a: 'b&c', d: 'e' } } as const;
    assert.equal(await client.indexOf(source, { index: 7, waitMs: 1_000 }, signal), 42);
    const [request] = transport.requests;
    const url = new URL(request!.path, 'http://consul');
    assert.equal(url.pathname, '/v1/health/state/any');
    assert.deepEqual(
      [...url.searchParams],
      [
        ['filter', 'CheckID == ""'],
        ['node-meta', 'a:b&c'],
        ['node-meta', 'd:e'],
        ['index', '7'],
        ['wait', '1000ms'],
        ['dc', 'east'],
      ],
    );
    assert.equal(request!.waits, true);
  });

  test('returns the index, the leader and whether ACLs have thinned the answer', async () => {
    const { client } = clientOf({
      body: null,
      headers: { 'x-consul-index': '9', 'x-consul-results-filtered-by-acls': 'true' },
    });
    assert.deepEqual(await client.nodeServices('n', signal), {
      value: undefined,
      index: 9,
      knownLeader: false,
      filteredByAcls: true,
    });
  });

  test('takes no node of another name, found by the start of its id', async () => {
    const Node = { Node: 'other', Address: '10.0.0.1', CreateIndex: 1, ModifyIndex: 1 };
    const { client } = clientOf({ body: { Node, Services: [] }, headers: trusted });
    assert.equal((await client.nodeServices('abc', signal)).value, undefined);
  });

  for (const [status, code] of [
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const) {
    test(`a ${status} is ${code}, with Consul's text`, async () => {
      const { client } = clientOf({ status, body: 'ACL not found' });
      await assert.rejects(client.healthNode('n', signal), { code, status, message: /ACL not found/ });
    });
  }

  test('a 429 is throttled, with the time to wait', async () => {
    const { client } = clientOf({ status: 429, headers: { 'retry-after': '3' } });
    await assert.rejects(client.txn('[]', signal), { code: 'throttled', retryAfterMs: 3_000 });
  });

  test('a proxy that says to come back in an hour is believed for 30 s', async () => {
    const { client } = clientOf({ status: 503, headers: { 'retry-after': '3600' } });
    await assert.rejects(client.txn('[]', signal), { code: 'unavailable', retryAfterMs: 30_000 });
  });

  for (const [what, body] of [
    ['no JSON', '<html>'],
    ['another shape', [{ Node: 7 }]],
    ['an object for a list', { Node: 'n' }],
  ] as const) {
    test(`an answer of ${what} is a protocol error that names the request`, async () => {
      const { client } = clientOf({ body, headers: trusted });
      await assert.rejects(client.catalogNodes({}, signal), {
        code: 'protocol',
        message: /GET \/v1\/catalog\/nodes/,
      });
    });
  }

  test('an empty answer to a reading is a protocol error, never an empty catalog', async () => {
    const { client } = clientOf({ body: '', headers: trusted });
    const rejection = { code: 'protocol', message: /services: the answer is empty$/ };
    await assert.rejects(client.serviceNames(signal), rejection);
    await assert.rejects(client.nodeServices('n', signal), { code: 'protocol' });
  });

  test('a transaction rolled back is data, not an error', async () => {
    const { client } = clientOf({
      status: 409,
      body: { Results: null, Errors: [{ OpIndex: 1, What: 'no' }] },
    });
    assert.deepEqual(await client.txn('[]', signal), {
      kind: 'rolled-back',
      errors: [{ opIndex: 1, what: 'no' }],
    });
  });

  test('a transaction too large names the limit', async () => {
    const operations = clientOf({
      status: 413,
      body: 'Transaction contains too many operations (65 > 64)',
    });
    const many = await operations.client.txn('[]', signal);
    assert.equal(many.kind === 'too-large' && many.operations, 64);
    const bytes = clientOf({ status: 413, body: 'Request body too large, max size: 1000 bytes' });
    const large = await bytes.client.txn('[]', signal);
    assert.equal(large.kind === 'too-large' && large.bytes, 1_000);
  });

  test('gives up at the deadline, a blocking read only after its wait', async () => {
    const { client, clock } = clientOf(undefined, { timeoutMs: 1_000 });
    const ended: string[] = [];
    const ends = (name: string, read: Promise<unknown>) =>
      read.catch((error: unknown) => ended.push(`${name} ${RegistrarError.from(error).code}`));
    void ends('plain', client.catalogNodes({}, signal));
    void ends(
      'blocking',
      client.indexOf({ kind: 'nodes', nodeMeta: {} }, { index: 1, waitMs: 16_000 }, signal),
    );
    await clock.advance(1_000);
    assert.deepEqual(ended, ['plain timeout']);
    await clock.advance(16_999);
    assert.deepEqual(ended, ['plain timeout']);
    await clock.advance(1);
    assert.deepEqual(ended, ['plain timeout', 'blocking timeout']);
  });

  test('an abort ends the request at once and leaves no timer', async () => {
    const { client, clock } = clientOf(undefined);
    const abort = new AbortController();
    const reading = client.catalogNodes({}, abort.signal);
    abort.abort();
    await assert.rejects(reading, { code: 'aborted' });
    assert.equal(clock.pending, 0);
  });

  test('an error of the network says which request', async () => {
    const { client } = clientOf(new RegistrarError('unreachable', 'connect ECONNREFUSED 127.0.0.1:8500'));
    await assert.rejects(client.version(signal), {
      code: 'unreachable',
      message: 'GET /v1/agent/self: connect ECONNREFUSED 127.0.0.1:8500',
    });
  });
});
