import type { Clock } from '../../lib/clock.ts';

/** Least time between two requests that both brought news: a burst of changes becomes a few callbacks. */
const newsGapMs = 50;
const firstIdleGapMs = 100;
const maxIdleGapMs = 1_000;

/**
 * Keeps a long poll from spinning on a server that does not block. The gap between the starts of two
 * requests is at least 50 ms after news and, after answers without any, 100 ms, doubled for every one that
 * came too soon up to 1 s. A request that blocked for longer than its gap is followed at once by the next.
 */
export class Pacer {
  readonly #clock: Clock;
  #startedAt: number;
  #idleGapMs = firstIdleGapMs;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** A request starts now. */
  start(): void {
    this.#startedAt = this.#clock.now();
  }

  /** Waits until the next request may start. */
  async pause(news: boolean, signal: AbortSignal): Promise<void> {
    const gapMs = news ? newsGapMs : this.#idleGapMs;
    const leftMs = this.#startedAt + gapMs - this.#clock.now();
    this.#idleGapMs = news || leftMs <= 0 ? firstIdleGapMs : Math.min(maxIdleGapMs, 2 * gapMs);
    if (leftMs > 0) await this.#clock.sleep(leftMs, signal);
  }
}
