import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import type { Difference, Differences } from './audit.ts';

/** How often a store is compared without a reason, to find what nothing else shows, in milliseconds. */
const periodMs = 3_600_000;
/** Events on their way to a watch that was just resumed arrive within this time, in milliseconds. */
const settleMs = 2_000;
/** A difference that is still the same after this time is not one of timing, in milliseconds. */
const confirmMs = 5_000;
/** The shortest pause between two audits that were asked for; longer if audits would take over a hundredth of the time. */
const leastPauseMs = 30_000;
const pauseFactor = 100;

/**
 * A watch that is resumed later than this may be resumed in another history: an etcd restored meanwhile. It counts
 * until the server's version is known, not until the watch is open: within it the new history cannot catch up.
 */
export const promptMs = 3_000;

export interface AuditorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Compares once. Rejects when that is not possible at the moment. */
  readonly compare: (signal: AbortSignal) => Promise<Differences>;
}

/**
 * Decides when a store is compared with the server beside its watch: when it is doubtful, and otherwise every hour.
 * There are three reasons to doubt:
 *
 * - The watch was silent until it was given up, or could not be resumed at once. An etcd that was restored meanwhile may
 *   have reached the version of the old one, so that versions do not show it.
 * - The process stood still, so that it does not know how long its watch was lost.
 * - A consistent read has found an object that the store does not have.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  #dueAt: number;
  /** Audits that are asked for come no sooner. */
  #earliestAt = Number.NEGATIVE_INFINITY;
  /** When the watch ended that is to be resumed. Kept until its history is known. */
  #lostAt: number | undefined;
  /** When a watch was lost that was resumed so late that the store has to be compared; until it was found right. */
  #doubted: number | undefined;
  readonly #wakeup: Wakeup;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
    this.#dueAt = this.#inAPeriod();
  }

  /**
   * Since when the store may be of another history, monotonic ms: from the loss of its watch, if that lasted longer
   * than a moment, or from a standstill, until a comparison finds the store right. Undefined: it is not doubtful.
   */
  get doubtfulSince(): number | undefined {
    const lostMs = this.#lostAt === undefined ? 0 : this.#options.clock.now() - this.#lostAt;
    return this.#doubted ?? (lostMs > promptMs ? this.#lostAt : undefined);
  }

  /** The watch has ended. `since`: it may have been lost then already, monotonic ms. */
  watchLost(since = this.#options.clock.now()): void {
    this.#lostAt ??= since;
  }

  /**
   * The watch is open again, and the server's version is not behind. This proves that the history is the same
   * only when it came soon after the loss.
   */
  watchResumed(): void {
    if (this.#lostAt !== undefined && this.#options.clock.now() - this.#lostAt > promptMs) {
      this.doubt(this.#lostAt);
    }
    this.#lostAt = undefined;
  }

  /** The store may be of another history since then, monotonic ms. */
  doubt(since: number): void {
    this.#doubted ??= since;
    this.ask();
  }

  /** The store is to be compared. */
  ask(): void {
    const soon = Math.max(this.#options.clock.now() + settleMs, this.#earliestAt);
    this.#dueAt = Math.min(this.#dueAt, soon);
    this.#wakeup.notify();
  }

  /** Everything was listed again, which is as good as an audit. */
  listed(): void {
    this.#lostAt = undefined;
    this.#doubted = undefined;
    this.#dueAt = this.#inAPeriod();
  }

  /**
   * Compares whenever it is due, while a watch lasts. Resolves with the differences that two audits in a row have
   * found, or with none when the signal aborts. Never rejects.
   */
  async run(signal: AbortSignal): Promise<readonly Difference[]> {
    const { clock, random, logger } = this.#options;
    const backoff = new Backoff({ initialMs: settleMs, maxMs: 60_000, random });
    // A watch that ends soon is not worth an audit.
    this.#dueAt = Math.max(this.#dueAt, clock.now() + settleMs);
    while (!signal.aborted) {
      try {
        await this.#due(signal);
        const startedAt = clock.now();
        const first = await this.#options.compare(signal);
        const pauseMs = Math.max(leastPauseMs, pauseFactor * (clock.now() - startedAt));
        this.#earliestAt = clock.now() + pauseMs;
        if (first.size > 0) {
          await clock.sleep(confirmMs, signal);
          const second = await this.#options.compare(signal);
          const alike = [...second].filter(([object, { what }]) => first.get(object)?.what === what);
          if (alike.length > 0) return alike.map(([, difference]) => difference);
        }
        this.#doubted = undefined;
        this.#dueAt = this.#inAPeriod();
        backoff.reset();
      } catch (thrown) {
        if (signal.aborted) break;
        logger.debug('cannot compare the store with the API server; retrying', {
          reason: 'NotCompared',
          error: describe(thrown),
        });
        this.#dueAt = clock.now() + backoff.next(RegistrarError.from(thrown).retryAfterMs);
      }
    }
    return [];
  }

  #inAPeriod(): number {
    const { clock, random } = this.#options;
    return clock.now() + jittered(periodMs, 0.2, random);
  }

  async #due(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let leftMs = this.#dueAt - clock.now(); leftMs > 0; leftMs = this.#dueAt - clock.now()) {
      await this.#wakeup.wait(leftMs, signal);
    }
  }
}
