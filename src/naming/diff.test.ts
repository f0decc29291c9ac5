import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { diffInstances, isEmptyDiff } from './diff.ts';
import { instanceKey, type ServiceInstance } from './instance.ts';

const instance = fc.record(
  {
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    name: fc.constant('web'),
    node: fc.constantFrom('n1', 'n2'),
    address: fc.constant('10.0.0.1'),
    port: fc.constantFrom(80, 81),
    protocol: fc.constant(undefined),
    tags: fc.subarray(['x', 'y']),
    meta: fc.constantFrom<Record<string, string>>({}, { zone: '1' }),
    state: fc.constantFrom('passing' as const, 'warning' as const),
    weight: fc.constantFrom(1, 2),
  },
  { noNullPrototype: true },
) satisfies fc.Arbitrary<ServiceInstance>;
const list = fc.uniqueArray(instance, { selector: instanceKey });

describe('diffInstances()', () => {
  test('of equal lists is empty', () => {
    fc.assert(
      fc.property(list, (same) => assert.ok(isEmptyDiff(diffInstances(same, structuredClone(same))))),
    );
  });

  test('applied to the list before gives the list after', () => {
    fc.assert(
      fc.property(list, list, (before, after) => {
        const { added, removed, changed } = diffInstances<ServiceInstance>(before, after);
        const applied = new Map<string, ServiceInstance>(before.map((one) => [instanceKey(one), one]));
        for (const one of removed) assert.ok(applied.delete(instanceKey(one)));
        for (const one of added) assert.ok(!applied.has(instanceKey(one)));
        for (const one of added) applied.set(instanceKey(one), one);
        for (const one of changed) {
          assert.notDeepEqual(one.before, one.after);
          assert.equal(applied.get(instanceKey(one.after)), one.before);
          applied.set(instanceKey(one.after), one.after);
        }
        assert.deepEqual(applied, new Map(after.map((one) => [instanceKey(one), one])));
      }),
    );
  });
});
