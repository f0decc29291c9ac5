import { inspect } from 'node:util';

/**
 * A value that must reach a server and never a log, an error or a page: every way to turn it into text
 * says `[redacted]`. Only `reveal()` gives it away, so that the places that may are found by one search.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
