import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { silentLogger } from '../../logging/logger.ts';
import type { Difference, Differences } from './audit.ts';
import { Auditor } from './auditor.ts';

const hour = 3_600_000;
const none: Differences = new Map();
const one = (what: string): Differences => new Map([['default/a', { what, listed: '7' }]]);

/** An auditor beside a watch that lasts until `cut()`. `answers`: what comparing finds, in turn; then nothing. */
function beside(...answers: readonly (() => Differences | Promise<Differences>)[]) {
  const clock = new VirtualClock();
  const at: number[] = [];
  const left = [...answers];
  const auditor = new Auditor({
    clock,
    random: () => 0.5,
    logger: silentLogger,
    compare: async () => {
      at.push(clock.now());
      return (left.shift() ?? (() => none))();
    },
  });
  const watch = new AbortController();
  const found: (readonly Difference[])[] = [];
  void auditor.run(watch.signal).then((differences) => void found.push(differences));
  return { clock, auditor, at, found, cut: () => watch.abort() };
}

describe('Auditor', () => {
  test('compares every hour when nothing is doubtful', async () => {
    const { clock, at } = beside();
    await clock.advance(3 * hour);
    assert.deepEqual(at, [hour, 2 * hour, 3 * hour]);
  });

  test('compares seconds after it is asked, and then an hour later', async () => {
    const { clock, auditor, at } = beside();
    await clock.advance(60_000);
    auditor.ask();
    auditor.ask();
    await clock.advance(hour);
    assert.deepEqual(at, [62_000]);
    await clock.advance(2_000);
    assert.deepEqual(at, [62_000, 62_000 + hour]);
  });

  test('asked again and again, it takes half a minute between two', async () => {
    const { clock, auditor, at } = beside();
    for (let second = 0; second < 60; second += 1) {
      auditor.ask();
      await clock.advance(1_000);
    }
    assert.deepEqual(at, [2_000, 32_000]);
  });

  test('asked again and again, it takes no more than a hundredth of the time', async () => {
    let clock: VirtualClock | undefined;
    const slowly = async () => {
      await clock!.sleep(7_000, new AbortController().signal);
      return none;
    };
    const it = beside(slowly, slowly);
    clock = it.clock;
    for (let minute = 0; minute < 15; minute += 1) {
      it.auditor.ask();
      await clock.advance(60_000);
    }
    assert.deepEqual(it.at, [2_000, 2_000 + 7_000 + 700_000]);
  });

  test('doubts the history after a long loss until one comparison finds the store right, whatever asks then', async () => {
    const { clock, auditor } = beside();
    auditor.watchLost();
    await clock.advance(10_000);
    auditor.watchResumed();
    assert.equal(auditor.doubtfulSince, 0);
    await clock.advance(2_000);
    assert.equal(auditor.doubtfulSince, undefined);
    auditor.ask();
    assert.equal(auditor.doubtfulSince, undefined, 'an object that is missing is no other history');
  });

  test('doubts the history since the process stood still, until a comparison finds the store right', async () => {
    const { clock, auditor, at } = beside();
    await clock.advance(20_000);
    auditor.doubt(9_000);
    assert.equal(auditor.doubtfulSince, 9_000);
    await clock.advance(2_000);
    assert.deepEqual(at, [22_000]);
    assert.equal(auditor.doubtfulSince, undefined);
  });

  test('a list of everything is as good as an audit', async () => {
    const { clock, auditor, at } = beside();
    auditor.ask();
    auditor.listed();
    await clock.advance(hour - 1);
    assert.deepEqual(at, []);
  });

  test('tells of a difference that is the same seconds later', async () => {
    const { clock, auditor, at, found } = beside(
      () => one('x'),
      () => one('x'),
    );
    auditor.ask();
    await clock.advance(10_000);
    assert.deepEqual(at, [2_000, 7_000]);
    assert.deepEqual(found, [[{ what: 'x', listed: '7' }]]);
  });

  test('takes differences that change, or pass, for what is on its way', async () => {
    const { clock, auditor, found } = beside(
      () => one('x'),
      () => one('y'),
      () => one('y'),
      () => none,
    );
    auditor.ask();
    await clock.advance(20_000);
    auditor.ask();
    await clock.advance(60_000);
    assert.deepEqual(found, []);
  });

  test('tries again when the server does not answer, no sooner than it says', async () => {
    const busy = () => {
      throw new RegistrarError('throttled', 'later', { retryAfterMs: 20_000 });
    };
    const { clock, auditor, at } = beside(busy, busy);
    auditor.ask();
    await clock.advance(100_000);
    assert.deepEqual(at, [2_000, 22_000, 42_000]);
  });

  test('gives a watch that was just opened a moment, and ends with it', async () => {
    const { clock, auditor, at, found, cut } = beside();
    auditor.ask();
    await clock.advance(1_000);
    cut();
    await clock.settle();
    assert.deepEqual(found, [[]]);
    assert.equal(clock.pending, 0, 'no timer is left');
    const next = new AbortController();
    void auditor.run(next.signal);
    await clock.advance(2_000);
    assert.deepEqual(at, [3_000], 'what was asked for is not forgotten');
    next.abort();
    await clock.settle();
    assert.equal(clock.pending, 0);
  });
});
