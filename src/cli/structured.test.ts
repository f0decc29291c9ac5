import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { structured } from './structured.ts';

describe('structured()', () => {
  const value = { name: 'a\u001b[2J\u202e', none: undefined, list: [1, true, 'yes', '1:30', 'x: # y'] };
  const whole = { ...value, none: null };

  test('writes JSON and YAML that say the same, with null for what is undefined', () => {
    assert.deepEqual(JSON.parse(structured(value, 'json')), whole);
    assert.deepEqual(parse(structured(value, 'yaml')), whole);
  });

  test('lets no text command the terminal', () => {
    for (const as of ['json', 'yaml'] as const) {
      const text = structured(value, as);
      assert.ok(text.endsWith('\n'));
      assert.ok(!/[\p{Cc}\u202e]/u.test(text.replaceAll('\n', '')));
    }
  });
});
