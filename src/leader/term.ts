import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';

/** The time in which this process leads, from winning the lease to losing it or giving it back. */
export interface Term {
  /** Aborts when the term is over. */
  readonly signal: AbortSignal;
  /** Number of the term: the lease's transitions. */
  readonly number: number;
  /**
   * Whether the lease still protects what is done now, by monotonic time. To be asked before every external
   * write: timers of a process that stood still fire too late. A term found expired is over.
   */
  isValid(): boolean;
  /** Ends the term, because this process must not lead. */
  end(why: RegistrarError): void;
}

/** A term whose lease has to be renewed. */
export class LeaseTerm implements Term, Disposable {
  readonly number: number;
  readonly #clock: Clock;
  readonly #renewDeadlineMs: number;
  readonly #abort = new AbortController();
  #renewedAt: number;
  #timer: Disposable;

  /** `renewedAt`: the start of the call that won the lease. */
  constructor(clock: Clock, number: number, renewedAt: number, renewDeadlineMs: number) {
    this.number = number;
    this.#clock = clock;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#renewedAt = renewedAt;
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Start of the last successful renewal. */
  get renewedAt(): number {
    return this.#renewedAt;
  }

  /** Milliseconds until the renew deadline; not above 0 when it has passed. */
  get remainingMs(): number {
    return this.#renewedAt + this.#renewDeadlineMs - this.#clock.now();
  }

  isValid(): boolean {
    if (this.remainingMs <= 0) this.#expire();
    return !this.signal.aborted;
  }

  end(why: RegistrarError): void {
    this.#timer[Symbol.dispose]();
    this.#abort.abort(why);
  }

  renewed(startedAt: number): void {
    if (!this.isValid()) return;
    this.#renewedAt = startedAt;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#arm();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #arm(): Disposable {
    return this.#clock.schedule(Math.max(0, this.remainingMs), () => {
      // A timer may fire a little early.
      if (this.isValid()) this.#timer = this.#arm();
    });
  }

  #expire(): void {
    this.end(new RegistrarError('timeout', `the lease was not renewed for ${this.#renewDeadlineMs} ms`));
  }
}
