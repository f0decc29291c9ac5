import { inspect } from 'node:util';

/**
 * A value that must reach a server and never a log, an error or a page. As text and as JSON it is `[redacted]`.
 * Only `reveal()` returns the value, so that one search finds every place that uses it.
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
