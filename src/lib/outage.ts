import type { ErrorCode, RegistrarError } from './errors.ts';

/** Failures in a row. Each kind of them is news once, so that errors that alternate are not reported again and again. */
export class Outage {
  readonly #reported = new Set<ErrorCode>();
  #error: RegistrarError | undefined;
  #since: number | undefined;

  /** The last failure, until `over()`. */
  get error(): RegistrarError | undefined {
    return this.#error;
  }

  /** When the first of them happened, in the caller's time; undefined when it works, or when no time was given. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Returns whether it is news. */
  failed(error: RegistrarError, at?: number): boolean {
    if (this.#error === undefined) this.#since = at;
    this.#error = error;
    if (this.#reported.has(error.code)) return false;
    this.#reported.add(error.code);
    return true;
  }

  /** It works again. Returns whether that is news. */
  over(): boolean {
    if (this.#error === undefined) return false;
    this.#error = undefined;
    this.#since = undefined;
    this.#reported.clear();
    return true;
  }
}
