import type { Clock } from '../../lib/clock.ts';

/** Keeps a long computation from stalling the event loop: asked between two steps, it says when to yield. */
export class TimeSlice {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #since: number;

  /** `sliceMs`: how long to compute at a stretch. Default 8. */
  constructor(clock: Clock, sliceMs = 8) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#since = clock.now();
  }

  /** Whether the slice is used up, and `rest()` is due before the next step. */
  get due(): boolean {
    return this.#clock.now() - this.#since >= this.#sliceMs;
  }

  /** Starts a slice: after any wait that let the event loop turn. */
  rested(): void {
    this.#since = this.#clock.now();
  }

  async rest(): Promise<void> {
    await this.#clock.yield();
    this.rested();
  }
}
