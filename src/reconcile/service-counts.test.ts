import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NamedServices, otherServices, type StatusCounts } from './service-counts.ts';

const counts = (passing: number, critical = 0): StatusCounts => ({ passing, warning: 0, critical });

describe('NamedServices', () => {
  test('gives all of them while they are few enough', () => {
    const services = new Map([
      ['a', counts(1)],
      ['b', counts(2)],
    ]);
    assert.equal(new NamedServices(2).of(services), services);
  });

  test('names the largest and adds the others up', () => {
    const services = new Map([
      ['a', counts(1)],
      ['b', counts(5)],
      ['c', counts(1, 1)],
      ['d', counts(1, 0)],
    ]);
    assert.deepEqual(
      [...new NamedServices(2).of(services)],
      [
        ['b', counts(5)],
        ['c', counts(1, 1)],
        [otherServices, counts(2)],
      ],
    );
  });

  test('lets nobody push a service out that has its series, and gives free places on', () => {
    const named = new NamedServices(2);
    named.of(new Map([['a', counts(1)]]));
    const crowd = new Map(Array.from({ length: 100 }, (_, at) => [`x${at}`, counts(10 + at)] as const));
    assert.deepEqual(
      [...named.of(new Map([...crowd, ['a', counts(1)]])).keys()],
      ['x99', 'a', otherServices],
    );
    assert.deepEqual([...named.of(crowd).keys()], ['x98', 'x99', otherServices]);
    assert.deepEqual([...named.of(new Map([['b', counts(1)]])).keys()], ['b']);
  });
});
