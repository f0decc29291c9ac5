import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { changedIds } from './changed-ids.ts';

describe('changedIds()', () => {
  test('finds what is new, gone or another object, wherever it stands', () => {
    const objects = [0, 1, 2, 3, 4, 5].flatMap((id) => [{ id }, { id }]);
    const entries = fc
      .uniqueArray(fc.constantFrom(...objects), { selector: ({ id }) => id })
      .map((some) => new Map(some.map((each) => [each.id, each])));
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        const expected = [...new Set([...before.keys(), ...after.keys()])].filter(
          (id) => before.get(id) !== after.get(id),
        );
        assert.deepEqual([...changedIds(before, after)].sort(), expected.sort());
      }),
    );
  });
});
