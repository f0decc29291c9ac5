import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ErrorCode, RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { type Phase, type Recovery, recoveryFrom } from './recovery.ts';

/** How long to do without WatchList after it failed, in milliseconds. */
const watchListRestMs = 600_000;
/** Between two attempts while a person has to grant or install something first, in milliseconds. */
const slowRetryMs = 30_000;
/** An API server that has just started refuses everything until it has read its roles: seconds, not more. */
const startUpMs = 15_000;
const startUpRetryMs = 1_500;

export interface FailedAttempt {
  readonly phase: Phase;
  readonly error: RegistrarError;
  /** The resourceVersion of the watch; empty: the whole was to be read. */
  readonly resumeAt: string;
  /** The failure before, if nothing has succeeded since. */
  readonly before: ErrorCode | undefined;
}

/** How long a reflector waits between two attempts, and what of earlier failures that depends on. */
export class ReflectorBackoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: Backoff;
  /** Where a line was last unreadable. */
  #badLineAt: string | undefined;
  #avoidWatchListUntil = 0;
  /** When the first of several refusals in a row came, `clock.now()`. */
  #refusedSince: number | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff({ random });
  }

  /** Whether the whole is to be read by a paginated LIST for now. */
  get avoidsWatchList(): boolean {
    return this.#clock.now() < this.#avoidWatchListUntil;
  }

  /** A watch lasted or delivered: the waits start from the beginning. */
  reset(): void {
    this.#backoff.reset();
  }

  /** After an attempt that did not fail, in milliseconds. A server that ends every watch at once gets a pause. */
  afterEnd({ atOnce }: { readonly atOnce: boolean }): number {
    this.#refusedSince = undefined;
    return atOnce ? this.#backoff.next() : 0;
  }

  /** What to do after a failure, and after how many milliseconds; and whether a line of a watch was unreadable. */
  afterFailure({
    phase,
    error,
    resumeAt,
    before,
  }: FailedAttempt): Recovery & { readonly waitMs: number; readonly isUnreadable: boolean } {
    const isUnreadable = error.code === 'protocol' && phase !== 'list';
    const repeated = isUnreadable && this.#badLineAt === resumeAt;
    if (isUnreadable) this.#badLineAt = resumeAt;
    const recovery = recoveryFrom({ phase, code: error.code, repeated });
    if (recovery.avoidWatchList) this.#avoidWatchListUntil = this.#clock.now() + watchListRestMs;
    if (recovery.wait !== 'slow') this.#refusedSince = undefined;
    // The server was away, is back and no longer has this version: there is no reason to wait as for an absent one.
    if (error.code === 'gone' && before !== undefined && before !== 'gone') this.#backoff.reset();
    return { ...recovery, isUnreadable, waitMs: this.#waitMs(recovery.wait, error.retryAfterMs) };
  }

  #waitMs(wait: Recovery['wait'], retryAfterMs = 0): number {
    switch (wait) {
      case 'none':
        return 0;
      case 'backoff':
        return this.#backoff.next(retryAfterMs);
      case 'slow': {
        const now = this.#clock.now();
        this.#refusedSince ??= now;
        const retryMs = now - this.#refusedSince < startUpMs ? startUpRetryMs : slowRetryMs;
        return Math.max(retryAfterMs, jittered(retryMs, 0.2, this.#random));
      }
    }
  }
}
