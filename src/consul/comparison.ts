import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { jittered, type Random } from '../lib/random.ts';
import type { Drift } from '../plan/finding.ts';
import type { ObservedState } from './observed-state.ts';

export interface ComparisonOptions {
  readonly observed: ObservedState;
  readonly clock: Clock;
  readonly random: Random;
  /** In milliseconds, ±10 %. Default 60,000. */
  readonly intervalMs?: number;
  /** After a complete reading: how it differs from what was known. */
  readonly onCompared: (drift: readonly Drift[]) => void;
  /** A comparison was not possible; the next one is tried after the interval. */
  readonly onError: (error: RegistrarError) => void;
}

/**
 * Compares memory with a full reading, again and again until the signal aborts; then it returns. This is
 * what finds, sooner or later, everything that any quicker way has missed.
 */
export async function comparePeriodically(options: ComparisonOptions, signal: AbortSignal): Promise<void> {
  const { observed, clock, random, intervalMs = 60_000, onCompared, onError } = options;
  while (!signal.aborted) {
    try {
      await clock.sleep(jittered(intervalMs, 0.1, random), signal);
      onCompared(await observed.readAll(signal));
    } catch (thrown) {
      if (!signal.aborted) onError(RegistrarError.from(thrown));
    }
  }
}
