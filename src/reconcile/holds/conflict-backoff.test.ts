import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { instance, nodeName, readiness } from '../../../test/support/entries.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type CheckId, type InstanceId, instanceId, serviceName } from '../../model/keys.ts';
import type { Change, PutInstance } from '../../plan/change.ts';
import type { Drift } from '../../plan/finding.ts';
import { ConflictBackoff } from './conflict-backoff.ts';

function setUp() {
  const clock = new VirtualClock();
  /** When reviews are asked for. */
  const asked: number[] = [];
  const conflicts = new ConflictBackoff({
    clock,
    random: () => 0.5,
    reviewAfter: (_node, ms) => asked.push(clock.now() + ms),
  });
  const mayWrite = (change: Change) => conflicts.review(nodeName, [change]).changes.length === 1;
  /** Somebody changes the instance; it is repaired as soon as that is allowed. */
  const conflict = async (change: Change, drift: Drift): Promise<number> => {
    const startedAt = clock.now();
    conflicts.drifted(drift);
    while (!mayWrite(change)) await clock.advance(1_000);
    conflicts.committed(change);
    return clock.now() - startedAt;
  };
  return { clock, conflicts, asked, mayWrite, conflict };
}

const put = (of: Partial<PutInstance['instance']> = {}): PutInstance => ({
  kind: 'put-instance',
  node: nodeName,
  effect: 'update',
  instance: instance('i1', of),
});
const driftOf = (id = 'i1', check?: CheckId): Drift => ({
  kind: 'drift',
  what: 'changed',
  at: {
    ...{ node: nodeName, instance: instanceId(id), service: serviceName('web') },
    ...(check === undefined ? { kind: 'instance' } : { kind: 'instance-check', check }),
  },
  fields: [],
});
const ids = (conflicts: ConflictBackoff): (InstanceId | undefined)[] =>
  conflicts.review(nodeName, []).held.map(({ at }) => at.instance);

describe('ConflictBackoff', () => {
  test('lets five repairs go at once, then waits longer each time, at most five minutes', async () => {
    const { conflict } = setUp();
    const waits: number[] = [];
    for (let round = 0; round < 12; round += 1) waits.push(await conflict(put(), driftOf()));
    assert.deepEqual(waits, [0, 0, 0, 0, 0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  });

  test('asks for a review when a conflict begins, when a wait is over and when all is calm', async () => {
    const { clock, conflicts, asked, conflict } = setUp();
    for (let round = 0; round < 5; round += 1) await conflict(put(), driftOf());
    assert.deepEqual(asked.splice(0), [0], 'the conflict begins');
    assert.deepEqual(ids(conflicts), ['i1']);
    assert.deepEqual(asked.splice(0), [10_000], 'its wait is over');
    await clock.advance(10_000);
    assert.deepEqual(ids(conflicts), ['i1']);
    assert.deepEqual(asked.splice(0), [70_000], 'all is calm');
    conflicts.drifted(driftOf());
    conflicts.committed(put());
    assert.deepEqual(asked.splice(0), [10_000], 'repaired');
    assert.deepEqual(ids(conflicts), ['i1']);
    assert.deepEqual(asked.splice(0), [30_000], 'the next wait is over');
    await clock.advance(79_999);
    assert.deepEqual(ids(conflicts), ['i1']);
    await clock.advance(1);
    assert.deepEqual(ids(conflicts), []);
    assert.equal(await conflict(put(), driftOf()), 0, 'forgotten');
  });

  test('holds the repetition only: what the cluster asks for anew goes out at once', async () => {
    const { mayWrite, conflicts, conflict } = setUp();
    for (let round = 0; round < 5; round += 1) await conflict(put(), driftOf());
    assert.equal(mayWrite(put()), false);
    assert.equal(mayWrite(put({ port: 9_090 })), true);
    const critical = put({ checks: [readiness('i1', 'critical')] });
    assert.equal(mayWrite(critical), true);
    conflicts.committed(critical);
    assert.equal(mayWrite(critical), false);
    assert.equal(mayWrite(put()), true, 'healthy again');
    assert.equal(
      mayWrite({
        kind: 'delete-instance',
        node: nodeName,
        instance: instanceId('i1'),
        service: 's' as never,
      }),
      true,
    );
  });

  test('leaves other entries of the node alone', async () => {
    const { mayWrite, conflict } = setUp();
    for (let round = 0; round < 5; round += 1) await conflict(put(), driftOf());
    assert.equal(mayWrite({ ...put(), instance: instance('i2') }), true);
  });

  test('takes a check of an instance as part of it', async () => {
    const { conflicts, conflict } = setUp();
    const [check] = instance('i1').checks;
    const about = { node: nodeName, instance: instanceId('i1'), service: instance('i1').service };
    const flip: Change = { kind: 'put-check', effect: 'health', ...about, check: check! };
    for (let round = 0; round < 5; round += 1) await conflict(flip, driftOf('i1', check!.id));
    assert.deepEqual(ids(conflicts), ['i1']);
  });

  test('holds everything on a node whose own entry has to wait, for there is nothing to write it on', async () => {
    const { conflicts, conflict } = setUp();
    const node: Change = {
      kind: 'put-node',
      node: nodeName,
      effect: 'create',
      modifyIndex: 0,
      address: '10.0.0.1',
      taggedAddresses: {},
      meta: {},
    };
    const gone: Drift = { ...driftOf(), what: 'missing', at: { kind: 'node', node: nodeName } };
    for (let round = 0; round < 5; round += 1) await conflict(node, gone);
    assert.deepEqual(conflicts.review(nodeName, [node, put()]).changes, []);
  });

  test('an entry changed now and then is no conflict', async () => {
    const { clock, conflicts, conflict } = setUp();
    for (let round = 0; round < 9; round += 1) {
      assert.equal(await conflict(put(), driftOf()), 0);
      await clock.advance(16_000);
    }
    assert.deepEqual(ids(conflicts), []);
  });
});
