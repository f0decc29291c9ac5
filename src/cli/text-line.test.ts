import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { textLine } from './text-line.ts';

const time = '2026-01-01T00:00:00.000Z';
const line = (fields: object, colour = false) =>
  textLine(JSON.stringify({ level: 'info', time, ...fields }), colour);

describe('textLine()', () => {
  test('puts time, level and message first, then the reason and the other fields', () => {
    assert.equal(
      line({ pod: 'shop/web-1', reason: 'Registered', durationMs: 12, msg: 'registered' }),
      `${time} INFO  registered reason=Registered pod=shop/web-1 durationMs=12\n`,
    );
  });

  test('says a cause once: in the message', () => {
    assert.equal(
      line({ msg: 'cannot read Consul: no answer', error: 'no answer', code: 'timeout' }),
      `${time} INFO  cannot read Consul: no answer code=timeout\n`,
    );
  });

  test('quotes what would not be clear', () => {
    assert.equal(
      line({ msg: 'm', empty: '', text: 'two words', list: ['a', 1], nothing: null }),
      `${time} INFO  m empty="" text="two words" list=["a",1] nothing=null\n`,
    );
  });

  test('lets no field or message forge a line or steer the terminal', () => {
    const forged = line({ msg: 'a\nb', text: `\u001b[31mred\n${time} ERROR forged` });
    assert.equal(forged.split('\n').length, 2);
    assert.ok(!forged.includes('\u001b'));
  });

  test('shows what would act: C1 controls, marks of direction, separators', () => {
    const text = 'a\u009b31m\u202eb\u2028c\u0085d';
    const shown = 'a\\u009b31m\\u202eb\\u2028c\\u0085d';
    assert.equal(
      line({ msg: text, text, list: [text] }),
      `${time} INFO  ${shown} text="${shown}" list=["${shown}"]\n`,
    );
  });

  test('colour adds nothing but escape sequences', () => {
    const fields = { reason: 'r', pod: 'p', msg: 'm' };
    assert.notEqual(line(fields, true), line(fields));
    assert.equal(stripVTControlCharacters(line(fields, true)), line(fields));
  });
});
