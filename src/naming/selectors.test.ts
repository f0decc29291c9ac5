import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { freezeInstance, instanceKey, type ServiceInstance } from './instance.ts';
import { byMeta, byTag, consistentHash, rankByHash, weighted } from './selectors.ts';

function instance(id: string, parts: Partial<ServiceInstance> = {}): ServiceInstance {
  return freezeInstance({
    id,
    name: 'web',
    node: 'n1',
    address: '10.0.0.1',
    port: 80,
    protocol: undefined,
    tags: [],
    meta: {},
    state: 'passing',
    weight: 1,
    ...parts,
  });
}

const instances = (options: { minLength?: number; maxWeight?: number } = {}) =>
  fc
    .uniqueArray(fc.record({ id: fc.string(), weight: fc.nat({ max: options.maxWeight ?? 10 }) }), {
      selector: ({ id }) => id,
      minLength: options.minLength ?? 0,
      maxLength: 12,
    })
    .map((list) => list.map(({ id, weight }) => instance(id, { weight })));
const keys = fc.array(fc.string(), { minLength: 1, maxLength: 50 });
const homes = (list: readonly ServiceInstance[], wanted: readonly string[]) =>
  wanted.map((key) => consistentHash(list, key));
const numbered = (count: number) => Array.from({ length: count }, (_, at) => instance(`i${at}`));

/** How often each id comes up, as a share. */
function shares(ids: readonly (string | undefined)[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const id of ids) result[id ?? ''] = (result[id ?? ''] ?? 0) + 1 / ids.length;
  return result;
}

describe('byTag() and byMeta()', () => {
  test('keep those that carry everything asked for', () => {
    const a = instance('a', { tags: ['x', 'y'], meta: { zone: '1', rack: '2' } });
    const b = instance('b', { tags: ['x'], meta: { zone: '1' } });
    assert.deepEqual(byTag([a, b], 'x'), [a, b]);
    assert.deepEqual(byTag([a, b], 'y', 'x'), [a]);
    assert.deepEqual(byTag([a, b]), [a, b]);
    assert.deepEqual(byMeta([a, b], { zone: '1' }), [a, b]);
    assert.deepEqual(byMeta([a, b], { zone: '1', rack: '2' }), [a]);
    assert.deepEqual(byMeta([a, b], { zone: '2' }), []);
  });
});

describe('weighted()', () => {
  test('gives nothing for nothing', () => {
    assert.equal(weighted([]), undefined);
  });

  test('gives each its share', () => {
    const list = [instance('a', { weight: 1 }), instance('b', { weight: 3 }), instance('c', { weight: 0 })];
    let at = 0;
    const picks = Array.from({ length: 400 }, () => weighted(list, () => at++ / 400)?.id);
    assert.deepEqual(
      Object.entries(shares(picks)).map(([id, share]) => [id, share.toFixed(2)]),
      [
        ['a', '0.25'],
        ['b', '0.75'],
      ],
    );
  });

  test('always gives one of the list, weight 0 only when all have it', () => {
    fc.assert(
      fc.property(instances({ minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (list, draw) => {
        const picked = weighted(list, () => draw);
        assert.ok(picked !== undefined && list.includes(picked));
        assert.ok(picked.weight > 0 || list.every(({ weight }) => weight === 0));
      }),
    );
  });
});

describe('consistentHash()', () => {
  test('gives nothing for nothing', () => {
    assert.equal(consistentHash([], 'key'), undefined);
  });

  test('is the same in every release: a change here moves every consumer', () => {
    const ids = homes(numbered(5), ['a', 'b', 'c', 'user:42', 'ключ']).map((home) => home?.id);
    assert.deepEqual(ids, ['i4', 'i4', 'i3', 'i2', 'i0']);
  });

  test('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(instances(), keys, (list, wanted) => {
        assert.deepEqual(homes(list.toReversed(), wanted), homes(list, wanted));
      }),
    );
  });

  test('an instance that comes takes keys only for itself', () => {
    fc.assert(
      fc.property(instances({ minLength: 2, maxWeight: 10 }), keys, (list, wanted) => {
        const newcomer = list[0]!;
        fc.pre(list.slice(1).some(({ weight }) => weight > 0) || newcomer.weight === 0);
        const before = homes(list.slice(1), wanted);
        for (const [at, home] of homes(list, wanted).entries()) {
          assert.ok(home === before[at] || home === newcomer);
        }
      }),
    );
  });

  test('an instance that goes gives up only its own keys, each to the next of its ranking', () => {
    fc.assert(
      fc.property(instances({ minLength: 2 }), keys, (list, wanted) => {
        const gone = list[0]!;
        for (const key of wanted) {
          const ranked = rankByHash(list, key);
          assert.deepEqual(
            rankByHash(list.slice(1), key).map(instanceKey),
            ranked.filter((one) => one !== gone).map(instanceKey),
          );
        }
      }),
    );
  });

  test('an instance that gains weight takes keys only for itself', () => {
    fc.assert(
      fc.property(
        instances({ minLength: 2 }),
        fc.integer({ min: 1, max: 100 }),
        keys,
        (list, more, wanted) => {
          fc.pre(list.some(({ weight }) => weight > 0));
          const grown = { ...list[0]!, weight: list[0]!.weight + more };
          const before = homes(list, wanted);
          for (const [at, home] of homes([grown, ...list.slice(1)], wanted).entries()) {
            assert.ok(home === before[at] || home === grown);
          }
        },
      ),
    );
  });

  test('spreads keys evenly, and by weight', () => {
    const wanted = Array.from({ length: 20_000 }, (_, at) => `session-${at}`);
    const even = shares(homes(numbered(10), wanted).map((home) => home?.id));
    for (const share of Object.values(even)) assert.ok(Math.abs(share - 0.1) < 0.01, `${share}`);

    const list = [instance('a', { weight: 1 }), instance('b', { weight: 3 })];
    const byWeight = shares(homes(list, wanted).map((home) => home?.id));
    assert.ok(Math.abs(byWeight['b']! - 0.75) < 0.02, `${byWeight['b']}`);
  });

  test('weight 0 comes last in the ranking', () => {
    fc.assert(
      fc.property(instances(), fc.string(), (list, key) => {
        const weights = rankByHash(list, key).map(({ weight }) => weight > 0);
        assert.deepEqual(
          weights,
          weights.toSorted((a, b) => Number(b) - Number(a)),
        );
      }),
    );
  });
});
