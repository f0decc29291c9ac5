import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { desired, entry, instance } from '../../test/support/entries.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { WarmUp } from '../model/instance.ts';
import { warmedUp, warmUpSteps } from './warm-up.ts';

const since = Date.UTC(2026, 0, 1);
const weights = { passing: 100, warning: 30 };
const warming = (...args: Parameters<typeof instance>): DesiredNode => ({
  ...desired(entry([instance(...args)])),
  warms: true,
});
const node = (warmup?: WarmUp) => warming('a', { weights, ...(warmup === undefined ? {} : { warmup }) });

/** Weight and state of the one instance, and how long they last. */
function at(warmup: WarmUp | undefined, wall: number) {
  const { node: now, nextInMs } = warmedUp(node(warmup), wall);
  const [one] = now.entry!.instances.values();
  assert.ok(!('warmup' in one!) || one.warmup === undefined);
  return [one!.weights.passing, one!.weights.warning, one!.meta['service_state'], nextInMs];
}

describe('warmedUp()', () => {
  test('leaves an instance without a warm-up alone', () => {
    const before = node();
    assert.equal(warmedUp(before, since).node, before);
  });

  test('grows in five steps from 1 to the full weight, and from young to adult', () => {
    const warmup = { durationMs: 50_000, since };
    assert.deepEqual(at(warmup, since), [1, 1, 'young', 10_000]);
    assert.deepEqual(at(warmup, since + 9_999), [1, 1, 'young', 1]);
    assert.deepEqual(at(warmup, since + 10_000), [20, 20, 'young', 10_000]);
    assert.deepEqual(at(warmup, since + 25_000), [40, 30, 'young', 5_000]);
    assert.deepEqual(at(warmup, since + 40_000), [80, 30, 'young', 10_000]);
    assert.deepEqual(at(warmup, since + 50_000), [100, 30, 'adult', undefined]);
  });

  test('is young for as long as its pod is not Ready, and waits for nothing but that', () => {
    assert.deepEqual(at({ durationMs: 50_000, since: undefined }, since), [1, 1, 'young', undefined]);
  });

  test('a clock that is behind the API server begins with the first step', () => {
    assert.deepEqual(at({ durationMs: 50_000, since }, since - 3_000), [1, 1, 'young', 13_000]);
  });

  test('the weight never falls and stays within its bounds; following the steps needs at most six states', () => {
    const lengths = fc.integer({ min: 1, max: 3_600_000 });
    const part = {
      passing: fc.integer({ min: 1, max: 65_535 }),
      warning: fc.integer({ min: 0, max: 65_535 }),
    };
    fc.assert(
      fc.property(lengths, fc.record(part), (durationMs, full) => {
        const growing = warming('a', { weights: full, warmup: { durationMs, since } });
        let [wall, last, states] = [since, 0, 0];
        for (;;) {
          const { node: now, nextInMs } = warmedUp(growing, wall);
          const [one] = now.entry!.instances.values();
          states += 1;
          assert.ok(one!.weights.passing >= Math.max(1, last) && one!.weights.passing <= full.passing);
          assert.ok(one!.weights.warning <= full.warning);
          last = one!.weights.passing;
          if (nextInMs === undefined) {
            assert.deepEqual(one!.weights, full);
            assert.equal(one!.meta['service_state'], 'adult');
            break;
          }
          assert.ok(nextInMs > 0);
          wall += nextInMs;
        }
        assert.ok(states <= warmUpSteps + 1);
      }),
    );
  });
});
