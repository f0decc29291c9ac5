import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectionBudget, type Slot } from './connection-budget.ts';

const signal = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('ConnectionBudget', () => {
  test('gives no more than `limit` slots at any time', async () => {
    const budget = new ConnectionBudget(2);
    const member = budget.join();
    const slots: Slot[] = [];
    for (let asked = 0; asked < 3; asked += 1) void member.acquire(signal).then((slot) => slots.push(slot));
    await settle();
    assert.equal(slots.length, 2);
    slots[0]![Symbol.dispose]();
    slots[0]![Symbol.dispose]();
    await settle();
    assert.equal(slots.length, 3);
  });

  test('gives slots in the order they were asked for', async () => {
    const budget = new ConnectionBudget(1);
    const member = budget.join();
    const first = await member.acquire(signal);
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      void member.acquire(signal).then((slot) => {
        order.push(name);
        slot[Symbol.dispose]();
      });
    }
    first[Symbol.dispose]();
    await settle();
    assert.deepEqual(order, ['a', 'b', 'c']);
  });

  test('with no more members than slots nobody is hurried', async () => {
    const budget = new ConnectionBudget(2);
    const slots = await Promise.all([budget.join().acquire(signal), budget.join().acquire(signal)]);
    assert.ok(slots.every(({ contended, preempted }) => !contended && !preempted.aborted));
  });

  test('calls back one earlier slot for every member that has to wait, the oldest first', async () => {
    const budget = new ConnectionBudget(2);
    const [first, second] = [await budget.join().acquire(signal), await budget.join().acquire(signal)];
    const third = budget.join().acquire(signal);
    assert.deepEqual([first.preempted.aborted, second.preempted.aborted], [true, false]);
    first[Symbol.dispose]();
    assert.equal((await third).contended, true);
    assert.equal((await third).preempted.aborted, false);
  });

  test('is uncontended again when members have left', async () => {
    const budget = new ConnectionBudget(1);
    const member = budget.join();
    using left = budget.join();
    const slot = await member.acquire(signal);
    assert.equal(slot.contended, true);
    slot[Symbol.dispose]();
    left[Symbol.dispose]();
    assert.equal((await member.acquire(signal)).contended, false);
  });

  test('one who stops waiting is passed over', async () => {
    const budget = new ConnectionBudget(1);
    const member = budget.join();
    const held = await member.acquire(signal);
    const abort = new AbortController();
    const waiting = member.acquire(abort.signal);
    const next = member.acquire(signal);
    abort.abort(new Error('no more'));
    await assert.rejects(waiting, /no more/);
    held[Symbol.dispose]();
    await next;
  });
});
