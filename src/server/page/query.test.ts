import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { emptyQuery, linkTo, queryOf } from './query.ts';

describe('queryOf()', () => {
  test('reads what linkTo() wrote', () => {
    const text = fc.string({ maxLength: 50 }).map((each) => each.toWellFormed().trim());
    const page = fc.integer({ min: 1, max: 100_000 });
    const query = fc.record(
      { q: text, sort: text, page, service: text, node: text, status: text },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(query, (each) => {
        assert.deepEqual(queryOf(linkTo('/instances', each)), each);
      }),
    );
    assert.equal(linkTo('/', emptyQuery), './');
  });

  test('takes a page that is no number, or a text without end, for none', () => {
    for (const page of ['0', '-1', '1.5', 'x', '', 'Infinity'])
      assert.equal(queryOf(`/?page=${page}`).page, 1);
    assert.equal(queryOf(`/?page=1e9`).page, 100_000);
    assert.equal(queryOf(`/?q=${'x'.repeat(5_000)}`).q.length, 200);
    assert.deepEqual(queryOf('/?__proto__=1&constructor=2&q=%E0%A4%A'), { ...emptyQuery, q: '\ufffd%A' });
  });
});
