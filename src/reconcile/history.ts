import type { Clock } from '../lib/clock.ts';
import { pauseBy } from '../lib/pause.ts';
import { Percentiles } from './percentiles.ts';
import { type ServiceCounts, type StatusCounts, totalOf } from './service-counts.ts';

/** What is known of one quarter of a minute. */
export interface Moment extends Readonly<StatusCounts> {
  /** Its end, wall-clock milliseconds. */
  readonly at: number;
  /** From the receipt of an event to the commit, in milliseconds; undefined when nothing was committed. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Changes that Consul took, a second. */
  readonly writes: number;
  /** At its end: nodes with an event that is not answered, and its age. */
  readonly waiting: number;
  readonly oldestMs: number;
}

export interface HistoryOptions {
  readonly clock: Clock;
  readonly services: Pick<ServiceCounts, 'inSlices' | 'now'>;
  /** Undefined while this process does not write. */
  readonly unanswered: () => { readonly count: number; readonly oldestMs: number } | undefined;
}

const stepMs = 15_000;
/** An hour of them. */
const most = 240;

/** The last hour, in steps of a quarter of a minute: what the plots show. Older steps are forgotten. */
export class History {
  readonly #options: HistoryOptions;
  readonly #moments: Moment[] = [];
  readonly #durations = new Percentiles();
  #writes = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** A change was committed. */
  wrote(): void {
    this.#writes += 1;
  }

  /** An event is answered after so many milliseconds. */
  propagated(ms: number): void {
    this.#durations.add(ms);
  }

  /** The oldest first. */
  moments(): readonly Moment[] {
    return this.#moments;
  }

  /** Takes note of every step until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, services } = this.#options;
    let since = clock.now();
    while (!signal.aborted) {
      await clock.sleep(stepMs, signal).catch(() => {});
      if (signal.aborted) return;
      await services.inSlices(pauseBy(clock));
      const now = clock.now();
      this.#note(now - since);
      since = now;
    }
  }

  #note(ms: number): void {
    const { clock, services, unanswered } = this.#options;
    const { count: waiting, oldestMs } = unanswered() ?? { count: 0, oldestMs: 0 };
    this.#moments.push({
      at: clock.wall(),
      p50: this.#durations.at(0.5),
      p99: this.#durations.at(0.99),
      writes: this.#writes / (ms / 1_000),
      ...totalOf(services.now),
      waiting,
      oldestMs,
    });
    if (this.#moments.length > most) this.#moments.shift();
    this.#durations.clear();
    this.#writes = 0;
  }
}
