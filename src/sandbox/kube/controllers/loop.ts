import type { Clock } from '../../../lib/clock.ts';
import { ApiError } from '../status.ts';

/**
 * A controller's queue: keys coalesce, and all that are waiting are worked off together `latencyMs` after the
 * first came in. A refusal by the API drops the key; whatever changes it brings it back.
 */
export class Loop implements Disposable {
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #reconcile: (key: string) => void;
  readonly #dirty = new Set<string>();
  #timer: Disposable | undefined;

  constructor(clock: Clock, latencyMs: number, reconcile: (key: string) => void) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#reconcile = reconcile;
  }

  mark(key: string): void {
    this.#dirty.add(key);
    this.#timer ??= this.#clock.schedule(this.#latencyMs, () => this.#run());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#dirty.clear();
  }

  #run(): void {
    this.#timer = undefined;
    const keys = [...this.#dirty];
    this.#dirty.clear();
    for (const key of keys) {
      try {
        this.#reconcile(key);
      } catch (thrown) {
        if (!(thrown instanceof ApiError)) throw thrown;
      }
    }
  }
}
