import type { Clock } from '../lib/clock.ts';
import type { LeaseClient } from './lease-client.ts';
import { expiresAt, holderOf, type Observation, observe } from './lease-record.ts';

export interface LiveHolderOptions {
  readonly clock: Clock;
  /** How long a lease lasts that does not say so itself, in milliseconds. */
  readonly durationMs: number;
}

const pollMs = 1_000;
const callMs = 10_000;

/**
 * Who holds the lease and renews it; undefined when nobody does. The times in a lease come from another clock, so a
 * holder that died is known only by not renewing it for as long as it lasts. Rejects as LeaseClient.
 */
export async function liveHolder(
  lease: LeaseClient,
  { clock, durationMs }: LiveHolderOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  let seen: Observation | undefined;
  for (;;) {
    const record = await lease.read(callMs, signal);
    if (record === undefined || holderOf(record) === '') return undefined;
    const now = observe(seen, record, clock.now());
    if (seen !== undefined && now.changedAt !== seen.changedAt) return holderOf(record);
    if (clock.now() >= expiresAt(now, durationMs)) return undefined;
    seen = now;
    await clock.sleep(pollMs, signal);
  }
}
