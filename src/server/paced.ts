import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import { LruMap } from '../lib/lru-map.ts';

interface Made {
  readonly text: Promise<Buffer>;
  /** `clock.now()` up to which the text is given again. */
  until: number;
}

/** How long a text is kept, as a multiple of the time it took to make. */
const rest = 10;
/** Texts that are kept, and how many may wait to be made. */
const mostKept = 64;
const mostWaiting = 32;

/**
 * Texts made on request, each under a key. They are made one after the other, with a rest after each, so that at most
 * an eleventh of the time goes into making them, however many ask for however many keys. Requests for the same key
 * meanwhile share the bytes.
 */
export class PacedTexts {
  readonly #clock: Clock;
  readonly #kept = new LruMap<string, Made>(mostKept);
  /** Resolves when the next text may be made. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with `throttled` when too many wait. */
  get(key: string, make: () => string | Promise<string>): Promise<Buffer> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#clock.now() < known.until) return known.text;
    if (this.#waiting >= mostWaiting) {
      return Promise.reject(
        new RegistrarError('throttled', 'too many pages are asked for at once; try again'),
      );
    }
    const made: Made = {
      text: this.#make(
        () => make(),
        (until) => (made.until = until),
      ),
      until: Number.POSITIVE_INFINITY,
    };
    this.#kept.set(key, made);
    made.text.catch(() => (made.until = Number.NEGATIVE_INFINITY));
    return made.text;
  }

  async #make(make: () => string | Promise<string>, keepUntil: (until: number) => void): Promise<Buffer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = promise;
    this.#waiting += 1;
    await before;
    this.#waiting -= 1;
    const startedAt = this.#clock.now();
    try {
      return Buffer.from(await make());
    } finally {
      const ms = rest * (this.#clock.now() - startedAt);
      keepUntil(this.#clock.now() + ms);
      if (ms > 0) this.#clock.schedule(ms, resolve);
      else resolve();
    }
  }
}
