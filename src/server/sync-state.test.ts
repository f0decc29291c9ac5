import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sampleReading } from '../../test/support/sample-reading.ts';
import { statusOf } from './operator-status.ts';
import { type SyncFacts, syncStateOf } from './sync-state.ts';

const calm: SyncFacts = {
  ...statusOf(sampleReading),
  kubernetes: { up: true, refused: false, since: null, error: null },
  queue: { depth: 0, oldestMs: 0, inFlight: 0, busy: 0, unanswered: 0, unansweredMs: 0 },
  counts: { errors: 0, warnings: 0, held: 0, failing: 0 },
};
const since = '2026-01-01T10:15:02.123Z';
const down = { ...calm.consul, up: false, refused: false, since };
const stateOf = (facts: Partial<SyncFacts>) => syncStateOf({ ...calm, ...facts });

describe('syncStateOf()', () => {
  test('is in sync when nothing waits, is wrong or held, also with warnings', () => {
    assert.deepEqual(stateOf({}), { kind: 'in-sync', text: 'in sync', also: [] });
    const warned = stateOf({ counts: { ...calm.counts, warnings: 2 } });
    assert.deepEqual(warned, { kind: 'in-sync', text: 'in sync', also: ['2 warnings'] });
  });

  test('says how much waits, and since when', () => {
    const queue = { ...calm.queue, unanswered: 3, unansweredMs: 25_000 };
    assert.equal(stateOf({ queue }).text, 'catching up: 3 waiting, oldest 25 s');
  });

  test('an event that has just come is no backlog, nor is a look that leads to no work', () => {
    assert.equal(
      stateOf({ queue: { ...calm.queue, unanswered: 3, unansweredMs: 999, busy: 3 } }).kind,
      'in-sync',
    );
    assert.equal(stateOf({ queue: { ...calm.queue, depth: 500 } }).kind, 'in-sync');
    assert.equal(
      stateOf({ queue: { ...calm.queue, depth: 500, busy: 20 } }).text,
      'catching up: 520 waiting',
      'the first registration of everything',
    );
  });

  test('says since when a server is unreachable, and whether it refuses access instead', () => {
    assert.equal(stateOf({ consul: down }).text, 'Consul unreachable since 2026-01-01 10:15:02 UTC');
    assert.equal(
      stateOf({ consul: { ...down, refused: true } }).text,
      'Consul refuses access since 2026-01-01 10:15:02 UTC',
    );
    const kubernetes = { ...calm.kubernetes, up: false, since };
    assert.deepEqual(stateOf({ consul: down, kubernetes }), {
      kind: 'kubernetes-down',
      text: 'API server unreachable since 2026-01-01 10:15:02 UTC',
      also: ['Consul unreachable since 2026-01-01 10:15:02 UTC'],
    });
  });

  test('counts problems and holds, and says all of it', () => {
    const counts = { errors: 1, warnings: 1, held: 5, failing: 1 };
    assert.deepEqual(stateOf({ counts, degraded: ['pods in old: may not be read'] }), {
      kind: 'problems',
      text: '3 problems',
      also: ['5 held', '1 warning'],
    });
    assert.deepEqual(stateOf({ counts: { ...calm.counts, held: 1 } }).text, '1 held');
    assert.equal(stateOf({ counts: { ...calm.counts, errors: 1 } }).text, '1 problem');
  });

  test('what cannot be read because the API server is away is not counted as well', () => {
    const kubernetes = { ...calm.kubernetes, up: false, since };
    assert.deepEqual(stateOf({ kubernetes, counts: { ...calm.counts, failing: 4 } }).also, []);
  });

  test('a standby does not claim to be in sync', () => {
    const leadership = { ...calm.leadership, state: 'standby', holder: 'registrar-b_1-2' } as const;
    assert.deepEqual(stateOf({ leadership }), {
      kind: 'standby',
      text: 'standby, registrar-b leads',
      also: [],
    });
    assert.equal(stateOf({ leadership: { ...leadership, holder: null } }).kind, 'no-leader');
  });

  test('what is not read yet comes before everything else', () => {
    assert.deepEqual(stateOf({ waitingFor: ['pods: not listed yet'], consul: down }), {
      kind: 'starting',
      text: 'not in sync yet',
      also: ['Consul unreachable since 2026-01-01 10:15:02 UTC'],
    });
  });
});
