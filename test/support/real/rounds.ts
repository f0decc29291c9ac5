import { setTimeout as delay } from 'node:timers/promises';

/** Does the same again and again, as programs do that synchronize at an interval; ends when it is disposed of. */
export class Rounds implements AsyncDisposable {
  /** How often it was done. */
  count = 0;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor(round: () => Promise<void>, intervalMs: number) {
    this.#running = this.#run(round, intervalMs);
  }

  /** Throws what ended it before its time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(round: () => Promise<void>, intervalMs: number): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await round();
      this.count += 1;
      await delay(intervalMs, undefined, { signal }).catch(() => {});
    }
  }
}
