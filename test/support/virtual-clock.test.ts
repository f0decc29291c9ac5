import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  test('fires timers in order of time, then of creation, and lets promises settle between two', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.schedule(20, () => seen.push('c'));
    clock.schedule(10, () => {
      seen.push('a');
      void Promise.resolve().then(() => seen.push('a settled'));
    });
    clock.schedule(10, () => seen.push('b'));
    await clock.advance(15);
    assert.deepEqual(seen, ['a', 'a settled', 'b']);
    assert.equal(clock.now(), 15);
    await clock.advance(5);
    assert.deepEqual(seen, ['a', 'a settled', 'b', 'c']);
    assert.equal(clock.pending, 0);
  });

  test('an aborted sleep leaves no timer', async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const sleeping = clock.sleep(1_000, abort.signal);
    abort.abort(new Error('stopped'));
    await assert.rejects(sleeping, /stopped/);
    assert.equal(clock.pending, 0);
  });
});
