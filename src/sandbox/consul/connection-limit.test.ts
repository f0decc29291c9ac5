import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { readText } from '../../lib/transport.ts';
import { ConsulServer } from './consul-server.ts';

const { signal } = new AbortController();
const leader = { method: 'GET', path: '/v1/status/leader', signal } as const;

/** A server that grants an address two connections, one of them taken by a blocking query. */
async function setUp(excess?: '429' | 'reset') {
  const clock = new VirtualClock();
  const server = new ConsulServer({ clock, connections: { most: 2, ...(excess ? { excess } : {}) } });
  const near = server.transport({ address: '10.0.0.1' });
  const end = new AbortController();
  const waiting = near
    .request({ ...leader, path: '/v1/catalog/nodes?index=1000&wait=10m', signal: end.signal })
    .catch(() => {});
  const second = near
    .request({ ...leader, path: '/v1/catalog/nodes?index=1000&wait=10m', signal: end.signal })
    .catch(() => {});
  await clock.settle();
  const stop = async () => {
    end.abort();
    await Promise.all([waiting, second]);
  };
  return { server, near, far: server.transport({ address: '10.0.0.2' }), stop };
}

describe('ConnectionLimit', () => {
  test('answers 429 to one connection too many of an address, and grants others theirs', async () => {
    const { server, near, far, stop } = await setUp();
    assert.equal(server.connections.open('10.0.0.1'), 2);
    const answer = await near.request(leader);
    assert.equal(answer.status, 429);
    assert.match(await readText(answer), /^Your IP is issuing too many concurrent connections/);
    assert.equal((await far.request(leader)).status, 200);
    await stop();
    assert.equal(server.connections.open('10.0.0.1'), 0);
    assert.equal((await near.request(leader)).status, 200);
  });

  test('resets it, as older servers do', async () => {
    const { near, stop } = await setUp('reset');
    await assert.rejects(near.request(leader), { code: 'unreachable' });
    await stop();
  });
});
