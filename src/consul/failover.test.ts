import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScriptedConsul } from '../../test/support/scripted-consul.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import { FailoverTransport } from './failover.ts';

const signal = new AbortController().signal;
const request = { method: 'GET', path: '/v1/status/leader', signal } as const;
const down = new RegistrarError('unreachable', 'connection refused');

function servers(...replies: ConstructorParameters<typeof ScriptedConsul>[0][]) {
  const each = replies.map((reply) => new ScriptedConsul(reply));
  const counts = () => each.map(({ requests }) => requests.length);
  return { transport: new FailoverTransport(each), counts };
}

describe('FailoverTransport', () => {
  test('stays with the server that answers', async () => {
    const { transport, counts } = servers(
      () => ({}),
      () => ({}),
    );
    await transport.request(request);
    await transport.request(request);
    assert.deepEqual(counts(), [2, 0]);
  });

  test('goes on to the next when one cannot be reached, and stays there', async () => {
    const { transport, counts } = servers(
      () => down,
      () => ({}),
    );
    assert.equal((await transport.request(request)).status, 200);
    await transport.request(request);
    assert.deepEqual(counts(), [1, 2]);
  });

  test('gives up after one round', async () => {
    const { transport, counts } = servers(
      () => down,
      () => down,
    );
    await assert.rejects(transport.request(request), { code: 'unreachable' });
    assert.deepEqual(counts(), [1, 1]);
  });

  test('gives a 5xx to the caller and the next request to the next server', async () => {
    const { transport, counts } = servers(
      () => ({ status: 500, body: 'No cluster leader' }),
      () => ({}),
    );
    assert.equal((await transport.request(request)).status, 500);
    assert.equal((await transport.request(request)).status, 200);
    assert.deepEqual(counts(), [1, 1]);
  });

  test('leaves a server that is silent until the deadline', async () => {
    const clock = new VirtualClock();
    const { transport, counts } = servers(
      () => undefined,
      () => ({}),
    );
    const late = assert.rejects(
      withDeadline(clock, 1_000, signal, (deadline) => transport.request({ ...request, signal: deadline })),
      { code: 'timeout' },
    );
    await clock.advance(1_000);
    await late;
    await transport.request(request);
    assert.deepEqual(counts(), [1, 1]);
  });

  test("an abort of the caller's says nothing about the server", async () => {
    const { transport, counts } = servers(
      () => undefined,
      () => ({}),
    );
    const abort = new AbortController();
    const aborted = assert.rejects(transport.request({ ...request, signal: abort.signal }), {
      code: 'aborted',
    });
    abort.abort();
    await aborted;
    void transport.request(request);
    assert.deepEqual(counts(), [2, 0]);
  });

  test('refuses to be without servers', () => {
    assert.throws(() => new FailoverTransport([]), { code: 'config' });
  });
});
