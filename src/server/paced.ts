import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { LruMap } from '../lib/lru-map.ts';

interface Made<Value> {
  readonly value: Promise<Value>;
  /** `clock.now()` up to which the value is given again. */
  until: number;
}

/** How long a value is kept, as a multiple of the time it took to make. */
const rest = 10;
/** Values that are kept, and how many may wait to be made. */
const mostKept = 16;
const mostWaiting = 32;

/**
 * What is made on request, each value under a key. They are made one after the other, with a rest after each, so that at most
 * an eleventh of the time goes into making them, however many ask for however many keys. Requests for the same key
 * meanwhile share the value.
 */
export class Paced<Value> {
  readonly #clock: Clock;
  readonly #kept = new LruMap<string, Made<Value>>(mostKept);
  /** Resolves when the next value may be made. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with `throttled` when too many wait. */
  get(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#clock.now() < known.until) return known.value;
    if (this.#waiting >= mostWaiting) {
      return Promise.reject(new RegistrarError('throttled', 'too many requests at once; try again'));
    }
    const made: Made<Value> = {
      value: this.#make(make, (until) => (made.until = until)),
      until: Number.POSITIVE_INFINITY,
    };
    this.#kept.set(key, made);
    made.value.catch(() => (made.until = Number.NEGATIVE_INFINITY));
    return made.value;
  }

  async #make(make: () => Promise<Value>, keepUntil: (until: number) => void): Promise<Value> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = promise;
    this.#waiting += 1;
    await before;
    this.#waiting -= 1;
    const startedAt = this.#clock.now();
    try {
      return await make();
    } finally {
      const ms = rest * (this.#clock.now() - startedAt);
      keepUntil(this.#clock.now() + ms);
      if (ms > 0) this.#clock.schedule(ms, resolve);
      else resolve();
    }
  }
}
