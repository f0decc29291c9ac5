import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LruMap } from './lru-map.ts';

describe('LruMap', () => {
  test('forgets what was not used for the longest time', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    assert.equal(map.get('a'), 1);
    map.set('c', 3);
    assert.deepEqual([map.get('a'), map.get('b'), map.get('c')], [1, undefined, 3]);
    assert.equal(map.size, 2);
  });

  test('setting an entry again uses it', () => {
    const map = new LruMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 4);
    map.set('c', 3);
    assert.deepEqual([map.get('a'), map.get('b')], [4, undefined]);
  });
});
