import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { EventCorrelator } from './event-correlator.ts';
import type { ObjectEvent } from './object-event.ts';

const event = (note: string, name = 'web-1'): ObjectEvent => ({
  regarding: { kind: 'Pod', namespace: 'shop', name, uid: `uid-of-${name}` },
  type: 'Warning',
  reason: 'InvalidAnnotation',
  action: 'Register',
  note,
});

describe('EventCorrelator', () => {
  test('repetitions have one key, other notes and objects have others', () => {
    const correlator = new EventCorrelator(new VirtualClock());
    const keys = [event('a'), event('a'), event('b'), event('a', 'web-2')].map(
      (each) => correlator.correlate(each)?.key,
    );
    assert.equal(keys[0], keys[1]);
    assert.equal(new Set(keys).size, 3);
  });

  test('the eleventh alike and those after it are one, until ten minutes have passed', async () => {
    const clock = new VirtualClock();
    const correlator = new EventCorrelator(clock);
    const tell = (note: string) => correlator.correlate(event(note))!;
    for (let number = 1; number <= 10; number++) assert.equal(tell(`${number}`).event.note, `${number}`);
    const [eleventh, twelfth] = [tell('11'), tell('12')];
    assert.equal(eleventh.event.note, '(combined from similar events): 11');
    assert.equal(eleventh.key, twelfth.key);
    assert.equal(tell('3').event.note, '3', 'what was told goes on as its own');
    await clock.advance(600_001);
    assert.equal(tell('13').event.note, '13');
  });

  test('one object gets 25 at once and then one each five minutes; others are not concerned', async () => {
    const clock = new VirtualClock();
    const correlator = new EventCorrelator(clock);
    const told = (times: number, name?: string) =>
      Array.from({ length: times }, () => correlator.correlate(event('a', name))).filter(Boolean).length;
    assert.equal(told(30), 25);
    assert.equal(told(30, 'web-2'), 25);
    await clock.advance(299_999);
    assert.equal(told(1), 0);
    await clock.advance(1);
    assert.equal(told(2), 1);
    await clock.advance(86_400_000);
    assert.equal(told(30), 25, 'never more than at first');
  });
});
