import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyEntry, entry, instance, observed, readiness } from '../../test/support/entries.ts';
import { ById } from '../lib/by-id.ts';
import { instanceId, serviceName } from '../model/keys.ts';
import { checkChanges, instanceChanges, writtenCheck } from './fields.ts';
import type { ObservedNode } from './observed.ts';
import { isSameInstance, isSameWritten, withKnownInstances, withWantedValues } from './same-entries.ts';

describe('equal at first sight', () => {
  test('only what has no difference in its fields', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (one, other) => {
        for (const a of one.instances.values()) {
          for (const b of other.instances.values()) {
            if (isSameInstance(a, b)) assert.deepEqual(instanceChanges(a, b), []);
            const [first, second] = [a, b].map(
              ({ checks: [check], ...rest }) => check && writtenCheck(check, rest),
            );
            if (first === undefined || second === undefined) continue;
            if (isSameWritten(first, second)) assert.deepEqual(checkChanges(first, second), []);
          }
        }
      }),
    );
  });

  test('no instance of which any field differs', () => {
    const tagged = { lan_ipv4: { address: '10.0.0.1', port: 80 } };
    const one = instance('a', { meta: { a: '1', b: '2' }, taggedAddresses: tagged });
    assert.ok(isSameInstance(one, structuredClone(one)));
    for (const other of [
      { service: serviceName('api') },
      { address: '10.0.0.2' },
      { port: 1 },
      { tags: ['a'] },
      { tags: ['a', 'c'] },
      { tags: ['b', 'a'] },
      { meta: { a: '1' } },
      { meta: { a: '1', b: '3' } },
      { meta: { a: '1', c: '2' } },
      { weights: { passing: 2, warning: 1 } },
      { weights: { passing: 1, warning: 2 } },
      { taggedAddresses: {} },
      { taggedAddresses: { lan_ipv4: { address: '10.0.0.2', port: 80 } } },
      { taggedAddresses: { lan_ipv4: { address: '10.0.0.1', port: 81 } } },
    ]) {
      assert.ok(!isSameInstance(one, { ...one, ...other }), JSON.stringify(other));
      assert.ok(!isSameInstance({ ...one, ...other }, one), JSON.stringify(other));
    }
  });

  test('no check of which any field differs', () => {
    const one = writtenCheck(readiness('a'), instance('a'));
    assert.ok(isSameWritten(one, structuredClone(one)));
    for (const field of ['name', 'type', 'status', 'output', 'notes', 'serviceName'] as const) {
      assert.ok(!isSameWritten(one, { ...one, [field]: 'another' }), field);
    }
    assert.ok(!isSameWritten(one, { ...one, serviceTags: ['a'] }));
  });
});

/** With values of its own, equal to those of the given one. */
const asRead = (node: ObservedNode): ObservedNode => ({
  ...structuredClone({ ...node, instances: undefined }),
  instances: new ById(structuredClone([...node.instances.values()])),
});

describe('withKnownInstances()', () => {
  test('says what the reading says', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, fc.constantFrom(10, 20), (before, after, index) => {
        const fresh = observed(after, index);
        const read = withKnownInstances(fresh, observed(before, 10));
        assert.deepEqual(
          { ...read, instances: new Map(read.instances) },
          { ...fresh, instances: new Map(fresh.instances) },
        );
      }),
    );
  });

  test('keeps the instances that are as they were, and no others', () => {
    const known = observed(entry([instance('a'), instance('b'), instance('c')]));
    const failing = { checks: [readiness('b', 'critical')] };
    const read = withKnownInstances(observed(entry([instance('a'), instance('b', failing)])), known);
    const isKept = (id: string) => read.instances.get(instanceId(id)) === known.instances.get(instanceId(id));
    assert.deepEqual(['a', 'b'].map(isKept), [true, false]);
    assert.equal(read.instances.size, 2);
  });

  test('keeps all instances together when they are as they were', () => {
    const [known, fresh] = [
      observed(entry([instance('a'), instance('b')])),
      observed(entry([instance('b'), instance('a')])),
    ];
    assert.equal(withKnownInstances(fresh, known).instances, known.instances);
    const fewer = observed(entry([instance('a')]));
    assert.deepEqual([...withKnownInstances(fewer, known).instances.keys()], ['a']);
    assert.deepEqual([...withKnownInstances(known, fewer).instances.keys()].sort(), ['a', 'b']);
  });
});

describe('withWantedValues()', () => {
  test('says what is observed', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (wanted, there) => {
        const seen = asRead(observed(there));
        assert.deepEqual(withWantedValues(seen, wanted.instances.values()), seen);
      }),
    );
  });

  test('holds the values of what is as wanted, and of nothing else', () => {
    const wanted = entry([instance('a'), instance('b')]);
    const seen = asRead(observed(entry([instance('a'), instance('b', { port: 1 })])));
    const shared = withWantedValues(seen, wanted.instances.values());
    const isShared = (id: string) => {
      const [there, want] = [shared, wanted].map((of) => of.instances.get(instanceId(id)));
      return there?.meta === want?.meta && there?.tags === want?.tags;
    };
    assert.deepEqual(['a', 'b'].map(isShared), [true, false]);
    assert.equal(withWantedValues(shared, wanted.instances.values()), shared);
  });
});
