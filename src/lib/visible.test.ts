import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { visible, visibleLines } from './visible.ts';

describe('visible()', () => {
  const rows: [name: string, characters: string][] = [
    ['escape sequences', '\u001b\u0007\b\r\n\0\u007f'],
    ['C1 controls', '\u0080\u0085\u009b\u009f'],
    [
      'marks and overrides of direction',
      '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069',
    ],
    ['line and paragraph separators', '\u2028\u2029'],
    ['halves of surrogate pairs', '\ud800\udfff'],
  ];
  for (const [name, characters] of rows) {
    test(`writes ${name} as escapes`, () => {
      for (const character of characters.split('')) {
        const shown = visible(`a${character}b`);
        assert.match(shown, /^a\\u[0-9a-f]{4}b$/);
        // What stood there can still be told.
        assert.equal(JSON.parse(`"${shown}"`), `a${character}b`);
      }
    });
  }

  test('leaves all other text alone', () => {
    for (const text of ['shop/web-1 "x" \\ {}', 'Größe 日本語 😀 עברית', '\u00a0\u200b\u200d']) {
      assert.equal(visible(text), text);
    }
  });

  test('does not change what a JSON text means', () => {
    const value = { '\u202e': ['\u009b1m', '\u2028', { a: '\u001b' }] };
    assert.deepEqual(JSON.parse(visible(JSON.stringify(value))), value);
    assert.deepEqual(JSON.parse(visibleLines(JSON.stringify(value, undefined, 2))), value);
  });
});

test('visibleLines() keeps line feeds', () => {
  assert.equal(visibleLines('a\nb\u001b\r\n'), 'a\nb\\u001b\\u000d\n');
});
