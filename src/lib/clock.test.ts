import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from './clock.ts';

describe('systemClock', () => {
  test('sleep() rejects with the reason of a signal that is already aborted', async () => {
    await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(new Error('stopped'))), /stopped/);
  });

  test('sleep() ends at once when the signal aborts, and leaves no timer behind', async () => {
    const abort = new AbortController();
    const sleeping = systemClock.sleep(60_000, abort.signal);
    abort.abort(new Error('stopped'));
    await assert.rejects(sleeping, /stopped/);
  });

  test('schedule() never calls early by its own clock', async () => {
    const early: number[] = [];
    const waits = Array.from({ length: 500 }, (_, index) => 1 + index * 0.137);
    await Promise.all(
      waits.map(async (ms) => {
        const due = systemClock.now() + ms;
        const { promise, resolve } = Promise.withResolvers<void>();
        systemClock.schedule(ms, resolve);
        await promise;
        if (systemClock.now() < due) early.push(ms);
      }),
    );
    assert.deepEqual(early, []);
  });

  test('sleep() for longer than a timer of Node can does not end at once', async () => {
    const abort = new AbortController();
    const sleeping = systemClock.sleep(2 ** 40, abort.signal).then(() => 'over');
    const first = await Promise.race([
      sleeping,
      systemClock.sleep(5, abort.signal).then(() => 'still asleep'),
    ]);
    assert.equal(first, 'still asleep');
    abort.abort(new Error('stopped'));
    await assert.rejects(sleeping, /stopped/);
  });

  test('schedule() does not call a disposed timer', async () => {
    let called = false;
    systemClock
      .schedule(0, () => {
        called = true;
      })
      [Symbol.dispose]();
    await systemClock.sleep(1, new AbortController().signal);
    assert.equal(called, false);
  });
});
