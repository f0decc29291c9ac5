import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Slots } from './slots.ts';

describe('Slots', () => {
  test('runs as many as it has slots, the others in the order they came', async () => {
    const slots = new Slots(2);
    const started: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const runs = ends.map(({ promise }, number) =>
      slots.run(async () => {
        started.push(number);
        await promise;
        return number;
      }),
    );
    await nextTurn();
    assert.deepEqual(started, [0, 1]);
    ends[1]!.resolve();
    await nextTurn();
    assert.deepEqual(started, [0, 1, 2]);
    for (const { resolve } of ends) resolve();
    assert.deepEqual(await Promise.all(runs), [0, 1, 2, 3]);
  });

  test('gives a slot back after an error', async () => {
    const slots = new Slots(1);
    await assert.rejects(
      slots.run(async () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await slots.run(async () => 'yes'), 'yes');
  });
});
