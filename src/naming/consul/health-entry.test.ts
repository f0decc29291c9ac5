import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { healthInstances } from './health-entry.ts';

/** An entry as Consul sends it, with one part replaced. */
function entryWith(part: 'Node' | 'Service' | 'Checks', value: unknown): string {
  const entry = {
    Node: { Node: 'n1', Address: '10.0.0.1' },
    Service: { ID: 'a', Service: 'web', Address: '', Port: 80, Tags: ['x'], Meta: { zone: '1' } },
    Checks: [{ CheckID: 'c', Status: 'passing' }],
  };
  const base = part === 'Checks' ? undefined : entry[part];
  return JSON.stringify([
    { ...entry, [part]: base === undefined ? value : { ...base, ...(value as object) } },
  ]);
}

describe('healthInstances()', () => {
  test('takes null, and what is left out, for empty', () => {
    const body = [
      {
        Node: { Node: 'n1', Address: '10.0.0.1' },
        Service: { ID: 'a', Service: 'web', Tags: null, Meta: null },
        Checks: null,
      },
    ];
    const [instance] = healthInstances(body);
    assert.deepEqual(instance, {
      id: 'a',
      name: 'web',
      node: 'n1',
      address: '10.0.0.1',
      port: 0,
      protocol: undefined,
      tags: [],
      meta: {},
      state: 'passing',
      weight: 1,
    });
  });

  for (const [body, message] of [
    ['{}', 'the answer: expected a list, got an object'],
    ['null', 'the answer: expected a list, got nothing'],
    ['[7]', 'the answer[0]: expected an object, got a number'],
    ['[{"Node":{"Node":"n"}}]', 'the answer[0].Service: expected an object, got nothing'],
    [entryWith('Node', { Node: 7 }), 'the answer[0].Node.Node: expected a text, got a number'],
    [entryWith('Node', { Address: ['x'] }), 'the answer[0].Node.Address: expected a text, got a list'],
    [entryWith('Service', { ID: null }), 'the answer[0].Service.ID: expected a text, got nothing'],
    [entryWith('Service', { Service: {} }), 'the answer[0].Service.Service: expected a text, got an object'],
    [entryWith('Service', { Address: 1 }), 'the answer[0].Service.Address: expected a text, got a number'],
    [
      entryWith('Service', { Port: '80' }),
      'the answer[0].Service.Port: expected a whole number, got a string',
    ],
    [
      entryWith('Service', { Port: 1.5 }),
      'the answer[0].Service.Port: expected a whole number, got a number',
    ],
    [entryWith('Service', { Tags: 'x' }), 'the answer[0].Service.Tags: expected a list, got a string'],
    [
      entryWith('Service', { Tags: ['x', 1] }),
      'the answer[0].Service.Tags[1]: expected a text, got a number',
    ],
    [entryWith('Service', { Meta: [] }), 'the answer[0].Service.Meta: expected an object, got a list'],
    [
      entryWith('Service', { Meta: { secret: 1 } }),
      'the answer[0].Service.Meta: expected a text, got a number',
    ],
    [
      entryWith('Service', { Weights: { Passing: '5' } }),
      'the answer[0].Service.Weights.Passing: expected a whole number, got a string',
    ],
    [entryWith('Checks', {}), 'the answer[0].Checks: expected a list, got an object'],
    [entryWith('Checks', [null]), 'the answer[0].Checks[0]: expected an object, got nothing'],
    [
      entryWith('Checks', [{ CheckID: 'c', Status: true }]),
      'the answer[0].Checks[0].Status: expected a text, got a boolean',
    ],
  ] as const) {
    test(`refuses ${body.slice(0, 100)}`, () => {
      assert.throws(() => healthInstances(JSON.parse(body)), { code: 'protocol', message });
    });
  }
});
