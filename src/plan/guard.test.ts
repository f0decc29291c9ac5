import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Sign } from './evidence.ts';
import { isTripped, judge, type ReadAnswer, removalLimit, type Waiting } from './guard.ts';

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
  const waiting: Waiting = {
    sign: 'absent',
    order: undefined,
    answer: { kind: 'absent' },
    proof: undefined,
    hasSubject: true,
    settled: true,
    isOver: false,
  };

  test('passes what a consistent read confirmed, unless the breaker has tripped', () => {
    assert.deepEqual(judge(waiting, false), { kind: 'pass', because: 'confirmed' });
    assert.deepEqual(judge(waiting, true), { kind: 'hold', because: 'limit' });
  });

  test('passes what a read explains, and what a person released, whatever the breaker says', () => {
    const answer: ReadAnswer = { kind: 'explained', because: 'finished' };
    assert.deepEqual(judge({ ...waiting, answer, settled: false }, true), {
      kind: 'pass',
      because: 'finished',
    });
    const released: Waiting = { ...waiting, answer: undefined, order: 'release', settled: false };
    assert.deepEqual(judge(released, true), { kind: 'pass', because: 'released' });
  });

  test('passes what is proved, and what was held for as long as it may be, though the breaker has tripped', () => {
    assert.deepEqual(judge({ ...waiting, proof: 'node-gone' }, true), { kind: 'pass', because: 'node-gone' });
    assert.deepEqual(judge({ ...waiting, isOver: true }, true), { kind: 'pass', because: 'confirmed' });
  });

  test('holds what a person pinned, however proved it is, unless its object says itself that it ends', () => {
    const pinned: Waiting = { ...waiting, order: 'pin', proof: 'kubelet-reported', isOver: true };
    assert.deepEqual(judge(pinned, false), { kind: 'hold', because: 'pinned' });
    const answer: ReadAnswer = { kind: 'explained', because: 'terminating' };
    assert.deepEqual(judge({ ...pinned, answer }, true), { kind: 'pass', because: 'terminating' });
  });

  test('takes an endpoint whose slice was deleted, and that no other lists, for withdrawn', () => {
    const unlisted: Waiting = { ...waiting, sign: 'unlisted' };
    assert.deepEqual(judge(unlisted, true), { kind: 'pass', because: 'withdrawn' });
    assert.deepEqual(judge({ ...unlisted, answer: { kind: 'present' } }, true), {
      kind: 'hold',
      because: 'present',
    });
  });

  test('waits before the first read, and until others had time to appear', () => {
    assert.deepEqual(judge({ ...waiting, answer: undefined }, false), { kind: 'wait' });
    assert.deepEqual(judge({ ...waiting, settled: false }, false), { kind: 'wait' });
  });

  test('holds what a read contradicts or could not find out, whatever proves it', () => {
    for (const answer of [
      { kind: 'present' },
      { kind: 'forbidden', error: 'x' },
      { kind: 'failed', error: 'x' },
    ] as const) {
      const proved: Waiting = { ...waiting, answer, proof: 'address-reused', isOver: true };
      assert.deepEqual(judge(proved, false), { kind: 'hold', because: answer.kind });
    }
  });

  test('never passes anything that no read confirmed, nor anything unproved too soon when tripped', () => {
    const answer = fc.constantFrom<ReadAnswer | undefined>(
      undefined,
      { kind: 'absent' },
      { kind: 'unchanged' },
      { kind: 'present' },
      { kind: 'failed', error: '' },
      { kind: 'forbidden', error: '' },
      { kind: 'explained', because: 'finished' },
    );
    const state = fc.record({
      sign: fc.constantFrom<Sign>('deleted', 'unlisted', 'unassigned', 'lost', 'absent', 'regressed'),
      order: fc.constantFrom<Waiting['order']>(undefined, 'release', 'pin'),
      answer,
      proof: fc.constantFrom<Waiting['proof']>(undefined, 'node-gone', 'address-reused', 'kubelet-reported'),
      hasSubject: fc.boolean(),
      settled: fc.boolean(),
      isOver: fc.boolean(),
    });
    fc.assert(
      fc.property(state, fc.boolean(), (state, tripped) => {
        const verdict = judge(state, tripped);
        if (verdict.kind !== 'pass' || state.order === 'release' || state.answer?.kind === 'explained')
          return;
        assert.ok(!tripped || state.proof !== undefined || state.isOver || state.sign === 'unlisted');
        assert.equal(state.settled, true);
        assert.equal(state.order, undefined);
        const isConfirmed = state.answer?.kind === 'absent' || state.answer?.kind === 'unchanged';
        assert.ok(isConfirmed || (!state.hasSubject && state.answer === undefined));
      }),
    );
  });
});
