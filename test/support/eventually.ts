import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long to keep trying, ms. Default 60,000: far more than anything takes, so that a busy machine fails no test. */
  readonly timeoutMs?: number;
  /** Pause between two tries, ms. Default 50. */
  readonly intervalMs?: number;
  /** What is waited for; opens the error's message. */
  readonly what?: string;
  readonly signal?: AbortSignal;
}

/**
 * Polls a real system: calls `attempt` until it neither throws nor returns false, and returns what it returned.
 * At the deadline the last failure is thrown as the cause of an error that says how long was waited.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 50, what, signal }: EventuallyOptions = {},
): Promise<Exclude<T, false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const result = await attempt();
      if (result !== false) return result as Exclude<T, false>;
      failure = new Error('the condition is false');
    } catch (error) {
      failure = error;
    }
    signal?.throwIfAborted();
    if (performance.now() >= deadline) {
      const last = failure instanceof Error ? failure.message : String(failure);
      throw new Error(`${what ?? 'condition'} not met within ${timeoutMs} ms: ${last}`, { cause: failure });
    }
    await delay(intervalMs, undefined, signal ? { signal } : {});
  }
}
