/**
 * A body that is written while it is read: chunks wait until the reader comes, the reader waits until chunks
 * come. One reader; what waits is handed over as one chunk.
 */
export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #onLeave: () => void;
  #chunks: Uint8Array[] = [];
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  /** `onLeave` is called once when the reader leaves before the end. */
  constructor(onLeave: () => void = () => {}) {
    this.#onLeave = onLeave;
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  /** What was pushed is still delivered; then the reader's loop ends, or rejects with `error`. */
  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
      // Not a generator: its return() would wait for the chunk it is waiting for itself.
      return: async () => {
        if (this.#end === undefined) this.#onLeave();
        this.#chunks = [];
        this.end();
        return { done: true, value: undefined };
      },
    };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#chunks.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length > 0)
      return { done: false, value: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) };
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value: undefined };
  }
}
