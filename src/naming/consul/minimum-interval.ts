import type { Clock } from '../../lib/clock.ts';

/** After an answer with news: a burst of changes becomes a few callbacks. */
const newsGapMs = 50;
const firstIdleGapMs = 100;
const maxIdleGapMs = 1_000;

/**
 * Keeps a long poll from spinning on a server that does not block. Between the starts of two requests there are at
 * least 50 ms after an answer with news, and 100 ms after one without; the latter doubles, up to 1 s, for every answer
 * that came too soon. When a request has blocked for longer, the next one follows at once.
 */
export class MinimumInterval {
  readonly #clock: Clock;
  #startedAt: number;
  #idleGapMs = firstIdleGapMs;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Notes that a request starts now. */
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
