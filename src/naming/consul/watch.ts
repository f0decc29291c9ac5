import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { NamingError, type NamingErrorCode, type Report } from '../naming-error.ts';
import type { Subscription } from '../subscription.ts';
import type { ConnectionBudget, Member } from './connection-budget.ts';
import type { ConsulClient, HealthAnswer } from './consul-client.ts';
import { Pacer } from './pacer.ts';

export interface WatchOptions {
  readonly client: ConsulClient;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
}

/**
 * How long a query blocks, and how long it does while others wait for its connection. The streaming backend
 * answers only at the end of the wait when the servers have gone back in time: that bounds the first.
 */
const waitMs = 30_000;
const contendedWaitMs = 2_000;
const minRetryMs = 100;

/**
 * Where a watch stands.
 *
 * - `reading`: the next request asks for the whole state, at once
 * - `blocking`: the next request waits for an index above the last one
 * - `failing`: backing off; `code` was reported
 */
type WatchState =
  | { readonly kind: 'reading' }
  | { readonly kind: 'blocking'; readonly index: number }
  | { readonly kind: 'failing'; readonly code: NamingErrorCode };

/**
 * Feeds a subscription from blocking queries until it ends. Never rejects.
 *
 * After any failure the whole state is read anew: a server that lost its state would let a query with the
 * old index block although everything has changed. Two kinds of answers are no evidence and lead to the same:
 * an index that went backwards (Consul API, "Blocking Queries"; hashicorp/consul#20790 answers an empty list
 * with index 1), and the streaming backend's word that all instances are gone, which it also gives, without
 * a header, when the token has lost its rights. A plain read tells which.
 */
export async function watchService(
  subscription: Subscription,
  { client, budget, clock, random, report }: WatchOptions,
): Promise<void> {
  const { service, signal } = subscription;
  const backoff = new Backoff({ initialMs: 250, maxMs: 10_000, random });
  const pacer = new Pacer(clock);
  using member = budget.join();
  let state: WatchState = { kind: 'reading' };
  let known = 0;

  while (!signal.aborted) {
    try {
      const index: number = state.kind === 'blocking' ? state.index : 0;
      const answer: HealthAnswer | 'preempted' = await ask(client, member, service, index, pacer, signal);
      if (answer === 'preempted') continue;
      // 0 would not block: "clients should sanity check and use 1".
      const at = Math.max(1, answer.index);
      const isGone = answer.isStreamed && known > 0 && answer.instances.length === 0;
      const isEvidence = at >= index && !isGone;
      const news = isEvidence && subscription.offer(answer.instances);
      if (isEvidence) known = answer.instances.length;
      // Only a query that blocked proves the trouble over: the read after a failure does not.
      if (index > 0) backoff.reset();
      state = isEvidence ? { kind: 'blocking', index: at } : { kind: 'reading' };
      await pacer.pause(news, signal);
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
  pacer: Pacer,
  signal: AbortSignal,
): Promise<HealthAnswer | 'preempted'> {
  using slot = await member.acquire(signal);
  pacer.start();
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
