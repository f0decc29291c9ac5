import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { RegistrarError } from './errors.ts';
import { forever, repeat, retry } from './retry.ts';

const failure = (retryAfterMs?: number) =>
  new RegistrarError('unavailable', 'away', retryAfterMs === undefined ? {} : { retryAfterMs });

function setup(random = () => 1) {
  const clock = new VirtualClock();
  const errors: RegistrarError[] = [];
  const options = {
    clock,
    random,
    initialMs: 100,
    maxMs: 1_000,
    onError: (e: RegistrarError) => errors.push(e),
  };
  return { clock, errors, options, stop: new AbortController() };
}

describe('retry()', () => {
  test('attempts again until it succeeds, and resolves with the result', async () => {
    const { clock, errors, options, stop } = setup();
    let attempts = 0;
    const result = retry(
      async () => {
        attempts += 1;
        if (attempts < 4) throw failure();
        return attempts;
      },
      options,
      stop.signal,
    );
    await clock.advance(100 + 200 + 399);
    assert.equal(attempts, 3, 'it waits 100, 200 and 400 ms');
    await clock.advance(1);
    assert.equal(await result, 4);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['unavailable', 'unavailable', 'unavailable'],
    );
    assert.equal(clock.pending, 0);
  });

  test('ends with what onError throws', async () => {
    const { options, stop } = setup();
    const hopeless = new Error('hopeless');
    const onError = () => {
      throw hopeless;
    };
    await assert.rejects(
      retry(() => Promise.reject(failure()), { ...options, onError }, stop.signal),
      hopeless,
    );
  });

  test('makes the error by errorOf, whose Retry-After counts', async () => {
    const { clock, options, stop } = setup();
    const seen: unknown[] = [];
    let attempts = 0;
    const result = retry(
      async () => {
        attempts += 1;
        if (attempts === 1) throw new Error('first');
      },
      {
        ...options,
        errorOf: (thrown) => ({ text: (thrown as Error).message, retryAfterMs: 5_000 }),
        onError: (error) => seen.push(error.text),
      },
      stop.signal,
    );
    await clock.advance(4_999);
    assert.equal(attempts, 1);
    await clock.advance(1);
    await result;
    assert.deepEqual(seen, ['first']);
  });

  test('rejects when the signal aborts: during the wait, during an attempt, before the first', async () => {
    const { clock, errors, options } = setup();
    const waiting = new AbortController();
    const result = retry(() => Promise.reject(failure()), options, waiting.signal);
    await clock.settle();
    waiting.abort();
    await assert.rejects(result, { name: 'AbortError' });
    assert.equal(clock.pending, 0);

    errors.length = 0;
    const attempting = new AbortController();
    const cut = () => {
      attempting.abort();
      return Promise.reject(failure());
    };
    await assert.rejects(retry(cut, options, attempting.signal), { name: 'AbortError' });
    assert.deepEqual(errors, [], 'what the abort caused is no error');

    let attempts = 0;
    await assert.rejects(
      retry(
        async () => {
          attempts += 1;
        },
        options,
        AbortSignal.abort(),
      ),
      { name: 'AbortError' },
    );
    assert.equal(attempts, 0);
  });

  test('every wait is at least leastMs and Retry-After, and otherwise below its bound', async () => {
    const arbitrary = fc.record({
      seed: fc.nat(),
      initialMs: fc.integer({ min: 1, max: 5_000 }),
      maxMs: fc.integer({ min: 1, max: 60_000 }),
      leastMs: fc.nat(500),
      asked: fc.array(fc.option(fc.nat(30_000), { nil: undefined }), { minLength: 1, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ seed, initialMs, maxMs, leastMs, asked }) => {
        const { clock, options, stop } = setup(seeded(seed));
        const at: number[] = [];
        const result = retry(
          async () => {
            at.push(clock.now());
            if (at.length <= asked.length) throw failure(asked[at.length - 1]);
          },
          { ...options, initialMs, maxMs, leastMs },
          stop.signal,
        );
        await clock.advanceUntil(() => at.length > asked.length);
        await result;
        for (const [n, retryAfterMs = 0] of asked.entries()) {
          const waited = at[n + 1]! - at[n]!;
          const least = Math.max(leastMs, retryAfterMs);
          const bound = Math.min(maxMs, initialMs * 2 ** n);
          assert.ok(waited >= least - 1e-6, `wait ${n}: ${waited} is less than ${least}`);
          assert.ok(waited <= Math.max(least, bound) + 1e-6, `wait ${n}: ${waited} is more than ${bound}`);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('repeat()', () => {
  test('does the step at once again after a success, and starts the waits from the beginning', async () => {
    const { clock, options, stop } = setup();
    const outcomes = [failure(), failure(), undefined, failure(), undefined];
    const at: number[] = [];
    const running = repeat(
      async () => {
        at.push(clock.now());
        if (at.length > outcomes.length) await clock.sleep(1e9, stop.signal);
        const error = outcomes[at.length - 1];
        if (error !== undefined) throw error;
      },
      options,
      stop.signal,
    );
    await clock.advance(1_000);
    assert.deepEqual(at, [0, 100, 300, 300, 400, 400]);
    stop.abort();
    await running;
    assert.equal(clock.pending, 0);
  });

  test('resolves when a step returns `done`', async () => {
    const { options, stop } = setup();
    let steps = 0;
    const step = async () => {
      steps += 1;
      return steps === 3 ? 'done' : undefined;
    };
    await repeat(step, options, stop.signal);
    assert.equal(steps, 3);
  });

  test('rejects with what onError throws', async () => {
    const { options, stop } = setup();
    const onError = (error: RegistrarError) => {
      throw error;
    };
    const step = () => Promise.reject(failure());
    await assert.rejects(repeat(step, { ...options, onError }, stop.signal), { code: 'unavailable' });
  });
});

describe('forever()', () => {
  test('resolves when a step returns `done`, and when the signal aborts', async () => {
    const { clock, stop } = setup();
    let steps = 0;
    await forever(async () => (++steps === 3 ? 'done' : undefined), stop.signal);
    assert.equal(steps, 3);
    const running = forever(() => clock.sleep(100, stop.signal), stop.signal);
    await clock.advance(250);
    stop.abort();
    await running;
    await forever(() => assert.fail('the signal has aborted'), stop.signal);
  });

  test('rejects with what a step throws before the abort', async () => {
    const { stop } = setup();
    await assert.rejects(
      forever(() => Promise.reject(new Error('broken')), stop.signal),
      /broken/,
    );
  });
});
