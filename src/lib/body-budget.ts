import { RegistrarError } from './errors.ts';

/** The memory for all bodies that a process reads at the same time, in bytes. */
const mostBytes = 96 * 1024 * 1024;

/**
 * Bounds the memory of all bodies that are being read at the same time, over any number of connections. When they
 * exceed it, the largest is given up, not the last: an answer of usual size gets through, whatever a server or a
 * proxy sends beside it.
 */
export class BodyBudget {
  readonly #mostBytes: number;
  readonly #reading = new Set<BodyText>();
  #bytes = 0;

  constructor(most: number) {
    this.#mostBytes = most;
  }

  /** Begins to collect a body. Dispose of it at its end. */
  open(): BodyText {
    const body: BodyText = new BodyText(
      (bytes) => this.#grow(bytes),
      () => this.#close(body),
    );
    this.#reading.add(body);
    return body;
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#mostBytes) {
      let largest: BodyText | undefined;
      for (const each of this.#reading) if (each.bytes > (largest?.bytes ?? 0)) largest = each;
      if (largest === undefined) return;
      this.#close(largest);
      largest.giveUp();
    }
  }

  #close(body: BodyText): void {
    if (this.#reading.delete(body)) this.#bytes -= body.bytes;
  }
}

/** A body while it is collected. */
class BodyText implements Disposable {
  readonly #grow: (bytes: number) => void;
  readonly #close: () => void;
  #chunks: Uint8Array[] | undefined = [];
  #bytes = 0;

  constructor(grow: (bytes: number) => void, close: () => void) {
    this.#grow = grow;
    this.#close = close;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws `unavailable` after the body was given up. */
  push(chunk: Uint8Array): void {
    this.#open().push(chunk);
    this.#bytes += chunk.byteLength;
    this.#grow(chunk.byteLength);
    this.#open();
  }

  /** As UTF-8. Throws as push(). */
  text(): string {
    return Buffer.concat(this.#open()).toString('utf8');
  }

  giveUp(): void {
    this.#chunks = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(): Uint8Array[] {
    if (this.#chunks !== undefined) return this.#chunks;
    throw new RegistrarError(
      'unavailable',
      'the response was abandoned: it is the largest of those being read, and together they are too large',
    );
  }
}

/** The budget of this process. */
export const bodyBudget = new BodyBudget(mostBytes);
