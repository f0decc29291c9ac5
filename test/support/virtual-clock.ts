import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, sleepBy } from '../../src/lib/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/**
 * Time under the test's control. Nothing passes until `advance()`, which fires due timers one by one in
 * order and lets every promise settle between two of them, so that one run is like the next.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #wallOffset: number;
  readonly #timers = new Set<Timer>();

  /** `wall`: what `wall()` says at the start, in milliseconds since 1970. Default 2026-01-01. */
  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = wall;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  schedule(ms: number, fn: () => void): Disposable {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  /** Other work runs, no time passes. */
  yield(): Promise<void> {
    return Promise.resolve();
  }

  /** Timers that are neither fired nor disposed: what a leak check counts. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets everything that needs no time happen. */
  async settle(): Promise<void> {
    await nextTurn();
    await nextTurn();
  }

  /** Passes `ms` of time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = timer.at;
      timer.fn();
      await this.settle();
    }
    this.#now = end;
  }

  /** Passes time, timer by timer, until `done()`; throws after `limitMs` of virtual time. */
  async advanceUntil(done: () => boolean, limitMs = 3_600_000): Promise<void> {
    const end = this.#now + limitMs;
    await this.settle();
    while (!done()) {
      const timer = this.#next(end);
      if (timer === undefined) throw new Error(`not reached within ${limitMs} ms of virtual time`);
      this.#timers.delete(timer);
      this.#now = timer.at;
      timer.fn();
      await this.settle();
    }
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
