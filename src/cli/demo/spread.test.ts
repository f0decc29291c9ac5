import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { msText, spreadOf } from './spread.ts';

describe('spreadOf()', () => {
  test('is undefined for nothing', () => {
    assert.equal(spreadOf([]), undefined);
  });

  test('knows the median of an odd and of an even number, whatever their order', () => {
    assert.deepEqual(spreadOf([9, 1, 2]), { count: 3, median: 2, slowest: 9 });
    assert.deepEqual(spreadOf([4, 1, 2, 10]), { count: 4, median: 3, slowest: 10 });
  });
});

describe('msText()', () => {
  test('says a time as precisely as a person needs it', () => {
    assert.deepEqual([0, 1.24, 9.94, 9.96, 264.4, 1_000, 12_340].map(msText), [
      '0.0 ms',
      '1.2 ms',
      '9.9 ms',
      '10 ms',
      '264 ms',
      '1.0 s',
      '12.3 s',
    ]);
  });
});
