import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { absences } from './absences.ts';

/** `[[0, 'ab'], [5, 'b']]`: from 0 on a and b, from 5 on b. */
const history = (...moments: readonly (readonly [number, string])[]) =>
  moments.map(([at, addresses]) => ({ at, addresses: new Set(addresses) }));

describe('absences()', () => {
  const options = { graceMs: 2, until: 20 };

  test('finds nothing while all that is ready is found', () => {
    assert.deepEqual(absences(history([0, 'ab']), history([0, 'abc']), options), []);
  });

  test('says which address was missing, and when', () => {
    const found = history([0, 'ab'], [5, 'a'], [7, 'ab'], [15, '']);
    assert.deepEqual(absences(history([0, 'ab']), found, options), [
      { address: 'a', from: 15, to: 20 },
      { address: 'b', from: 5, to: 7 },
      { address: 'b', from: 15, to: 20 },
    ]);
  });

  test('grants time after it became ready and before it ceased to be', () => {
    const ready = history([0, 'a'], [4, 'ab'], [12, 'b']);
    assert.deepEqual(absences(ready, history([0, 'a'], [6, 'ab'], [10, 'b']), options), []);
    assert.deepEqual(absences(ready, history([0, 'a'], [7, 'ab'], [9, 'b']), options), [
      { address: 'a', from: 9, to: 10 },
      { address: 'b', from: 6, to: 7 },
    ]);
  });
});
