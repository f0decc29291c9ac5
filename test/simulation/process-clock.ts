import { type Clock, sleepBy } from '../../src/lib/clock.ts';

/**
 * The clock of one process: its timers die with it, its event loop can stall, and its wall clock can be
 * wrong. `base` is the world's time.
 */
export class ProcessClock implements Clock {
  /** How far the host's wall clock is off, ms. */
  skewMs = 0;
  readonly #base: Clock;
  readonly #timers = new Set<Disposable>();
  #stall = { from: 0, until: 0 };
  #dead = false;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** Timers the process has set and neither fired nor disposed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Since when the event loop stands still, or stood still until this very moment. */
  get stalledSince(): number | undefined {
    return this.#base.now() <= this.#stall.until && this.#stall.until > 0 ? this.#stall.from : undefined;
  }

  /** Until when it stood still the last time. */
  get stalledUntil(): number {
    return this.#stall.until;
  }

  now(): number {
    return this.#base.now();
  }

  wall(): number {
    return this.#base.wall() + this.skewMs;
  }

  schedule(ms: number, fn: () => void): Disposable {
    let timer: Disposable;
    const handle: Disposable = {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        this.#timers.delete(handle);
      },
    };
    const arm = (wait: number): void => {
      timer = this.#base.schedule(wait, () => {
        const late = this.#stall.until - this.#base.now();
        if (late > 0) return arm(late);
        this.#timers.delete(handle);
        fn();
      });
    };
    if (this.#dead) return { [Symbol.dispose]: () => {} };
    arm(ms);
    this.#timers.add(handle);
    return handle;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  yield(): Promise<void> {
    return this.#base.yield();
  }

  /** Nothing of the process runs for `ms`; what comes due meanwhile comes late. */
  stall(ms: number): void {
    const now = this.#base.now();
    this.#stall = { from: this.stalledSince ?? now, until: Math.max(this.#stall.until, now + ms) };
  }

  /** Milliseconds until the process can take in what arrives now. */
  get lag(): number {
    return Math.max(0, this.#stall.until - this.#base.now());
  }

  /** The process is gone: no timer fires any more. */
  kill(): void {
    this.#dead = true;
    for (const timer of [...this.#timers]) timer[Symbol.dispose]();
  }
}
