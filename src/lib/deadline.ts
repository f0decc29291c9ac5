import type { Clock } from './clock.ts';
import { RegistrarError } from './errors.ts';

/**
 * Runs `work` with a signal that aborts when the caller's signal does or when `ms` have passed. In the second case
 * it rejects with `timeout`. It leaves no timer and no listener behind.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw new RegistrarError('aborted', 'aborted', { cause: signal.reason });
  const abort = new AbortController();
  let late = false;
  const onAbort = () => abort.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  using _timer = clock.schedule(ms, () => {
    late = true;
    abort.abort(new RegistrarError('timeout', `no answer within ${ms} ms`));
  });
  try {
    return await work(abort.signal);
  } catch (thrown) {
    if (late && !signal.aborted) {
      throw new RegistrarError('timeout', `no answer within ${ms} ms`, { cause: thrown });
    }
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
