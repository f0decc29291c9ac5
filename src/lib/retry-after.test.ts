import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { retryAfterMs } from './retry-after.ts';

describe('retryAfterMs()', () => {
  test('reads whole seconds, from a header or from JSON', () => {
    assert.deepEqual([retryAfterMs('7'), retryAfterMs(7), retryAfterMs('0')], [7_000, 7_000, 0]);
  });

  test('grants 30 s and no more, whatever is asked for', () => {
    for (const much of ['31', '3600', '999999999999', 3_600, Number.MAX_VALUE]) {
      assert.equal(retryAfterMs(much), 30_000);
    }
  });

  test('ignores what is no number of seconds', () => {
    const dates = ['Wed, 21 Oct 2026 07:28:00 GMT', '', ' 5', '-5', '1e9', '5, 6', '1'.repeat(400)];
    for (const other of [...dates, undefined, null, {}, [5], -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(retryAfterMs(other), undefined, String(other));
    }
  });
});
