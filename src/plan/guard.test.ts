import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isTripped, judge, type Look, type Renewal, removalLimit } from './guard.ts';

const options = { minimum: 10, ratio: 0.3 };

describe('the breaker', () => {
  test('lets the larger of both limits through and not one more', () => {
    for (const [registered, limit] of [
      [0, 10],
      [20, 10],
      [33, 10],
      [100, 30],
      [8_000, 2_400],
    ] as const) {
      assert.equal(removalLimit(registered, options), limit);
      assert.equal(isTripped({ waiting: limit, passed: 0, registered }, options), false);
      assert.equal(isTripped({ waiting: limit + 1, passed: 0, registered }, options), true);
    }
  });

  test('counts what went within the window', () => {
    assert.equal(isTripped({ waiting: 4, passed: 8, registered: 30 }, options), true);
    assert.equal(isTripped({ waiting: 2, passed: 8, registered: 30 }, options), false);
  });

  test('has nothing to hold when nothing waits', () => {
    assert.equal(isTripped({ waiting: 0, passed: 1_000, registered: 30 }, options), false);
  });

  test('judges the same whether a removal waits or has just passed', () => {
    const natural = fc.nat(100);
    fc.assert(
      fc.property(natural, natural, natural, (waiting, passed, registered) => {
        fc.pre(waiting > 1);
        const before = isTripped({ waiting, passed, registered }, options);
        assert.equal(isTripped({ waiting: waiting - 1, passed: passed + 1, registered }, options), before);
      }),
    );
  });
});

describe('judge()', () => {
  const waiting = {
    released: false,
    renewal: undefined,
    look: { kind: 'agrees' } as Look,
    hasSubject: true,
    settled: true,
  };

  test('passes what a second read confirmed, unless the breaker has tripped', () => {
    assert.deepEqual(judge(waiting, false), { kind: 'pass', because: 'confirmed' });
    assert.deepEqual(judge(waiting, true), { kind: 'hold', because: 'limit' });
  });

  test('passes what a second read explains, and what a person released, whatever the breaker says', () => {
    const look: Look = { kind: 'explained', because: 'finished' };
    assert.deepEqual(judge({ ...waiting, look, settled: false }, true), {
      kind: 'pass',
      because: 'finished',
    });
    const released = { ...waiting, look: undefined, released: true, settled: false };
    assert.deepEqual(judge(released, true), { kind: 'pass', because: 'released' });
  });

  test('waits before the second read, and until others had time to appear', () => {
    assert.deepEqual(judge({ ...waiting, look: undefined }, false), { kind: 'wait' });
    assert.deepEqual(judge({ ...waiting, settled: false }, false), { kind: 'wait' });
  });

  test('holds what a second read contradicts or could not find out', () => {
    for (const look of [
      { kind: 'present' },
      { kind: 'forbidden', error: 'x' },
      { kind: 'failed', error: 'x' },
    ] as const) {
      assert.deepEqual(judge({ ...waiting, look }, false), { kind: 'hold', because: look.kind });
    }
  });

  test('passes what others have replaced, though the breaker has tripped only with all of its service', () => {
    const passed = { kind: 'pass', because: 'renewed' };
    assert.deepEqual(judge({ ...waiting, renewal: 'wholly' }, true), passed);
    assert.deepEqual(judge({ ...waiting, renewal: 'wholly' }, false), passed);
    assert.deepEqual(judge({ ...waiting, renewal: 'partly' }, false), passed);
    assert.deepEqual(judge({ ...waiting, renewal: 'partly' }, true), { kind: 'hold', because: 'limit' });
    const look: Look = { kind: 'present' };
    assert.deepEqual(judge({ ...waiting, look, renewal: 'wholly' }, false), {
      kind: 'hold',
      because: 'present',
    });
  });

  test('never passes anything unconfirmed, and nothing but explained, released and replaced when tripped', () => {
    const look = fc.constantFrom<Look | undefined>(
      undefined,
      { kind: 'agrees' },
      { kind: 'present' },
      { kind: 'failed', error: '' },
      { kind: 'forbidden', error: '' },
      { kind: 'explained', because: 'finished' },
    );
    const state = fc.record({
      look,
      released: fc.boolean(),
      renewal: fc.constantFrom<Renewal | undefined>(undefined, 'wholly', 'partly'),
      hasSubject: fc.boolean(),
      settled: fc.boolean(),
    });
    fc.assert(
      fc.property(state, fc.boolean(), (state, tripped) => {
        const verdict = judge(state, tripped);
        if (verdict.kind !== 'pass' || state.released || state.look?.kind === 'explained') return;
        assert.ok(!tripped || state.renewal === 'wholly');
        assert.equal(state.settled, true);
        assert.ok(state.look?.kind === 'agrees' || (!state.hasSubject && state.look === undefined));
      }),
    );
  });
});
