import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.ts';

test('Go durations are read', () => {
  assert.equal(parseDuration('1m30s'), 90_000);
  assert.equal(parseDuration('1.5s'), 1_500);
  assert.equal(parseDuration('10ms'), 10);
  assert.equal(parseDuration('0'), 0);
  for (const bad of ['', '10', 's', '1 s', 'ten']) assert.equal(parseDuration(bad), undefined, bad);
});

test('durations are written as Go does', () => {
  assert.deepEqual([0, 500, 10_000, 60_000, 86_400_000].map(formatDuration), [
    '0s',
    '500ms',
    '10s',
    '1m0s',
    '24h0m0s',
  ]);
});

test('what is written reads back', () => {
  fc.assert(
    fc.property(fc.nat(10 ** 9), (ms) => assert.equal(Math.round(parseDuration(formatDuration(ms))!), ms)),
  );
});
