import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { Drift } from '../plan/finding.ts';
import { RecentDrift } from './recent-drift.ts';

const drift = (instance: string, more: Partial<Drift> = {}): Drift => ({
  kind: 'drift',
  what: 'changed',
  at: {
    kind: 'instance',
    node: consulNodeName('n1'),
    instance: instanceId(instance),
    service: serviceName('web'),
  },
  fields: [],
  ...more,
});

describe('RecentDrift', () => {
  test('has the latest first, one line an entry, with how often and what was changed last', () => {
    let wall = 0;
    const recent = new RecentDrift(() => (wall += 1_000));
    for (const one of [drift('a'), drift('b'), drift('a', { what: 'missing' })]) recent.add(one);
    const fields = [{ field: 'port', before: '1', after: '2' }];
    recent.add(drift('a', { fields }));
    assert.deepEqual(
      recent
        .lines()
        .map((line) => [line.drift.at.instance, line.drift.what, line.times, line.first, line.last]),
      [
        ['a', 'changed', 2, 1_000, 4_000],
        ['a', 'missing', 1, 3_000, 3_000],
        ['b', 'changed', 1, 2_000, 2_000],
      ],
    );
    assert.deepEqual(recent.lines()[0]!.drift.fields, fields);
  });

  test('remembers a hundred entries', () => {
    const recent = new RecentDrift(() => 0);
    for (let index = 0; index < 250; index += 1) recent.add(drift(`i${index}`));
    assert.equal(recent.lines().length, 100);
    assert.equal(recent.lines()[0]!.drift.at.instance, 'i249');
  });
});
