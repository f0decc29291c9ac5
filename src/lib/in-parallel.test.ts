import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { inParallel } from './in-parallel.ts';

const signal = new AbortController().signal;

describe('inParallel()', () => {
  test('keeps the order of the items and never exceeds the limit', async () => {
    const clock = new VirtualClock();
    let running = 0;
    let most = 0;
    const done = inParallel([30, 10, 20, 5], 2, async (ms) => {
      most = Math.max(most, ++running);
      await clock.sleep(ms, signal);
      running -= 1;
      return ms * 2;
    });
    await clock.advance(100);
    assert.deepEqual(await done, [60, 20, 40, 10]);
    assert.equal(most, 2);
  });

  test('starts nothing more after an error and waits for what runs', async () => {
    const started: number[] = [];
    const work = async (item: number) => {
      started.push(item);
      await Promise.resolve();
      if (item === 1) throw new Error('no');
    };
    await assert.rejects(inParallel([1, 2, 3, 4, 5, 6], 2, work), /no/);
    assert.ok(started.length < 6);
  });
});
