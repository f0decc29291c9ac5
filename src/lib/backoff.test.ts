import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Backoff } from './backoff.ts';

describe('Backoff', () => {
  test('doubles the upper bound up to the maximum', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 1 });
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => backoff.next()),
      [100, 200, 400, 800, 1_000, 1_000],
    );
  });

  test('draws from the whole range down to zero', () => {
    assert.equal(new Backoff({ initialMs: 100, random: () => 0 }).next(), 0);
  });

  test('never waits less than the server asked for', () => {
    assert.equal(new Backoff({ initialMs: 100, random: () => 0.5 }).next(2_000), 2_000);
  });

  test('starts again after reset()', () => {
    const backoff = new Backoff({ initialMs: 100, random: () => 1 });
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 100);
  });
});
