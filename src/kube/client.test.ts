import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listOf, podObject, status } from '../../test/support/kube-objects.ts';
import {
  answer,
  type Responder,
  ScriptedTransport,
  StreamingAnswer,
} from '../../test/support/scripted-transport.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { KubeClient } from './client.ts';

const signal = new AbortController().signal;
const path = '/api/v1/namespaces/default/pods/a';

function setup(...responders: readonly Responder[]) {
  const transport = new ScriptedTransport().script(...responders);
  const clock = new VirtualClock();
  return { transport, clock, client: new KubeClient(transport, clock) };
}

describe('KubeClient', () => {
  test('get() resolves with the object', async () => {
    const { client } = setup(answer(podObject('a', 1)));
    assert.deepEqual(await client.get(path, { signal }), podObject('a', 1));
  });

  test('a body that drips is given up after a minute', async () => {
    const drip = new StreamingAnswer();
    const { client, clock } = setup(drip.respond);
    const rejected = assert.rejects(client.get(path, { signal }), { code: 'timeout' });
    for (let seconds = 0; seconds < 60; seconds += 1) {
      drip.writeText(' ');
      await clock.advance(1_000);
    }
    await rejected;
    assert.ok(drip.closed);
    assert.equal(clock.pending, 0);
  });

  test('list() follows continue to the end', async () => {
    const { client, transport } = setup(
      answer(listOf('Pod', 1, [podObject('a', 1)], 'a b')),
      answer(listOf('Pod', 1, [podObject('b', 1)])),
    );
    const pods = await client.list('/api/v1/pods?limit=1', { signal });
    assert.deepEqual(
      pods.map(({ metadata }) => metadata?.name),
      ['a', 'b'],
    );
    assert.equal(transport.urls[1]?.searchParams.get('continue'), 'a b');
  });

  test('create(), update() and delete() send the object with its method', async () => {
    const { client, transport } = setup(answer(podObject('a', 1), 201), answer({}), answer({}));
    await client.create('/api/v1/namespaces/default/pods', podObject('a', 0), { signal });
    await client.update(path, podObject('a', 1), { signal });
    await client.delete(path, { signal });
    assert.deepEqual(
      transport.requests.map(({ method, body }) => [
        method,
        body === undefined ? '' : JSON.parse(body).metadata.name,
      ]),
      [
        ['POST', 'a'],
        ['PUT', 'a'],
        ['DELETE', ''],
      ],
    );
  });

  test('patch() names its type', async () => {
    const { client, transport } = setup(...Array(3).fill(answer({})));
    for (const type of ['merge', 'strategic-merge', 'json'] as const) {
      await client.patch(path, {}, { signal, type });
    }
    assert.deepEqual(
      transport.requests.map(({ headers }) => headers?.['content-type']),
      [
        'application/merge-patch+json',
        'application/strategic-merge-patch+json',
        'application/json-patch+json',
      ],
    );
  });

  test('a refusal rejects with its code and what the server said', async () => {
    const { client } = setup(answer(status(409, 'Conflict', 'the object has been modified'), 409));
    await assert.rejects(client.update(`${path}?dryRun=All`, podObject('a', 1), { signal }), {
      code: 'conflict',
      status: 409,
      message: `PUT ${path}: the object has been modified (409)`,
    });
  });

  test('an answer that is no object rejects with protocol', async () => {
    for (const body of ['', '<html>', 'null', '3']) {
      await assert.rejects(setup(answer(body)).client.get(path, { signal }), { code: 'protocol' });
    }
    await assert.rejects(setup(answer({})).client.list('/api/v1/pods', { signal }), { code: 'protocol' });
  });
});
