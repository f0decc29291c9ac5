import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyEntry, applied, desired, entry, instance, observed, owner } from '../../test/support/entries.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { diff } from '../plan/diff.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { catalogFeatures } from '../plan/registry-features.ts';
import { UnsettledInstances } from './unsettled.ts';

/** A review that compares what may have changed, and what it compared. */
function review(instances: UnsettledInstances, wanted: NodeEntry, there: ObservedNode | undefined) {
  const node = desired(wanted);
  const unsettled = instances.of(node, there, catalogFeatures);
  const found = diff(node, there, { owner, unsettled });
  instances.reviewed(node, there, catalogFeatures, found.unsettled);
  return { unsettled, found };
}

describe('UnsettledInstances', () => {
  test('of a node that is as wanted is the one instance that becomes another', () => {
    const instances = new UnsettledInstances();
    const wanted = entry([instance('web-1'), instance('web-2')]);
    const there = observed(wanted);
    assert.equal(review(instances, wanted, there).unsettled, undefined, 'nothing is known yet');
    assert.deepEqual(review(instances, wanted, there).unsettled, new Set());
    const other = instance('web-2', { port: 9090 });
    const now = { ...wanted, instances: new Map(wanted.instances).set(other.id, other) };
    const { unsettled, found } = review(instances, now, there);
    assert.deepEqual(unsettled, new Set([other.id]));
    assert.deepEqual(review(instances, now, there).unsettled, unsettled, 'until it is written');
    const written = applied(there, found.changes);
    review(instances, now, written);
    assert.deepEqual(review(instances, now, written).unsettled, new Set());
  });

  test('are all when the server turns out to keep other fields, as what was equal may differ in these', () => {
    const instances = new UnsettledInstances();
    const wanted = entry([instance('web-1')]);
    const there = observed(wanted);
    review(instances, wanted, there);
    const features = { ...catalogFeatures, taggedAddresses: false };
    assert.equal(instances.of(desired(wanted), there, features), undefined);
  });

  test('are all that a comparison of everything finds, whatever happens to a node', () => {
    const step = fc.oneof(
      anyEntry.map((wanted) => ({ wanted })),
      anyEntry.map((there) => ({ there })),
      fc.constant('write' as const),
    );
    fc.assert(
      fc.property(anyEntry, fc.array(step, { maxLength: 8 }), (first, steps) => {
        const instances = new UnsettledInstances();
        let [wanted, there]: [NodeEntry, ObservedNode | undefined] = [first, undefined];
        for (const each of steps) {
          const { found } = review(instances, wanted, there);
          const all = diff(desired(wanted), there, { owner });
          assert.deepEqual([found.changes, found.findings], [all.changes, all.findings]);
          if (each === 'write') there = applied(there, found.changes);
          else if ('wanted' in each) {
            // What is kept of the one before is the same object.
            wanted = { ...wanted, instances: new Map([...wanted.instances, ...each.wanted.instances]) };
          } else {
            const other = observed(each.there);
            there = there && { ...there, instances: new Map([...there.instances, ...other.instances]) };
          }
        }
      }),
    );
  });
});
