import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { suggest } from './suggest.ts';

describe('suggest()', () => {
  const keys = ['addresses', 'token', 'tokenFile', 'caFile', 'verify'];

  for (const [word, meant] of [
    ['adresses', 'addresses'],
    ['tokne', 'token'],
    ['tokenfile', 'tokenFile'],
    ['cafile', 'caFile'],
    ['verfy', 'verify'],
  ] as const) {
    test(`takes ${word} for ${meant}`, () => assert.equal(suggest(word, keys), meant));
  }

  test('is silent when nothing is near', () => {
    assert.equal(suggest('password', keys), undefined);
    assert.equal(suggest('x', []), undefined);
  });

  test('finds a candidate in itself, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (word) => suggest(word, [word]) === word));
  });
});
