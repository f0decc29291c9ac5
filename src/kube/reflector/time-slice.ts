import type { Clock } from '../../lib/clock.ts';

/** Keeps a long computation from blocking the event loop: between two steps it shows whether to yield. */
export class TimeSlice {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #since: number;

  /** `sliceMs`: how long to compute without a pause. Default 8. */
  constructor(clock: Clock, sliceMs = 8) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#since = clock.now();
  }

  /** Whether the slice is used up, and `rest()` is due before the next step. */
  get due(): boolean {
    return this.#clock.now() - this.#since >= this.#sliceMs;
  }

  /** Starts a slice. To be called after any wait in which the event loop could run. */
  rested(): void {
    this.#since = this.#clock.now();
  }

  async rest(): Promise<void> {
    await this.#clock.yield();
    this.rested();
  }
}
