import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cutToBytes } from './cut-to-bytes.ts';

describe('cutToBytes()', () => {
  test('never exceeds the limit nor cuts a character, and leaves alone what fits', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 3, max: 40 }),
        (text, limit) => {
          const cut = cutToBytes(text, limit);
          assert.ok(Buffer.byteLength(cut) <= limit);
          if (Buffer.byteLength(text) <= limit) assert.equal(cut, text);
          else assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)));
        },
      ),
    );
  });
});
