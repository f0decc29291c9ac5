import type { ErrorCode, RegistrarError } from './errors.ts';

/** Failures in a row. Each kind of them is news once, so that errors that alternate are not reported again and again. */
export class Outage {
  readonly #reported = new Set<ErrorCode>();
  #error: RegistrarError | undefined;

  /** The last failure, until `over()`. */
  get error(): RegistrarError | undefined {
    return this.#error;
  }

  /** Returns whether it is news. */
  failed(error: RegistrarError): boolean {
    this.#error = error;
    if (this.#reported.has(error.code)) return false;
    this.#reported.add(error.code);
    return true;
  }

  /** It works again. Returns whether that is news. */
  over(): boolean {
    if (this.#error === undefined) return false;
    this.#error = undefined;
    this.#reported.clear();
    return true;
  }
}
