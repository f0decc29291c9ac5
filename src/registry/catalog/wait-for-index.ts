import type { IndexSource } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { acceptedMs } from './wait-budget.ts';
import type { WatchContext } from './watch-context.ts';

/**
 * What ended a wait:
 * - an index above the one waited for
 * - `broken-off` Consul answered early without a newer one: a snapshot was restored, and indexes may be behind
 * - `refused`    Consul takes no more connections from this address
 */
export type Wake = number | 'broken-off' | 'refused';

/**
 * Waits at Consul until an index is above `index`; what is there is not read. A wait that something between has
 * cut is set again. To be called after a request to Consul has succeeded: a connection that breaks at once was
 * then refused. Rejects when Consul cannot be waited at for another reason.
 */
export async function waitForIndex(
  { client, clock, budget, nodesWatched }: WatchContext,
  source: IndexSource,
  index: number,
  signal: AbortSignal,
): Promise<Wake> {
  for (let isFirst = true; ; isFirst = false) {
    const setAt = clock.now();
    const { lengthMs } = budget.limits;
    try {
      const answered = await client.indexOf(source, { index, waitMs: lengthMs }, signal);
      if (answered > index) return answered;
      // The whole wait without a newer index: nothing happened.
      if (answered < index || clock.now() - setAt < lengthMs) return 'broken-off';
    } catch (thrown) {
      signal.throwIfAborted();
      const error = RegistrarError.from(thrown);
      const isReset = isFirst && error.code === 'unreachable' && clock.now() - setAt < acceptedMs;
      if (error.status === 429 || isReset) {
        budget.refused(error.message, setAt, nodesWatched());
        return 'refused';
      }
      if (!budget.cut(error, setAt)) throw error;
    }
  }
}

/** The index above which something is; rejects when the wait was refused, undefined when it was broken off. */
export function indexOfWake(wake: Wake): number | undefined {
  if (wake === 'refused') {
    throw new RegistrarError('throttled', 'Consul takes no more connections from this address');
  }
  return wake === 'broken-off' ? undefined : wake;
}
