import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration()', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['1.s', 1_000],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
    ['10us', 0.01],
    ['10µs', 0.01],
  ] as const) {
    test(`reads ${text} as ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  for (const text of [
    '',
    '60',
    's',
    '-1s',
    '+1s',
    '1 s',
    '1d',
    '1s ',
    '1.2.3s',
    '1e3s',
    '.s',
    '∞s',
    '1'.repeat(100_000),
    '1s'.repeat(33),
  ]) {
    test(`refuses ${JSON.stringify(text.slice(0, 70))}`, () => assert.equal(parseDuration(text), undefined));
  }

  test('never throws, and what it reads is a finite number that is not negative', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,400}(ms|s|m|h)$/)), (text) => {
        const ms = parseDuration(text);
        return ms === undefined || (Number.isFinite(ms) && ms >= 0);
      }),
    );
  });
});

describe('formatDuration()', () => {
  test('writes what parseDuration() reads back', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000_000), (ms) => Math.abs(parseDuration(formatDuration(ms))! - ms) < 0.001),
    );
  });

  test('leaves out parts that are zero', () => {
    assert.deepEqual([0, 250, 1_500, 60_000, 90_000, 3_600_000].map(formatDuration), [
      '0s',
      '250ms',
      '1.5s',
      '1m',
      '1m30s',
      '1h',
    ]);
  });
});
