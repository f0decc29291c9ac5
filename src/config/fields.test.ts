import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDuration } from '../lib/duration.ts';
import { durationPattern } from './fields.ts';

describe('durationPattern', () => {
  test('is of what parseDuration() reads', () => {
    const pieces = ['0', '1', '7', '.', 'ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h', 'd', '-', ' '];
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((chosen) => chosen.join(''));
    const pattern = new RegExp(durationPattern);
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(pattern.test(text), parseDuration(text) !== undefined, text);
      }),
    );
  });
});
