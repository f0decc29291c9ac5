import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { forever } from '../lib/retry.ts';
import type { LeaseClient } from './lease-client.ts';

/** How long after a watch that ended or failed the next one is opened, in milliseconds. */
const reopenMs = 5_000;

export interface LeaseWatchOptions {
  readonly client: LeaseClient;
  readonly clock: Clock;
  readonly onChange: () => void;
  /** Called once, when the lease may not be watched. */
  readonly onForbidden: (error: RegistrarError) => void;
}

/**
 * Watches the lease until the signal aborts, so that a standby takes a lease given back within milliseconds. Never
 * rejects: without a working watch the standby still reads the lease from time to time.
 */
export async function watchLease(options: LeaseWatchOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, onChange, onForbidden } = options;
  let isReported = false;
  const watch = async () => {
    await client.watch(onChange, signal).catch((thrown: unknown) => {
      const error = RegistrarError.from(thrown);
      if (error.code === 'forbidden' && !isReported) onForbidden(error);
      isReported ||= error.code === 'forbidden';
    });
    await clock.sleep(reopenMs, signal);
  };
  await forever(watch, signal);
}
