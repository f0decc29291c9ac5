import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FairShare } from './fair-share.ts';

function setUp(most: number) {
  const ended: string[] = [];
  const share = new FairShare(most);
  return { ended, enter: (address: string, name: string) => share.enter(address, () => ended.push(name)) };
}

describe('FairShare', () => {
  test('lets in as many as fit', () => {
    const { ended, enter } = setUp(2);
    enter('a', 'a1');
    enter('b', 'b1');
    assert.deepEqual(ended, []);
  });

  test('ends the oldest of the address that has the most', () => {
    const { ended, enter } = setUp(3);
    enter('quiet', 'q1');
    for (const name of ['g1', 'g2', 'g3', 'g4']) enter('greedy', name);
    enter('other', 'o1');
    assert.deepEqual(ended, ['g1', 'g2', 'g3']);
  });

  test('ends the oldest of all when all addresses have as many', () => {
    const { ended, enter } = setUp(2);
    for (const name of ['a', 'b', 'c', 'd']) enter(name, name);
    assert.deepEqual(ended, ['a', 'b']);
  });

  test('counts nothing that has gone, however often it is said', () => {
    const { ended, enter } = setUp(1);
    const first = enter('a', 'a1');
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    const second = enter('a', 'a2');
    enter('a', 'a3');
    second[Symbol.dispose]();
    enter('b', 'b1');
    assert.deepEqual(ended, ['a2', 'a3']);
  });
});
