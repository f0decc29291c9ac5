import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anObserved } from '../../test/support/observed-nodes.ts';
import { checkStatuses } from '../model/check.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { NamedServices, otherServices, ServiceCounts, type StatusCounts } from './service-counts.ts';

const counts = (passing: number, critical = 0): StatusCounts => ({ passing, warning: 0, critical });

describe('ServiceCounts', () => {
  test('counts the worst of instance and node, by service', () => {
    const nodes = [
      anObserved('n1', { web: ['passing', 'critical'], api: ['warning'] }),
      anObserved('n2', { web: ['passing'] }, 'critical'),
    ];
    assert.deepEqual(
      new ServiceCounts(() => nodes).now,
      new Map([
        ['web', counts(1, 2)],
        ['api', { passing: 0, warning: 1, critical: 0 }],
      ]),
    );
  });

  test('counts the same, whatever nodes came, changed and went between the looks', async () => {
    const status = fc.constantFrom(...checkStatuses);
    const node = fc.record({
      name: fc.constantFrom('n1', 'n2', 'n3'),
      services: fc.dictionary(fc.constantFrom('web', 'api', 'db'), fc.array(status, { maxLength: 3 })),
      status,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uniqueArray(node, { selector: ({ name }) => name })), async (looks) => {
        let nodes: readonly ObservedNode[] = [];
        const kept = new ServiceCounts(() => nodes);
        for (const look of looks) {
          nodes = look.map(({ name, services, status }) => anObserved(name, services, status));
          const counted = await kept.inSlices(() => Promise.resolve());
          assert.deepEqual(counted, new ServiceCounts(() => nodes).now);
        }
      }),
    );
  });
});

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
