import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Steadiness } from './steadiness.ts';

function start() {
  const clock = new VirtualClock();
  const state = { troubled: false, wentBackAt: undefined as number | undefined };
  const steadiness = new Steadiness({
    clock,
    isTroubled: () => state.troubled,
    wentBackAt: () => state.wentBackAt,
  });
  return { clock, state, steadiness };
}

describe('Steadiness', () => {
  test('lasts since its beginning, the last trouble or disturbance, or a step back of the history', async () => {
    const { clock, state, steadiness } = start();
    await clock.advance(10);
    assert.equal(steadiness.since, 0);
    state.troubled = true;
    assert.equal(steadiness.since, 10);
    await clock.advance(10);
    assert.equal(steadiness.since, 20);
    state.troubled = false;
    await clock.advance(10);
    assert.equal(steadiness.since, 20);
    steadiness.disturb();
    assert.equal(steadiness.since, 30);
    state.wentBackAt = 40;
    assert.equal(steadiness.since, 40);
  });

  test('ends when the version goes back, or stands still for longer than any kubelet is silent', async () => {
    const { clock, steadiness } = start();
    for (const version of ['5', '6', '6', '6', '7']) {
      steadiness.read(version);
      await clock.advance(10_000);
    }
    assert.equal(steadiness.since, 0);
    for (let times = 0; times < 3; times += 1) {
      steadiness.read('7');
      await clock.advance(10_000);
    }
    assert.equal(steadiness.since, 0, 'for 30 s');
    steadiness.read('7');
    assert.equal(steadiness.since, 80_000);
    await clock.advance(10_000);
    steadiness.read('6');
    assert.equal(steadiness.since, 90_000);
  });
});
