import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { Workqueue } from './workqueue.ts';

function setup() {
  const clock = new VirtualClock();
  return { clock, queue: new Workqueue<string>({ clock, random: () => 1, initialRetryMs: 100 }) };
}

const drain = (queue: Workqueue<string>): string[] => {
  const keys: string[] = [];
  for (let taken = queue.take(); taken; taken = queue.take()) keys.push(taken.key);
  return keys;
};

describe('Workqueue', () => {
  test('a key added many times before it is taken is handed out once, for its oldest event', () => {
    const { queue } = setup();
    queue.add('a', 'urgent', 30);
    queue.add('a', 'urgent', 10);
    queue.add('a');
    assert.deepEqual(queue.take(), { key: 'a', since: 10 });
    assert.equal(queue.take(), undefined);
  });

  test('a key is never handed out twice at the same time: added while taken, it comes back after done()', () => {
    const { queue } = setup();
    queue.add('a');
    queue.take();
    queue.add('a', 'urgent', 5);
    assert.equal(queue.take(), undefined);
    queue.done('a', 'ok');
    assert.deepEqual(queue.take(), { key: 'a', since: 5 });
  });

  test('urgent keys come before background keys, each lane in the order of its first add()', () => {
    const { queue } = setup();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    for (const key of ['x', 'b', 'x']) queue.add(key, 'urgent', 1);
    assert.deepEqual(drain(queue), ['x', 'b', 'a', 'c']);
  });

  test('a key that failed comes back by itself after a wait that grows with every failure', async () => {
    const { clock, queue } = setup();
    queue.add('a', 'urgent', 0);
    for (const wait of [100, 200, 400]) {
      queue.take();
      queue.done('a', 'failed');
      await clock.advance(wait - 1);
      assert.equal(queue.depth, 0);
      await clock.advance(1);
      assert.equal(queue.depth, 1);
    }
    assert.deepEqual(queue.take(), { key: 'a', since: 0 }, 'the event is still unanswered');
    queue.done('a', 'ok');
    assert.equal(queue.failing, 0);
  });

  test('an event counts as unanswered while its key waits, is taken, or is retried later', async () => {
    const { clock, queue } = setup();
    queue.add('background');
    assert.deepEqual(queue.unanswered, { count: 0, oldestMs: 0 });
    queue.add('a', 'urgent', 0);
    queue.add('b', 'urgent', 5);
    await clock.advance(10);
    assert.deepEqual(queue.unanswered, { count: 2, oldestMs: 10 });
    assert.equal(queue.take()?.key, 'a');
    queue.add('a', 'urgent', 9);
    assert.deepEqual(queue.unanswered, { count: 2, oldestMs: 10 }, 'taken, and added again');
    queue.done('a', 'failed');
    assert.deepEqual(queue.unanswered, { count: 2, oldestMs: 10 }, 'retried later');
    await clock.advance(100);
    assert.deepEqual(queue.unanswered, { count: 2, oldestMs: 110 }, 'waits again');
    for (const key of ['b', 'a']) {
      assert.equal(queue.take()?.key, key);
      queue.done(key, 'ok');
    }
    assert.deepEqual(queue.unanswered, { count: 0, oldestMs: 0 });
  });

  test('a failed key comes back at once when it is added again, and only once', async () => {
    const { clock, queue } = setup();
    queue.add('a');
    queue.take();
    queue.done('a', 'failed');
    queue.add('a', 'urgent', 0);
    assert.deepEqual(drain(queue), ['a']);
    queue.done('a', 'ok');
    await clock.advance(60_000);
    assert.equal(queue.depth, 0);
    assert.equal(clock.pending, 0);
  });

  test('a failed key waits at least as long as the server asked for', async () => {
    const { clock, queue } = setup();
    queue.add('a');
    queue.take();
    queue.done('a', 'failed', 5_000);
    await clock.advance(4_999);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.equal(queue.depth, 1);
  });

  test('a key added for later comes in the background when its time is over, at the first of several times', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 300);
    await clock.advance(199);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.deepEqual(queue.take(), { key: 'a', since: undefined });
    queue.done('a', 'ok');
    await clock.advance(1_000);
    assert.equal(queue.depth, 0, 'the later times are forgotten');
    queue.addAfter('a', 100);
    await clock.advance(100);
    assert.deepEqual(drain(queue), ['a']);
  });

  test('add() leaves the later time of a key as it is, and a key that is taken then comes back after done()', async () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 100);
    queue.add('a', 'urgent', 0);
    assert.deepEqual(queue.take(), { key: 'a', since: 0 });
    await clock.advance(100);
    assert.equal(queue.take(), undefined);
    queue.done('a', 'ok');
    assert.deepEqual(drain(queue), ['a']);
  });

  test('the later time of a key that failed does not cut its backoff short', async () => {
    const { clock, queue } = setup();
    queue.add('a');
    queue.take();
    queue.addAfter('a', 0);
    queue.done('a', 'failed', 1_000);
    await clock.advance(999);
    assert.equal(queue.depth, 0);
    await clock.advance(1_000);
    assert.deepEqual(drain(queue), ['a']);
  });

  test('dispose() leaves no timer behind', () => {
    const { clock, queue } = setup();
    queue.addAfter('a', 100);
    queue.add('b');
    queue.take();
    queue.done('b', 'failed');
    queue[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });

  test('ready() resolves on add() and rejects on abort', async () => {
    const { queue } = setup();
    const abort = new AbortController();
    const ready = queue.ready(abort.signal);
    queue.add('a');
    await ready;
    queue.take();
    const waiting = queue.ready(abort.signal);
    abort.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
  });

  test('oldestMs is the age of the oldest waiting event', async () => {
    const { clock, queue } = setup();
    queue.add('a', 'urgent', clock.now());
    await clock.advance(40);
    queue.add('b', 'urgent', clock.now());
    assert.equal(queue.oldestMs, 40);
    drain(queue);
    assert.equal(queue.oldestMs, 0);
  });

  test('no add() is ever lost, whatever the order of adds, takes and dones', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'take', 'ok'),
      key: fc.constantFrom('a', 'b', 'c'),
      urgent: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue } = setup();
        const dirty = new Set<string>();
        const held = new Set<string>();
        for (const { kind, key, urgent } of steps) {
          if (kind === 'add') {
            queue.add(key, urgent ? 'urgent' : 'background', 1);
            dirty.add(key);
          } else if (kind === 'take') {
            const taken = queue.take();
            if (taken) {
              assert.ok(!held.has(taken.key));
              assert.ok(dirty.delete(taken.key));
              held.add(taken.key);
            } else {
              assert.ok([...dirty].every((waiting) => held.has(waiting)));
            }
          } else if (held.delete(key)) queue.done(key, 'ok');
        }
        for (const key of held) queue.done(key, 'ok');
        assert.deepEqual(drain(queue).sort(), [...dirty].sort());
      }),
    );
  });
});
