import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { Wakeup } from './wakeup.ts';

function setup() {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const isClean = () => clock.pending === 0 && getEventListeners(stop.signal, 'abort').length === 0;
  return { clock, stop, signal: stop.signal, wakeup: new Wakeup(clock), isClean };
}

describe('Wakeup', () => {
  test('wait() resolves with `notified` after notify(), and with `elapsed` when its time is over first', async () => {
    const { clock, signal, wakeup, isClean } = setup();
    const first = wakeup.wait(100, signal);
    wakeup.notify();
    assert.equal(await first, 'notified');
    assert.ok(isClean());
    let second: string | undefined;
    void wakeup.wait(100, signal).then((outcome) => (second = outcome));
    await clock.advance(99);
    assert.equal(second, undefined);
    await clock.advance(1);
    assert.equal(second, 'elapsed');
    assert.ok(isClean());
  });

  test('without a limit it waits for a notification alone', async () => {
    const { clock, signal, wakeup } = setup();
    let outcome: string | undefined;
    void wakeup.wait(undefined, signal).then((result) => (outcome = result));
    await clock.advance(1e9);
    assert.equal(outcome, undefined);
    wakeup.notify();
    await clock.settle();
    assert.equal(outcome, 'notified');
  });

  test('a notification while nobody waits ends the next wait, and several end only one', async () => {
    const { clock, signal, wakeup } = setup();
    wakeup.notify();
    wakeup.notify();
    assert.equal(await wakeup.wait(undefined, signal), 'notified');
    let second: string | undefined;
    void wakeup.wait(10, signal).then((outcome) => (second = outcome));
    await clock.settle();
    assert.equal(second, undefined);
    await clock.advance(10);
    assert.equal(second, 'elapsed');
  });

  test('a notification wakes everybody who waits, and is then used up', async () => {
    const { clock, signal, wakeup } = setup();
    const waits = [wakeup.wait(undefined, signal), wakeup.wait(5, signal)];
    wakeup.notify();
    assert.deepEqual(await Promise.all(waits), ['notified', 'notified']);
    const next = wakeup.wait(1, signal);
    await clock.advance(1);
    assert.equal(await next, 'elapsed');
  });

  test('a wait rejects when the signal aborts, and leaves no timer and no listener behind', async () => {
    const { stop, signal, wakeup, isClean } = setup();
    const wait = wakeup.wait(100, signal);
    stop.abort();
    await assert.rejects(wait, { name: 'AbortError' });
    await assert.rejects(wakeup.wait(100, signal), { name: 'AbortError' });
    assert.ok(isClean());
  });

  test('unlessNotified() resolves with the result of the work', async () => {
    const { signal, wakeup } = setup();
    assert.equal(await wakeup.unlessNotified(async () => 7, signal), 7);
    await assert.rejects(
      wakeup.unlessNotified(() => Promise.reject(new Error('broken')), signal),
      /broken/,
    );
  });

  test('unlessNotified() aborts the work at a notification, and does not start it after one', async () => {
    const { clock, signal, wakeup, isClean } = setup();
    const work = wakeup.unlessNotified((until) => clock.sleep(100, until), signal);
    wakeup.notify();
    assert.equal(await work, 'notified');
    wakeup.notify();
    let started = false;
    const late = wakeup.unlessNotified(async () => {
      started = true;
    }, signal);
    assert.equal(await late, 'notified');
    assert.equal(started, false);
    assert.ok(isClean());
  });

  test('unlessNotified() rejects when the signal aborts', async () => {
    const { clock, stop, signal, wakeup } = setup();
    const work = wakeup.unlessNotified((until) => clock.sleep(100, until), signal);
    stop.abort();
    await assert.rejects(work, { name: 'AbortError' });
    await assert.rejects(
      wakeup.unlessNotified(async () => 1, signal),
      { name: 'AbortError' },
    );
    assert.equal(clock.pending, 0);
  });
});
