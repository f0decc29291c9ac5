import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from './secret.ts';

describe('Secret', () => {
  test('is redacted in JSON, in templates and when inspected, also inside other objects', () => {
    const secret = new Secret('hunter2');
    const texts = [JSON.stringify({ secret }), `${secret}`, inspect({ deep: [secret] }), String(secret)];
    for (const text of texts) {
      assert.match(text, /\[redacted\]/);
      assert.doesNotMatch(text, /hunter2/);
    }
  });

  test('has no enumerable way to its value', () => {
    assert.deepEqual(Object.entries(new Secret('hunter2')), []);
  });

  test('reveal() gives the value', () => assert.equal(new Secret('hunter2').reveal(), 'hunter2'));
});
