import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { consulNodeName, instanceId, serviceName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import { Quarantine } from './quarantine.ts';

const node = consulNodeName('k-n1');
const change = (id: string): Change => ({
  kind: 'delete-instance',
  node,
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
    quarantine.refuse(change('a'), 'bad');
    assert.deepEqual(quarantine.filter(node, [change('a'), change('b')]), [change('b')]);
    await clock.advance(999);
    assert.deepEqual(due, []);
    await clock.advance(1);
    assert.deepEqual(due, [node]);
    assert.deepEqual(quarantine.filter(node, [change('a')]), [change('a')]);
  });

  test('waits longer after every refusal, and says whether the refusal is news', async () => {
    const { clock, due, quarantine } = setup();
    assert.equal(quarantine.refuse(change('a'), 'bad'), true);
    await clock.advance(1_000);
    assert.equal(quarantine.refuse(change('a'), 'bad'), false);
    await clock.advance(1_999);
    assert.equal(due.length, 1);
    await clock.advance(1);
    assert.equal(due.length, 2);
    assert.equal(quarantine.refuse(change('a'), 'worse'), true);
  });

  test('forgets a change that was committed or is no longer asked for, and leaves no timer', () => {
    const { clock, quarantine } = setup();
    quarantine.refuse(change('a'), 'bad');
    quarantine.refuse(change('b'), 'bad');
    quarantine.release(change('a'));
    quarantine.filter(node, []);
    assert.equal(quarantine.size, 0);
    assert.equal(clock.pending, 0);
  });
});
