import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyEntry, entry, instance, observed, readiness } from '../../test/support/entries.ts';
import { instanceId } from '../model/keys.ts';
import { withKnownInstances, withWantedValues } from './same-entries.ts';

describe('withKnownInstances()', () => {
  test('says what the reading says', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, fc.constantFrom(10, 20), (before, after, index) => {
        const fresh = observed(after, index);
        assert.deepEqual(withKnownInstances(fresh, observed(before, 10)), fresh);
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
});

describe('withWantedValues()', () => {
  test('says what is observed', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (wanted, there) => {
        const seen = structuredClone(observed(there));
        assert.deepEqual(structuredClone(withWantedValues(seen, wanted.instances)), seen);
      }),
    );
  });

  test('holds the values of what is as wanted, and of nothing else', () => {
    const wanted = entry([instance('a'), instance('b')]);
    const seen = structuredClone(observed(entry([instance('a'), instance('b', { port: 1 })])));
    const shared = withWantedValues(seen, wanted.instances);
    const isShared = (id: string) => {
      const [there, want] = [shared, wanted].map((of) => of.instances.get(instanceId(id)));
      return there?.meta === want?.meta && there?.tags === want?.tags;
    };
    assert.deepEqual(['a', 'b'].map(isShared), [true, false]);
    assert.equal(withWantedValues(shared, wanted.instances), shared);
  });
});
