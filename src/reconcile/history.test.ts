import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anObserved } from '../../test/support/observed-nodes.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { History } from './history.ts';
import { ServiceCounts } from './service-counts.ts';

function start() {
  const clock = new VirtualClock();
  const abort = new AbortController();
  let waiting: { count: number; oldestMs: number } | undefined = { count: 2, oldestMs: 900 };
  let nodes = [anObserved('n1', { web: ['passing', 'critical'] })];
  const services = new ServiceCounts(() => nodes);
  const history = new History({ clock, services, unanswered: () => waiting });
  const done = history.run(abort.signal);
  const stop = async () => {
    abort.abort();
    await done;
  };
  const change = () => {
    waiting = undefined;
    nodes = [];
  };
  return { clock, history, stop, change };
}

describe('History', () => {
  test('has a moment for each quarter of a minute: what was written, what waits, and the instances', async () => {
    const { clock, history, stop, change } = start();
    for (let at = 0; at < 30; at++) history.wrote();
    for (const ms of [10, 10, 10, 1_000]) history.propagated(ms);
    const startedAt = clock.wall();
    await clock.advance(15_000);
    change();
    await clock.advance(15_000);
    const [first, second] = history.moments();
    assert.partialDeepStrictEqual(first, {
      at: startedAt + 15_000,
      writes: 2,
      passing: 1,
      warning: 0,
      critical: 1,
      waiting: 2,
      oldestMs: 900,
    });
    assert.deepEqual([Math.round(first!.p50!), Math.round(first!.p99! / 100)], [10, 10]);
    assert.partialDeepStrictEqual(second, {
      p50: undefined,
      p99: undefined,
      writes: 0,
      passing: 0,
      critical: 0,
      waiting: 0,
    });
    await stop();
    assert.equal(clock.pending, 0);
  });

  test('forgets what is older than an hour', async () => {
    const { clock, history, stop } = start();
    for (let minutes = 0; minutes < 90; minutes++) await clock.advance(60_000);
    const moments = history.moments();
    assert.equal(moments.length, 240);
    assert.equal(moments.at(-1)!.at - moments[0]!.at, 239 * 15_000);
    await stop();
  });
});
