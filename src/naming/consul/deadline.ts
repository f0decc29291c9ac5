import type { Clock } from '../../lib/clock.ts';
import { NamingError } from '../naming-error.ts';

/**
 * Runs `work` with a signal that aborts with the caller's, or after `ms` of the clock. Rejects with
 * `aborted` or `unavailable` respectively; leaves no timer behind.
 */
export async function withinDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, ms, signal, doing }: { clock: Clock; ms: number; signal: AbortSignal; doing: string },
): Promise<T> {
  const expired = new AbortController();
  using _timer = clock.schedule(ms, () => expired.abort());
  try {
    return await work(AbortSignal.any([signal, expired.signal]));
  } catch (thrown) {
    if (signal.aborted) throw new NamingError('aborted', `${doing}: aborted`, { cause: signal.reason });
    if (expired.signal.aborted) {
      throw new NamingError('unavailable', `${doing}: no answer within ${ms} ms`, { cause: thrown });
    }
    throw NamingError.from(thrown, doing);
  }
}
