import type { IndexSource } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { acceptedMs } from './wait-budget.ts';
import type { WatchContext } from './watch-context.ts';

/**
 * How a blocking query ended:
 * - an index above the one it was sent with
 * - `broken-off` Consul answered early without a newer index: a snapshot was restored, and indexes may have gone back
 * - `refused`    Consul accepts no more connections from this address
 */
export type QueryEnd = number | 'broken-off' | 'refused';

/**
 * Resolves when an index has passed `index`, by blocking queries that return no content. Repeats a query that a proxy
 * has cut. To be called after a request to Consul has succeeded: a connection that breaks at once was then refused.
 * Rejects when a query fails for another reason.
 */
export async function waitForIndex(
  { client, clock, budget, nodesWatched }: WatchContext,
  source: IndexSource,
  index: number,
  signal: AbortSignal,
): Promise<QueryEnd> {
  for (let isFirst = true; ; isFirst = false) {
    const setAt = clock.now();
    const { lengthMs } = budget.limits;
    try {
      const answered = await client.indexOf(source, { index, waitMs: lengthMs }, signal);
      if (answered > index) return answered;
      // The query ran its whole time without a newer index: nothing happened.
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

/** The index that ended the query; undefined when it was broken off. Throws `throttled` when it was refused. */
export function indexAfter(ended: QueryEnd): number | undefined {
  if (ended === 'refused') {
    throw new RegistrarError('throttled', 'Consul takes no more connections from this address');
  }
  return ended === 'broken-off' ? undefined : ended;
}
