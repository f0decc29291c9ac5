import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { Paced } from './paced.ts';

function setup() {
  const clock = new VirtualClock();
  const made: string[] = [];
  const texts = new Paced<string>(clock);
  const ask = (key: string) =>
    texts.get(key, async () => {
      made.push(key);
      await clock.sleep(5, new AbortController().signal);
      return key;
    });
  return { clock, made, texts, ask };
}

describe('Paced', () => {
  test('texts of different keys are made one after the other, with a rest after each', async () => {
    const { clock, made, ask } = setup();
    const all = Promise.all(['a', 'b', 'a'].map(ask));
    await clock.advance(54);
    assert.deepEqual(made, ['a']);
    await clock.advance(1);
    assert.deepEqual(made, ['a', 'b']);
    await clock.advance(55);
    assert.deepEqual((await all).map(String), ['a', 'b', 'a']);
  });

  test('a text that could not be made is made again for the next who asks', async () => {
    const { texts } = setup();
    await assert.rejects(
      texts.get('a', async () => {
        throw new Error('broken');
      }),
      /broken/,
    );
    assert.equal(String(await texts.get('a', async () => 'whole')), 'whole');
  });

  test('who asks while too many wait is refused', async () => {
    const { clock, ask } = setup();
    const waiting = Array.from({ length: 40 }, (_, at) => ask(`key ${at}`));
    const refused = waiting.slice(32).map((each) => assert.rejects(each, { code: 'throttled' }));
    await Promise.all(refused);
    await clock.advance(55 * 40);
    assert.equal((await Promise.all(waiting.slice(0, 32))).length, 32);
    assert.equal(clock.pending, 0);
  });
});
