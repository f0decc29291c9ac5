import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countUpTo, loadSize, mostPods, mostServices } from './load-size.ts';
import { loadOf } from './workloads.ts';

describe('loadSize()', () => {
  test('is nothing unless asked for, and takes the other number from the one that is given', () => {
    assert.deepEqual(loadSize(undefined, undefined), { services: 0, pods: 0 });
    assert.deepEqual(loadSize(5, undefined), { services: 5, pods: 50 });
    assert.deepEqual(loadSize(undefined, 25), { services: 3, pods: 25 });
    assert.deepEqual(loadSize(undefined, mostPods), { services: mostServices, pods: mostPods });
    assert.deepEqual(loadSize(2, 7), { services: 2, pods: 7 });
  });

  test('refuses services without a pod', () => {
    assert.equal(loadSize(5, 4), '5 services need at least as many pods, not 4');
  });
});

test('countUpTo() takes whole numbers from 1 to its limit', () => {
  assert.equal(countUpTo(100)('100'), 100);
  for (const text of ['0', '101', '-1', '1.5', '1e2', '', ' 1', '99999999999999999999']) {
    assert.throws(() => countUpTo(100)(text), /Write a whole number from 1 to 100/, text);
  }
});

test('loadOf() spreads the pods evenly over the services, with the prefix before their names', () => {
  const load = loadOf('demo-', { services: 3, pods: 8 });
  assert.deepEqual(
    load.map(({ service, app, replicas }) => [service, app, replicas]),
    [
      ['demo-load-1', 'load-1', 3],
      ['demo-load-2', 'load-2', 3],
      ['demo-load-3', 'load-3', 2],
    ],
  );
  assert.deepEqual(loadOf('', { services: 0, pods: 0 }), []);
});
