import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { parseDuration } from './duration.ts';
import { type ConsulRequest, HttpError } from './http.ts';
import type { Store } from './store.ts';

/** Collects the topics a reading depends on. */
export class WatchSet {
  readonly topics = new Set<string>();

  add(...topics: string[]): void {
    for (const topic of topics) this.topics.add(topic);
  }
}

export interface Reading<T> {
  readonly index: number;
  readonly value: T;
  readonly filteredByAcls: boolean;
  /** The thing asked for does not exist: appearing is a change, but the index moving past it is none. */
  readonly notFound?: boolean;
}

export interface BlockingOptions {
  readonly minIndex: number;
  readonly waitMs: number;
}

const defaultWaitMs = 300_000;
const maxWaitMs = 600_000;

/** `?index=` and `?wait=` (default 5 min, at most 10 min); 400 when they cannot be read. */
export function blockingOptions({ query }: ConsulRequest): BlockingOptions {
  const wait = query.get('wait') || undefined;
  const ms = wait === undefined ? 0 : parseDuration(wait);
  if (ms === undefined) throw new HttpError(400, 'Invalid wait time');
  const index = query.get('index') || '0';
  if (!/^\d+$/.test(index)) throw new HttpError(400, 'Invalid index');
  return { minIndex: Number(index), waitMs: ms <= 0 ? defaultWaitMs : Math.min(ms, maxWaitMs) };
}

/**
 * Runs a reading, and again whenever something it depends on changed, until its index is above `minIndex`
 * or the wait is over; then the last reading is the answer. Up to a sixteenth of the wait is added at random, so that
 * clients do not come back all at once. When the state is replaced (a restored snapshot) the wait ends at once
 * with the reading from before: only the next one shows that the index went back. A stream (`survivesRestore`)
 * is set up again instead and sleeps on.
 */
export async function blockingQuery<T>(
  { store, clock, random }: { readonly store: Store; readonly clock: Clock; readonly random: Random },
  { minIndex, waitMs }: BlockingOptions,
  signal: AbortSignal,
  read: (watch: WatchSet) => Reading<T>,
  survivesRestore = false,
): Promise<Reading<T>> {
  const deadline = clock.now() + waitMs * (1 + random() / 16);
  let above = minIndex;
  let wasMissing = false;
  for (;;) {
    const watch = new WatchSet();
    const reading = read(watch);
    if (minIndex === 0) return reading;
    if (reading.notFound === true) {
      if (wasMissing) above = reading.index;
      wasMissing = true;
    }
    if (reading.index > above) return reading;
    const wake = await store.watchers.wait(watch.topics, deadline, signal);
    if (wake === 'abandoned' && survivesRestore) continue;
    if (wake !== 'changed') return reading;
  }
}
