import type { Clock } from '../../lib/clock.ts';

/**
 * Ends an exchange whose other side is silent. A dead peer behind a live proxy sends neither data nor a reset, and the
 * body's reader would wait for ever. The exchange runs on `signal`, which aborts with the parent, or when `heard()`
 * was not called for the limit; `expired` is true in the second case.
 */
export class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #parent: AbortSignal;
  readonly #abort = new AbortController();
  readonly #onParentAbort = () => this.#abort.abort(this.#parent.reason);
  #limitMs: number;
  #heardAt: number;
  #timer: Disposable | undefined;
  #expired = false;
  #endedBy: Error | undefined;

  constructor(clock: Clock, limitMs: number, parent: AbortSignal) {
    this.#clock = clock;
    this.#parent = parent;
    this.#limitMs = limitMs;
    this.#heardAt = clock.now();
    if (parent.aborted) this.#onParentAbort();
    else parent.addEventListener('abort', this.#onParentAbort, { once: true });
    this.#arm(limitMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get expired(): boolean {
    return this.#expired;
  }

  /** The reason given to `end()`. */
  get endedBy(): Error | undefined {
    return this.#endedBy;
  }

  /** Ends the exchange for a reason seen elsewhere. */
  end(reason: Error): void {
    this.#endedBy ??= reason;
    this.#abort.abort(reason);
  }

  /** Cheap enough for every chunk: the timer stays, and looks at the time when it fires. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** Starts again with another limit. */
  limit(limitMs: number): void {
    this.#limitMs = limitMs;
    this.heard();
    this.#timer?.[Symbol.dispose]();
    this.#arm(limitMs);
  }

  /** Ends the exchange if it is not over, and everything else that runs on the signal. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#parent.removeEventListener('abort', this.#onParentAbort);
    this.#abort.abort();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.schedule(ms, () => {
      const left = this.#heardAt + this.#limitMs - this.#clock.now();
      if (left > 0) {
        this.#arm(left);
        return;
      }
      this.#expired = true;
      this.#abort.abort();
    });
  }
}
