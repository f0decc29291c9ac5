import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { LeaseClient } from './lease-client.ts';

/** How long after a watch that ended or failed the next one is opened, in milliseconds. */
const reopenMs = 5_000;

/**
 * Wakes a standby when the lease changes, so that a lease given back is taken in milliseconds. It is a
 * convenience: where the lease cannot be watched, or a watch goes silent, the standby asks now and then.
 */
export class LeaseBell {
  readonly #clock: Clock;
  readonly #onForbidden: (error: RegistrarError) => void;
  #told = false;
  #rung = false;
  #wake: () => void = () => {};

  /** `onForbidden` is called once, when the lease may not be watched. */
  constructor(clock: Clock, onForbidden: (error: RegistrarError) => void) {
    this.#clock = clock;
    this.#onForbidden = onForbidden;
  }

  /** Listens until the signal aborts; never rejects. */
  async listen(client: LeaseClient, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await client.watch(() => this.#ring(), signal).catch((thrown: unknown) => this.#failed(thrown));
      await this.#clock.sleep(reopenMs, signal).catch(() => {});
    }
  }

  /** Resolves after `ms`, or sooner when the lease has changed since the last wait; rejects with the signal's reason. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    this.#wake = () => enough.abort();
    if (this.#rung) enough.abort();
    try {
      await this.#clock.sleep(ms, AbortSignal.any([signal, enough.signal]));
    } catch {
      signal.throwIfAborted();
    } finally {
      this.#wake = () => {};
      this.#rung = false;
    }
  }

  #failed(thrown: unknown): void {
    const error = RegistrarError.from(thrown);
    if (error.code !== 'forbidden' || this.#told) return;
    this.#told = true;
    this.#onForbidden(error);
  }

  #ring(): void {
    this.#rung = true;
    this.#wake();
  }
}
