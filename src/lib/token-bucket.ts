import type { Clock } from './clock.ts';

export interface TokenBucketOptions {
  readonly clock: Clock;
  /** Tokens it holds at most, and at first. */
  readonly burst: number;
  /** Milliseconds until another token is added. */
  readonly refillMs: number;
}

/** Limits a rate: `burst` at once after a rest, then one each `refillMs`. Keeps a number and no timer. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #refillMs: number;
  readonly #toleranceMs: number;
  /** When the bucket is full again. */
  #fullAt = 0;

  constructor({ clock, burst, refillMs }: TokenBucketOptions) {
    this.#clock = clock;
    this.#refillMs = refillMs;
    this.#toleranceMs = (burst - 1) * refillMs;
  }

  /** Takes a token. Returns how long to wait until the bucket holds it, in milliseconds; 0: no wait. */
  take(): number {
    const now = this.#clock.now();
    const fullAt = Math.max(this.#fullAt, now);
    this.#fullAt = fullAt + this.#refillMs;
    return Math.max(0, fullAt - this.#toleranceMs - now);
  }
}
