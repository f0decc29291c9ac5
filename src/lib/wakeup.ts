import type { Clock } from './clock.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * Lets one part sleep until another has work for it.
 *
 * - `wait()` resolves with `notified` after `notify()`, and with `elapsed` when its time is over first.
 * - A notification is not lost: if nobody waits, it ends the next wait at once.
 * - Several notifications before a wait are one. A notification wakes everybody who waits.
 * - When the signal aborts, a wait rejects with its reason. A wait leaves no timer and no listener behind.
 *
 * A notification says only that something may have changed: whoever wakes up looks for work again.
 */
export class Wakeup {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #isPending = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#isPending = this.#waiting.size === 0;
    for (const wake of [...this.#waiting]) wake();
    this.#waiting.clear();
  }

  /** `ms`: the longest wait; undefined: no limit. */
  async wait(ms: number | undefined, signal: AbortSignal): Promise<'notified' | 'elapsed'> {
    signal.throwIfAborted();
    if (this.#taken()) return 'notified';
    const { promise, resolve } = Promise.withResolvers<'notified' | 'elapsed'>();
    const wake = () => resolve('notified');
    this.#waiting.add(wake);
    using _timer = ms === undefined ? undefined : this.#clock.schedule(ms, () => resolve('elapsed'));
    try {
      return await unlessAborted(promise, signal);
    } catch {
      throw signal.reason;
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** Does `work`, on a signal that a notification aborts: resolves with `notified` in this case. */
  async unlessNotified<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | 'notified'> {
    signal.throwIfAborted();
    if (this.#taken()) return 'notified';
    const notified = new AbortController();
    const wake = () => notified.abort();
    this.#waiting.add(wake);
    try {
      const result = await work(AbortSignal.any([signal, notified.signal]));
      return notified.signal.aborted ? 'notified' : result;
    } catch (thrown) {
      if (!notified.signal.aborted || signal.aborted) throw thrown;
      return 'notified';
    } finally {
      this.#waiting.delete(wake);
    }
  }

  #taken(): boolean {
    const isPending = this.#isPending;
    this.#isPending = false;
    return isPending;
  }
}
