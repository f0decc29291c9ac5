import type { ErrorCode, RegistrarError } from './errors.ts';

/** A row of failures, each kind of which is told once: one whose errors take turns is still one. */
export class Outage {
  readonly #told = new Set<ErrorCode>();
  #error: RegistrarError | undefined;

  /** The last failure, while the row goes on. */
  get error(): RegistrarError | undefined {
    return this.#error;
  }

  /** Returns whether it is news. */
  failed(error: RegistrarError): boolean {
    this.#error = error;
    if (this.#told.has(error.code)) return false;
    this.#told.add(error.code);
    return true;
  }

  /** It works again. Returns whether that is news. */
  over(): boolean {
    if (this.#error === undefined) return false;
    this.#error = undefined;
    this.#told.clear();
    return true;
  }
}
