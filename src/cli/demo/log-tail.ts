import type { Output } from '../context.ts';

const kept = 200;

/** The latest lines of a log, for the live view and for when something went wrong. */
export class LogTail implements Output {
  readonly #lines: string[] = [];

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** One line of text; its date is left out, only the time of day stays. */
  write(text: string): void {
    this.#lines.push(text.trimEnd().replace(/^\d{4}-\d\d-\d\dT(\S+)Z /, '$1 '));
    if (this.#lines.length > kept) this.#lines.shift();
  }
}
