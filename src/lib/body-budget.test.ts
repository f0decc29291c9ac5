import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BodyBudget } from './body-budget.ts';
import { type HttpResponse, readText } from './transport.ts';

const chunk = (bytes: number) => new Uint8Array(bytes);

describe('BodyBudget', () => {
  test('gives the largest up, at once, and lets the others go on', () => {
    const budget = new BodyBudget(100);
    using large = budget.open();
    using small = budget.open();
    large.push(chunk(80));
    small.push(Buffer.from('twenty and one bytes.'));
    assert.equal(small.text(), 'twenty and one bytes.');
    assert.throws(() => large.text(), { code: 'unavailable', message: /the largest/ });
    assert.throws(() => large.push(chunk(1)), { code: 'unavailable' });
    using third = budget.open();
    third.push(chunk(79));
    third.text();
  });

  test('is free again when a body is over, read or not', () => {
    const budget = new BodyBudget(100);
    for (let times = 0; times < 10; times += 1) {
      using body = budget.open();
      body.push(chunk(90));
      body.text();
    }
    using last = budget.open();
    last.push(chunk(100));
    last.text();
  });

  test('gives the one up that is too large by itself', () => {
    using body = new BodyBudget(100).open();
    assert.throws(() => body.push(chunk(101)), { code: 'unavailable' });
  });

  test('holds 154 endless answers to its bound, while a usual one beside them arrives whole', async () => {
    const budget = new BodyBudget(1024 * 1024);
    let held = 0;
    let most = 0;
    const endless = (): HttpResponse => ({
      status: 200,
      headers: {},
      body: (async function* () {
        let own = 0;
        try {
          for (;;) {
            held += 16_384;
            own += 16_384;
            most = Math.max(most, held);
            yield chunk(16_384);
            await null;
          }
        } finally {
          held -= own;
        }
      })(),
    });
    const waits = Array.from({ length: 154 }, () =>
      readText(endless(), { budget }).catch(({ code }) => code),
    );
    const usual: HttpResponse = {
      status: 200,
      headers: {},
      body: (async function* () {
        for (const part of ['as ', 'usual']) {
          for (let turns = 0; turns < 100; turns += 1) await null;
          yield Buffer.from(part);
        }
      })(),
    };
    assert.equal(await readText(usual, { budget }), 'as usual');
    assert.deepEqual(new Set(await Promise.all(waits)), new Set(['unavailable']));
    // What was given up is let go of with the next chunk of its own.
    assert.ok(most <= 2 * 154 * 16_384 + 1024 * 1024, `${most}`);
  });
});
