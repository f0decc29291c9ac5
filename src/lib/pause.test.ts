import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { pauseBy } from './pause.ts';

test('long work pauses when its time is over, and then has time again', async () => {
  const clock = new VirtualClock();
  const pause = pauseBy(clock);
  assert.equal(pause(), undefined);
  await clock.advance(3);
  const due = pause();
  assert.ok(due instanceof Promise);
  await clock.settle();
  await due;
  assert.equal(pause(), undefined);
});
