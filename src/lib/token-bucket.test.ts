import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  test('gives a burst at once, then one token each interval', () => {
    const bucket = new TokenBucket({ clock: new VirtualClock(), burst: 3, refillMs: 100 });
    assert.deepEqual(
      Array.from({ length: 5 }, () => bucket.take()),
      [0, 0, 0, 100, 200],
    );
  });

  test('fills up again with time, and never above its burst', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket({ clock, burst: 2, refillMs: 100 });
    bucket.take();
    bucket.take();
    await clock.advance(100);
    assert.deepEqual([bucket.take(), bucket.take()], [0, 100]);
    await clock.advance(60_000);
    assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 100]);
  });
});
