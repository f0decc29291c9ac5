import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { withDeadline } from './deadline.ts';

const never = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('withDeadline()', () => {
  test('gives the result and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    assert.equal(await withDeadline(clock, 100, new AbortController().signal, async () => 7), 7);
    assert.equal(clock.pending, 0);
  });

  test('rejects with timeout at the deadline, not before', async () => {
    const clock = new VirtualClock();
    let ended = false;
    const waiting = withDeadline(clock, 100, new AbortController().signal, never).finally(() => {
      ended = true;
    });
    const rejected = assert.rejects(waiting, { code: 'timeout' });
    await clock.advance(99);
    assert.equal(ended, false);
    await clock.advance(1);
    await rejected;
  });

  test("passes the caller's abort on", async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const waiting = withDeadline(clock, 100, abort.signal, never);
    abort.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
    assert.equal(clock.pending, 0);
  });

  test('does not start work for a signal that is aborted already', async () => {
    const clock = new VirtualClock();
    const work = () => Promise.reject(new Error('started'));
    await assert.rejects(withDeadline(clock, 100, AbortSignal.abort(), work), { code: 'aborted' });
  });
});
