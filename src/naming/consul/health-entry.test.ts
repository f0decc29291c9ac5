import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseHealth } from './health-entry.ts';

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

describe('parseHealth()', () => {
  test('takes null, and what is left out, for empty', () => {
    const body = [
      {
        Node: { Node: 'n1', Address: '10.0.0.1' },
        Service: { ID: 'a', Service: 'web', Tags: null, Meta: null },
        Checks: null,
      },
    ];
    const [instance] = parseHealth(JSON.stringify(body));
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
    ['<html>secret</html>', 'the answer is not JSON'],
    ['{}', 'the answer: a list was expected, an object came'],
    ['null', 'the answer: a list was expected, nothing came'],
    ['[7]', 'the answer[0]: an object was expected, a number came'],
    ['[{"Node":{"Node":"n"}}]', 'the answer[0].Service: an object was expected, nothing came'],
    [entryWith('Node', { Node: 7 }), 'the answer[0].Node.Node: a text was expected, a number came'],
    [entryWith('Node', { Address: ['x'] }), 'the answer[0].Node.Address: a text was expected, a list came'],
    [entryWith('Service', { ID: null }), 'the answer[0].Service.ID: a text was expected, nothing came'],
    [
      entryWith('Service', { Service: {} }),
      'the answer[0].Service.Service: a text was expected, an object came',
    ],
    [
      entryWith('Service', { Address: 1 }),
      'the answer[0].Service.Address: a text was expected, a number came',
    ],
    [
      entryWith('Service', { Port: '80' }),
      'the answer[0].Service.Port: a whole number was expected, a string came',
    ],
    [
      entryWith('Service', { Port: 1.5 }),
      'the answer[0].Service.Port: a whole number was expected, a number came',
    ],
    [entryWith('Service', { Tags: 'x' }), 'the answer[0].Service.Tags: a list was expected, a string came'],
    [
      entryWith('Service', { Tags: ['x', 1] }),
      'the answer[0].Service.Tags[1]: a text was expected, a number came',
    ],
    [entryWith('Service', { Meta: [] }), 'the answer[0].Service.Meta: an object was expected, a list came'],
    [
      entryWith('Service', { Meta: { secret: 1 } }),
      'the answer[0].Service.Meta: a text was expected, a number came',
    ],
    [
      entryWith('Service', { Weights: { Passing: '5' } }),
      'the answer[0].Service.Weights.Passing: a whole number was expected, a string came',
    ],
    [entryWith('Checks', {}), 'the answer[0].Checks: a list was expected, an object came'],
    [entryWith('Checks', [null]), 'the answer[0].Checks[0]: an object was expected, nothing came'],
    [
      entryWith('Checks', [{ CheckID: 'c', Status: true }]),
      'the answer[0].Checks[0].Status: a text was expected, a boolean came',
    ],
  ] as const) {
    test(`refuses ${body.slice(0, 100)}`, () => {
      assert.throws(() => parseHealth(body), { code: 'protocol', message });
    });
  }
});
