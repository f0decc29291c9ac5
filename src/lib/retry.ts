import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import { RegistrarError } from './errors.ts';

/** `initialMs` and `maxMs`: the bounds of the waits, as `Backoff` has them. */
export interface RetryOptions<E extends Failure = RegistrarError> extends BackoffOptions {
  readonly clock: Clock;
  /** The shortest wait, in milliseconds. Default 0: full jitter may draw no wait at all. */
  readonly leastMs?: number;
  /** Called after every failed attempt, before the wait. To give up, it throws. */
  readonly onError: (error: E) => void;
  /** Makes an error of what an attempt threw. Default `RegistrarError.from`. */
  readonly errorOf?: (thrown: unknown) => E;
}

interface Failure {
  readonly retryAfterMs?: number | undefined;
}

/**
 * Attempts something until it succeeds, and resolves with its result.
 *
 * - It never gives up by itself. What `onError` throws ends it.
 * - It waits between two attempts, longer after every failure (see `Backoff`), never less than `leastMs` and
 *   never less than the server's Retry-After. That is at most 30 s, see retry-after.ts.
 * - When the signal aborts, it rejects, starts no other attempt and reports no error.
 */
export async function retry<T, E extends Failure = RegistrarError>(
  attempt: () => Promise<T>,
  options: RetryOptions<E>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, leastMs = 0, onError } = options;
  // Without errorOf, E is RegistrarError.
  const { errorOf = RegistrarError.from as unknown as (thrown: unknown) => E } = options;
  const backoff = new Backoff(options);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = errorOf(thrown);
      onError(error);
      await clock.sleep(backoff.next(Math.max(leastMs, error.retryAfterMs ?? 0)), signal);
    }
  }
}

/**
 * Does a step again and again, and resolves when a step returns `done` or the signal aborts. A step that fails
 * is retried as by `retry()`. After one that succeeded, the next follows at once, and the waits start from the
 * beginning.
 */
export async function repeat<E extends Failure = RegistrarError>(
  step: () => Promise<unknown>,
  options: RetryOptions<E>,
  signal: AbortSignal,
): Promise<void> {
  await forever(() => retry(step, options, signal), signal);
}

/**
 * Does a step again and again, and resolves when a step returns `done` or the signal aborts. What a step throws
 * before that ends it.
 */
export async function forever(step: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted && (await step()) !== 'done');
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
