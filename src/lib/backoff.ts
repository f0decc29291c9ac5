import type { Random } from './random.ts';

export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. Default 800. */
  readonly initialMs?: number;
  /** Upper bound of any wait, in milliseconds. Default 30,000. */
  readonly maxMs?: number;
  readonly random: Random;
}

/**
 * Exponential backoff with full jitter: wait n is drawn from [0, min(max, initial · 2ⁿ)), which spreads
 * retries of many clients best (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #attempt = 0;

  constructor({ initialMs = 800, maxMs = 30_000, random }: BackoffOptions) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** The next wait in milliseconds; never below `atLeastMs` (a server's Retry-After). */
  next(atLeastMs = 0): number {
    const bound = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.max(atLeastMs, bound * this.#random());
  }

  reset(): void {
    this.#attempt = 0;
  }
}
