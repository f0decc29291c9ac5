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
  /** The reviews that are asked for: of which node, and when. */
  const asked: (readonly [node: string, at: number])[] = [];
  const quarantine = new Quarantine({
    clock,
    random: () => 1,
    reviewAfter: (name, ms) => asked.push([name, clock.now() + ms]),
  });
  return { clock, asked, quarantine };
}

describe('Quarantine', () => {
  test('holds a refused change until it is due, and nothing else of its node', async () => {
    const { clock, asked, quarantine } = setup();
    quarantine.refuse(change('a'), error('bad'));
    assert.deepEqual(asked.splice(0), [[node, 0]], 'reviewed at once, so that it is reported');
    assert.deepEqual(quarantine.review(node, [change('a'), change('b')]).changes, [change('b')]);
    assert.deepEqual(asked.splice(0), [[node, 1_000]], 'and when it is due');
    await clock.advance(999);
    assert.deepEqual(quarantine.review(node, [change('a')]).changes, []);
    await clock.advance(1);
    assert.deepEqual(quarantine.review(node, [change('a')]).changes, [change('a')]);
  });

  test('holds everything of a node that does not exist yet and is refused', () => {
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

  test('waits longer after every refusal, and shows until when', async () => {
    const { clock, quarantine } = setup();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      quarantine.refuse(change('a'), error('bad'));
      const until = clock.wall() + waitMs;
      assert.deepEqual(
        quarantine.review(node, [change('a')]).held.map((held) => held.until),
        [until],
      );
      await clock.advance(waitMs);
      const { changes, held } = quarantine.review(node, [change('a')]);
      assert.deepEqual([changes.length, held[0]?.until], [1, undefined], 'it is tried now');
    }
  });

  test('tries what the token may not write at least every 20 s, and about one such change a second', () => {
    for (const [count, longest] of [
      [1, 20_000],
      [60, 60_000],
    ] as const) {
      const { quarantine, asked } = setup();
      const changes = Array.from({ length: count }, (_, index) => change(`${index}`));
      for (let attempt = 0; attempt < 12; attempt += 1) {
        for (const each of changes) quarantine.refuse(each, error('Permission denied', 'forbidden'));
      }
      asked.length = 0;
      assert.deepEqual(quarantine.review(node, changes).changes, []);
      assert.deepEqual(asked, [[node, longest]]);
    }
  });

  test('one that is committed at last lets all the others be tried at once', () => {
    const { asked, quarantine } = setup();
    const elsewhere = consulNodeName('k-n2');
    const all = [change('a'), change('b'), change('c', elsewhere)];
    for (const each of all) quarantine.refuse(each, error('Permission denied', 'forbidden'));
    asked.length = 0;
    quarantine.release(change('unknown'));
    assert.deepEqual(asked, [], 'a change that was never refused says nothing');
    quarantine.release(change('a'));
    assert.deepEqual(new Map(asked), new Map([node, elsewhere].map((name) => [name, 0])));
    assert.deepEqual(quarantine.review(node, [change('b')]).changes, [change('b')]);
    assert.deepEqual(quarantine.review(elsewhere, [change('c', elsewhere)]).changes, [
      change('c', elsewhere),
    ]);
  });

  test('forgets a change that was committed or is no longer asked for', () => {
    const { asked, quarantine } = setup();
    quarantine.refuse(change('a'), error('bad'));
    quarantine.refuse(change('b'), error('bad'));
    quarantine.release(change('a'));
    asked.length = 0;
    assert.deepEqual(quarantine.review(node, []), { changes: [], held: [] });
    assert.deepEqual(quarantine.review(node, [change('b')]), { changes: [change('b')], held: [] });
    assert.deepEqual(asked, []);
  });
});
