import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { Logger } from '../../logging/logger.ts';
import type { Difference, Differences } from './audit.ts';

/** However well everything looks, a store is compared this often: what nothing else shows is found then. */
const periodMs = 3_600_000;
/** What is on its way to a watch that has just been resumed arrives within it. */
const settleMs = 2_000;
/** A difference that is the same again so much later is none of timing. */
const confirmMs = 5_000;
/** Between two audits that are asked for: at least this, and so long that they take a hundredth of the time. */
const leastPauseMs = 30_000;
const pauseFactor = 100;

/**
 * A watch that is resumed later than this may be resumed in another history: an etcd restored meanwhile. It counts
 * until the server's version is known, not until the watch is open: within it the new history cannot catch up.
 */
const promptMs = 3_000;

export interface AuditorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Compares once. Rejects when that is not possible at the moment. */
  readonly compare: (signal: AbortSignal) => Promise<Differences>;
}

/**
 * Decides when a store is compared with the server beside its watch: when something makes it doubtful, and
 * otherwise every hour. Reasons to doubt are a watch that could not be resumed at once, because an etcd that
 * was restored meanwhile may have come as far as the old one, so that no version tells; and an object that
 * the store has not and a second read has.
 */
export class Auditor {
  readonly #options: AuditorOptions;
  #dueAt: number;
  /** Audits that are asked for do not come sooner. */
  #earliestAt = Number.NEGATIVE_INFINITY;
  /** Something is doubtful and has not been found well since. */
  #isAsked = false;
  /** When the watch ended that is to be resumed; kept until the history it is resumed in is known. */
  #lostAt: number | undefined;
  /** When the watch was lost that was resumed so late that the store has to be compared first. */
  #doubted: number | undefined;
  readonly #wakeup: Wakeup;

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
    this.#dueAt = this.#inAPeriod();
  }

  /**
   * Since when the store may be of another history, monotonic ms: since its watch was lost for longer than a
   * moment, until it is found well. Undefined: it is not.
   */
  get doubtfulSince(): number | undefined {
    const lostMs = this.#lostAt === undefined ? 0 : this.#options.clock.now() - this.#lostAt;
    return this.#doubtedSince ?? (lostMs > promptMs ? this.#lostAt : undefined);
  }

  /** The watch has ended. */
  watchLost(): void {
    this.#lostAt ??= this.#options.clock.now();
  }

  /**
   * The watch is open again, and the server's version is not behind. This proves that the history is the same
   * only when it came soon after the loss.
   */
  watchResumed(): void {
    if (this.#lostAt !== undefined && this.#options.clock.now() - this.#lostAt > promptMs) {
      this.#doubted = this.#doubtedSince ?? this.#lostAt;
      this.ask();
    }
    this.#lostAt = undefined;
  }

  /** Something is doubtful. */
  ask(): void {
    this.#isAsked = true;
    const soon = Math.max(this.#options.clock.now() + settleMs, this.#earliestAt);
    this.#dueAt = Math.min(this.#dueAt, soon);
    this.#wakeup.notify();
  }

  /** Everything was listed anew: as good as an audit. */
  listed(): void {
    this.#lostAt = undefined;
    this.#doubted = undefined;
    this.#isAsked = false;
    this.#dueAt = this.#inAPeriod();
  }

  /**
   * Compares whenever it is due, as long as a watch lasts. Resolves with the differences that two audits in a
   * row have found alike, or with none when the signal aborts; never rejects.
   */
  async run(signal: AbortSignal): Promise<readonly Difference[]> {
    const { clock, random, logger } = this.#options;
    const backoff = new Backoff({ initialMs: settleMs, maxMs: 60_000, random });
    // Also a watch that does not last is not worth an audit.
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
        this.#isAsked = false;
        this.#dueAt = this.#inAPeriod();
        backoff.reset();
      } catch (thrown) {
        if (signal.aborted) break;
        logger.debug('store not compared', { reason: 'NotCompared', error: describe(thrown) });
        this.#dueAt = clock.now() + backoff.next(RegistrarError.from(thrown).retryAfterMs);
      }
    }
    return [];
  }

  get #doubtedSince(): number | undefined {
    return this.#isAsked ? this.#doubted : undefined;
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
