import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nextReplicas, type Replicas } from './rollout.ts';
import type { Deployment } from './shapes.ts';

const spec = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
  ({
    replicas,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  }) as Deployment['spec'];

const set = (name: string, desired: number, available = desired): Replicas => ({
  name,
  desired,
  available,
  current: desired,
});

const moves = (next: ReadonlyMap<string, number>) => Object.fromEntries(next);

describe('nextReplicas()', () => {
  test('a first rollout takes all at once', () => {
    assert.deepEqual(moves(nextReplicas(spec(5, '25%', '25%'), set('new', 0), [])), { new: 5 });
  });

  test('surges up first and takes down as many old ones as may be missing', () => {
    assert.deepEqual(moves(nextReplicas(spec(4, 1, 1), set('new', 0), [set('old', 4)])), { new: 1, old: 3 });
  });

  test('waits while the new ones are not available', () => {
    assert.deepEqual(moves(nextReplicas(spec(3, 1, 0), set('new', 1, 0), [set('old', 3)])), {});
    assert.deepEqual(moves(nextReplicas(spec(3, 1, 0), set('new', 1, 1), [set('old', 3)])), { old: 2 });
  });

  test('removes old ones that are not available before those that are', () => {
    const next = nextReplicas(spec(4, 1, 1), set('new', 1, 1), [set('older', 2, 2), set('old', 2, 1)]);
    assert.deepEqual(moves(next), { older: 1, old: 1 });
  });

  test('with neither surge nor slack still moves one at a time', () => {
    assert.deepEqual(moves(nextReplicas(spec(3, 0, 0), set('new', 0), [set('old', 3)])), { old: 2 });
  });

  test('Recreate brings new ones up only when the old ones are gone', () => {
    const recreate = { replicas: 2, strategy: { type: 'Recreate' } } as Deployment['spec'];
    assert.deepEqual(moves(nextReplicas(recreate, set('new', 0), [set('old', 2)])), { old: 0 });
    const ending = { ...set('old', 0), current: 1 };
    assert.deepEqual(moves(nextReplicas(recreate, set('new', 0), [ending])), {});
    assert.deepEqual(moves(nextReplicas(recreate, set('new', 0), [set('old', 0)])), { new: 2 });
  });

  test('always arrives, within the limits of the strategy at every step', () => {
    const sizes = fc.record({
      replicas: fc.integer({ min: 1, max: 30 }),
      surge: fc.integer({ min: 0, max: 10 }),
      unavailable: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(sizes, ({ replicas, surge, unavailable }) => {
        const slack = surge + unavailable === 0 ? 1 : unavailable;
        let [fresh, old] = [0, replicas];
        for (let step = 0; step < 100 && (fresh !== replicas || old !== 0); step += 1) {
          const next = nextReplicas(spec(replicas, surge, unavailable), set('new', fresh), [set('old', old)]);
          assert.ok(next.size > 0, `stuck at ${fresh} new and ${old} old`);
          // The worst moment: old ones are gone, new ones not yet available.
          const least = Math.min(fresh, next.get('new') ?? fresh) + (next.get('old') ?? old);
          assert.ok(least >= replicas - slack, `${least} available of ${replicas}`);
          [fresh, old] = [next.get('new') ?? fresh, next.get('old') ?? old];
          assert.ok(fresh + old <= replicas + surge || fresh + old <= replicas);
        }
        assert.deepEqual([fresh, old], [replicas, 0]);
      }),
    );
  });
});
