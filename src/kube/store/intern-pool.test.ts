import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InternPool } from './intern-pool.ts';

describe('InternPool', () => {
  test('gives one value for equal content', () => {
    const pool = new InternPool();
    const first = pool.value({ app: 'web' });
    assert.equal(pool.value({ app: 'web' }), first);
    assert.notEqual(pool.value({ app: 'api' }), first);
  });

  test('never takes a string for a value, whatever it looks like', () => {
    const pool = new InternPool();
    pool.value({ app: 'web' });
    assert.equal(pool.string('{"app":"web"}'), '{"app":"web"}');
  });

  test('forgets what was not asked for lately and never grows past two generations', () => {
    const pool = new InternPool({ entries: 10 });
    const kept = pool.value(['kept']);
    for (let index = 0; index < 1_000; index += 1) {
      pool.value([index]);
      assert.equal(pool.value(['kept']), kept);
    }
    assert.ok(pool.size <= 20, `${pool.size} entries`);
  });

  test('never holds more characters than two generations may, however long the values', () => {
    const pool = new InternPool({ characters: 10_000 });
    const kept = pool.value(['kept']);
    for (let index = 0; index < 1_000; index += 1) {
      pool.value(['x'.repeat(index), index]);
      pool.string(`${index}`.padEnd(index));
      assert.equal(pool.value(['kept']), kept);
    }
    assert.ok(pool.characters <= 4 * 10_000, `${pool.characters} characters`);
  });

  test('does not share a value that would fill it alone', () => {
    const pool = new InternPool({ characters: 100 });
    const long = ['x'.repeat(100)];
    assert.equal(pool.value(long), long);
    assert.equal(pool.size, 0);
  });
});
