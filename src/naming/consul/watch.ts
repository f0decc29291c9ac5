import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { NamingError, type NamingErrorCode, type Report } from '../naming-error.ts';
import type { Subscription } from '../subscription.ts';
import type { ConnectionBudget, Member } from './connection-budget.ts';
import type { ConsulClient, HealthAnswer } from './consul-client.ts';
import { MinimumInterval } from './minimum-interval.ts';

export interface WatchOptions {
  readonly client: ConsulClient;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
}

/**
 * How long a query blocks: normally, and while others wait for its connection. After the servers were restored from a
 * snapshot, the streaming backend answers only at the end of the wait, so the first must not be long.
 */
const waitMs = 30_000;
const contendedWaitMs = 2_000;
const minRetryMs = 100;

/**
 * The state of a watch.
 *
 * - `reading`: the next request asks for the whole state and does not block
 * - `blocking`: the next request waits for an index above the last one
 * - `failing`: the last request failed and `code` was reported; the next one follows after a pause
 */
type WatchState =
  | { readonly kind: 'reading' }
  | { readonly kind: 'blocking'; readonly index: number }
  | { readonly kind: 'failing'; readonly code: NamingErrorCode };

/**
 * Feeds a subscription from blocking queries until it ends. Never rejects.
 *
 * After any failure the whole state is read again: on a server that lost its state, a query with the old index would
 * block although everything has changed. The same happens after two kinds of answers that prove nothing:
 *
 * - an index that went backwards (Consul API, "Blocking Queries"; hashicorp/consul#20790 answers an empty list with
 *   index 1);
 * - an empty list from the streaming backend, which it also sends, without a header, when the token has lost its
 *   rights. A plain read shows which of the two it is.
 */
export async function watchService(
  subscription: Subscription,
  { client, budget, clock, random, report }: WatchOptions,
): Promise<void> {
  const { service, signal } = subscription;
  const backoff = new Backoff({ initialMs: 250, maxMs: 10_000, random });
  const interval = new MinimumInterval(clock);
  using member = budget.join();
  let state: WatchState = { kind: 'reading' };
  let known = 0;

  while (!signal.aborted) {
    try {
      const index: number = state.kind === 'blocking' ? state.index : 0;
      const answer: HealthAnswer | 'preempted' = await ask(client, member, service, index, interval, signal);
      if (answer === 'preempted') continue;
      // With 0 the query would not block: "clients should sanity check and use 1".
      const at = Math.max(1, answer.index);
      const isGone = answer.isStreamed && known > 0 && answer.instances.length === 0;
      const isEvidence = at >= index && !isGone;
      const news = isEvidence && subscription.offer(answer.instances);
      if (isEvidence) known = answer.instances.length;
      // Only a blocking query proves that the failure is over; the read right after it does not.
      if (index > 0) backoff.reset();
      state = isEvidence ? { kind: 'blocking', index: at } : { kind: 'reading' };
      await interval.pause(news, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = NamingError.from(thrown, `watching "${service}"`);
      if (error.code === 'denied' && !subscription.hasStarted) {
        subscription.fail(error);
        return;
      }
      if (state.kind !== 'failing' || state.code !== error.code) report(error);
      state = { kind: 'failing', code: error.code };
      const retryMs = backoff.next(Math.max(minRetryMs, error.retryAfterMs ?? 0));
      await clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}

async function ask(
  client: ConsulClient,
  member: Member,
  service: string,
  index: number,
  interval: MinimumInterval,
  signal: AbortSignal,
): Promise<HealthAnswer | 'preempted'> {
  using slot = await member.acquire(signal);
  interval.start();
  try {
    return await client.watch(
      service,
      index,
      slot.contended ? contendedWaitMs : waitMs,
      AbortSignal.any([signal, slot.preempted]),
    );
  } catch (thrown) {
    if (slot.preempted.aborted && !signal.aborted) return 'preempted';
    throw thrown;
  }
}
