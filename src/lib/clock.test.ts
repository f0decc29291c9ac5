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
