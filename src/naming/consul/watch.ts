import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { repeat } from '../../lib/retry.ts';
import { NamingError, type NamingErrorCode, type Report } from '../naming-error.ts';
import type { Subscription } from '../subscription.ts';
import type { ConnectionBudget, Member } from './connection-budget.ts';
import type { ConsulAgents, HealthAnswer } from './consul-agents.ts';
import { MinimumInterval } from './minimum-interval.ts';

export interface WatchOptions {
  readonly agents: ConsulAgents;
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
  { agents, budget, clock, random, report }: WatchOptions,
): Promise<void> {
  const { service, signal } = subscription;
  const interval = new MinimumInterval(clock);
  using member = budget.join();
  /** The next request waits for a higher index; 0: it asks for the whole state and does not block. */
  let index = 0;
  let known = 0;
  let reported: NamingErrorCode | undefined;

  /** Ends after a query that blocked. Only this proves that a failure is over; the read right after it does not. */
  const step = async () => {
    for (let hasBlocked = false; !hasBlocked; ) {
      const answer = await ask(agents, member, service, index, interval, signal);
      if (answer === 'preempted') continue;
      hasBlocked = index > 0;
      reported = undefined;
      // With 0 the query would not block: "clients should sanity check and use 1".
      const at = Math.max(1, answer.index);
      const isGone = answer.isStreamed && known > 0 && answer.instances.length === 0;
      const isEvidence = at >= index && !isGone;
      const news = isEvidence && subscription.offer(answer.instances);
      if (isEvidence) known = answer.instances.length;
      index = isEvidence ? at : 0;
      await interval.pause(news, signal);
    }
  };
  const onError = (error: NamingError) => {
    index = 0;
    if (error.code === 'denied' && !subscription.hasStarted) {
      subscription.fail(error);
      return;
    }
    if (reported !== error.code) report(error);
    reported = error.code;
  };
  const errorOf = (thrown: unknown) => NamingError.from(thrown, `watching "${service}"`);
  const waits = { initialMs: 250, maxMs: 10_000, leastMs: 100 };
  await repeat(step, { ...waits, clock, random, onError, errorOf }, signal);
}

async function ask(
  agents: ConsulAgents,
  member: Member,
  service: string,
  index: number,
  interval: MinimumInterval,
  signal: AbortSignal,
): Promise<HealthAnswer | 'preempted'> {
  using slot = await member.acquire(signal);
  interval.start();
  try {
    return await agents.watch(
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
