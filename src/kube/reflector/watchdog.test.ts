import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Watchdog } from './watchdog.ts';

const forever = new AbortController().signal;

describe('Watchdog', () => {
  test('aborts its signal once nobody was heard for the limit', async () => {
    const clock = new VirtualClock();
    using watchdog = new Watchdog(clock, 100, forever);
    await clock.advance(99);
    watchdog.heard();
    await clock.advance(99);
    assert.equal(watchdog.signal.aborted, false);
    await clock.advance(1);
    assert.equal(watchdog.signal.aborted, true);
    assert.equal(watchdog.expired, true);
  });

  test('aborts with its parent, and has then not expired', () => {
    const abort = new AbortController();
    using watchdog = new Watchdog(new VirtualClock(), 100, abort.signal);
    abort.abort(new Error('stopped'));
    assert.match(String(watchdog.signal.reason), /stopped/);
    assert.equal(watchdog.expired, false);
    using late = new Watchdog(new VirtualClock(), 100, abort.signal);
    assert.equal(late.signal.aborted, true);
  });

  test('limit() starts over with another limit', async () => {
    const clock = new VirtualClock();
    using watchdog = new Watchdog(clock, 100, forever);
    await clock.advance(90);
    watchdog.limit(50);
    await clock.advance(49);
    assert.equal(watchdog.expired, false);
    await clock.advance(1);
    assert.equal(watchdog.expired, true);
  });

  test('disposed it leaves no timer behind', () => {
    const clock = new VirtualClock();
    new Watchdog(clock, 100, forever)[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });
});
