import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compareResourceVersions } from './resource-version.ts';

describe('compareResourceVersions()', () => {
  test('orders decimal versions as integers of any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 80n }), fc.bigInt({ min: 1n, max: 2n ** 80n }), (a, b) => {
        const order = compareResourceVersions(String(a), String(b)) ?? Number.NaN;
        assert.equal(Math.sign(order), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test('does not compare anything else: to a client versions are opaque', () => {
    for (const other of ['', '0', '01', '-1', 'abc', '1.5']) {
      assert.equal(compareResourceVersions('1', other), undefined, other);
    }
  });
});
