import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fit, paint, span, wrap } from './span.ts';

const text = (line: ReturnType<typeof fit>) => paint(line, false);

describe('fit()', () => {
  const line = [span('abc', 'good'), span('defgh')];

  test('leaves a line that fits alone', () => {
    assert.equal(fit(line, 8, '…'), line);
  });

  test('cuts a longer one to the width, with a sign that something was cut', () => {
    assert.deepEqual(
      [7, 4, 3, 1, 0].map((width) => text(fit(line, width, '…'))),
      ['abcdef…', 'abc…', 'ab…', '…', ''],
    );
    assert.equal(text(fit(line, 2, '...')), '..');
  });
});

describe('paint()', () => {
  test('gives a tone its escape sequences, and none without colour', () => {
    assert.equal(paint([span('ok', 'good'), span(' plain')], true), '\u001b[32mok\u001b[39m plain');
    assert.equal(paint([span('ok', 'good'), span(' plain')], false), 'ok plain');
  });
});

describe('wrap()', () => {
  test('breaks between words, and leaves a word that is too long whole', () => {
    assert.deepEqual(wrap('one two three, extraordinarily long', 9), [
      'one two',
      'three,',
      'extraordinarily',
      'long',
    ]);
  });
});
