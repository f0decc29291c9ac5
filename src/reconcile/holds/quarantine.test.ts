import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { consulNodeName, instanceId, serviceName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { Quarantine } from './quarantine.ts';

const node = consulNodeName('k-n1');
const error = (message: string, code: 'rejected' | 'forbidden' = 'rejected') =>
  new RegistrarError(code, message);
const change = (id: string, on = node): Change => ({
  kind: 'delete-instance',
  node: on,
  instance: instanceId(id),
  service: serviceName('web'),
});

function setup() {
  const clock = new VirtualClock();
  const due: string[] = [];
  return {
    clock,
    due,
    quarantine: new Quarantine({ clock, random: () => 1, onDue: (name) => due.push(name) }),
  };
}

describe('Quarantine', () => {
  test('holds back a refused change until it is due, and nothing else of its node', async () => {
    const { clock, due, quarantine } = setup();
    quarantine.refuse(change('a'), error('bad'));
    due.length = 0;
    assert.deepEqual(quarantine.review(node, [change('a'), change('b')]).changes, [change('b')]);
    await clock.advance(999);
    assert.deepEqual(due, []);
    await clock.advance(1);
    assert.deepEqual(due, [node]);
    assert.deepEqual(quarantine.review(node, [change('a')]).changes, [change('a')]);
  });

  test('holds back everything of a node that is not there and is refused', () => {
    const { quarantine } = setup();
    const put: Change = {
      kind: 'put-node',
      node,
      address: '10.0.0.1',
      meta: {},
      taggedAddresses: {},
      modifyIndex: 0,
      effect: 'create',
    };
    quarantine.refuse(put, error('no'));
    assert.deepEqual(quarantine.review(node, [put, change('a')]).changes, []);
    const { held } = quarantine.review(node, [put]);
    assert.partialDeepStrictEqual(held, [{ by: 'consul', because: 'refused', error: 'no', change: put }]);
  });

  test('waits longer after every refusal, and has its node reviewed so that each refusal is reported', async () => {
    const { clock, due, quarantine } = setup();
    quarantine.refuse(change('a'), error('bad'));
    assert.equal(due.length, 1);
    await clock.advance(1_000);
    assert.equal(due.length, 2);
    quarantine.refuse(change('a'), error('bad'));
    assert.equal(due.length, 3);
    await clock.advance(1_999);
    assert.equal(due.length, 3);
    await clock.advance(1);
    assert.equal(due.length, 4);
    quarantine.refuse(change('a'), error('worse'));
    assert.equal(due.length, 5);
  });

  test('tries what the token may not write at least every 20 s, and about one such change a second', async () => {
    for (const [count, longest] of [
      [1, 20_000],
      [60, 60_000],
    ] as const) {
      const { clock, quarantine, due } = setup();
      const changes = Array.from({ length: count }, (_, index) => change(`${index}`));
      for (let attempt = 0; attempt < 12; attempt += 1) {
        for (const each of changes) quarantine.refuse(each, error('Permission denied', 'forbidden'));
      }
      due.length = 0;
      await clock.advance(longest - 1);
      assert.deepEqual(due, []);
      await clock.advance(1);
      assert.equal(due.length, count);
    }
  });

  test('one that is committed at last lets all the others be tried at once', async () => {
    const { clock, due, quarantine } = setup();
    const elsewhere = consulNodeName('k-n2');
    const all = [change('a'), change('b'), change('c', elsewhere)];
    for (const each of all) quarantine.refuse(each, error('Permission denied', 'forbidden'));
    due.length = 0;
    quarantine.release(change('unknown'));
    assert.deepEqual(due, [], 'a change that was never refused says nothing');
    quarantine.release(change('a'));
    assert.deepEqual([...new Set(due)], [node, elsewhere]);
    assert.deepEqual(quarantine.review(node, [change('b')]).changes, [change('b')]);
    assert.deepEqual(quarantine.review(elsewhere, [change('c', elsewhere)]).changes, [
      change('c', elsewhere),
    ]);
    assert.equal(clock.pending, 0);
  });

  test('forgets a change that was committed or is no longer asked for, and leaves no timer', () => {
    const { clock, quarantine } = setup();
    quarantine.refuse(change('a'), error('bad'));
    quarantine.refuse(change('b'), error('bad'));
    quarantine.release(change('a'));
    assert.deepEqual(quarantine.review(node, []), { changes: [], held: [] });
    assert.equal(quarantine.size, 0);
    assert.equal(clock.pending, 0);
  });
});
