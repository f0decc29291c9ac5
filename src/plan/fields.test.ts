import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cappedOutput } from './fields.ts';

describe('cappedOutput()', () => {
  test('leaves a short output as it is', () => {
    assert.equal(cappedOutput('probe failed'), 'probe failed');
    assert.equal(cappedOutput('x'.repeat(4_096)), 'x'.repeat(4_096));
  });

  test('cuts to 4 KiB of whole characters, and cutting twice changes nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom('x', 'é', '€', '😀'), fc.integer({ min: 0, max: 3 }), (char, shift) => {
        const cut = cappedOutput('y'.repeat(shift) + char.repeat(5_000));
        assert.ok(Buffer.byteLength(cut) <= 4_096);
        assert.ok(!cut.includes('\ufffd'));
        assert.equal(cappedOutput(cut), cut);
      }),
    );
  });
});
