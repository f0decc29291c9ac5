import { RegistrarError } from '../../src/lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../src/lib/transport.ts';

export type Responder = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/**
 * A server whose every answer the test writes: requests take the responders of the script in order, and a
 * request the script does not foresee is not answered at all, so a test sees what waiting does.
 */
export class ScriptedTransport implements Transport {
  readonly requests: HttpRequest[] = [];
  readonly #script: Responder[] = [];

  /** The paths and queries asked for so far. */
  get urls(): URL[] {
    return this.requests.map(({ path }) => new URL(path, 'http://server'));
  }

  script(...responders: readonly Responder[]): this {
    this.#script.push(...responders);
    return this;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    if (request.signal.aborted) throw aborted();
    const responder = this.#script.shift() ?? unanswered;
    return responder(request);
  }

  async close(): Promise<void> {}
}

const aborted = () => new RegistrarError('aborted', 'aborted');

/** The server takes the request and never says a word. */
export const unanswered: Responder = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(aborted()), { once: true });
  });

/** The connection breaks before an answer. */
export const unreachable: Responder = () => {
  throw new RegistrarError('unreachable', 'connection refused');
};

/** A whole answer: an object becomes JSON. */
export function answer(body: unknown, status = 200, headers: Record<string, string> = {}): Responder {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return () => ({
    status,
    headers,
    body: (async function* () {
      yield Buffer.from(text);
    })(),
  });
}

/** An answer whose body the test writes piece by piece. It also is the responder that sends it. */
export class StreamingAnswer {
  readonly respond: Responder = (request) => {
    this.signal = request.signal;
    request.signal.addEventListener('abort', () => this.fail(aborted()), { once: true });
    return { status: 200, headers: {}, body: this.#read() };
  };
  /** The signal of the exchange it answered. */
  signal: AbortSignal | undefined;
  /** The reader left or the exchange is over. */
  closed = false;
  readonly #queue: (Buffer | Error | undefined)[] = [];
  #wake: () => void = () => {};

  write(...lines: readonly unknown[]): this {
    for (const line of lines) this.writeText(`${JSON.stringify(line)}\n`);
    return this;
  }

  writeText(text: string): this {
    return this.#push(Buffer.from(text));
  }

  end(): this {
    return this.#push(undefined);
  }

  fail(error: Error = new RegistrarError('unreachable', 'connection reset')): this {
    return this.#push(error);
  }

  #push(item: Buffer | Error | undefined): this {
    this.#queue.push(item);
    this.#wake();
    return this;
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        while (this.#queue.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const item = this.#queue.shift();
        if (item === undefined) return;
        if (item instanceof Error) throw item;
        yield item;
      }
    } finally {
      this.closed = true;
    }
  }
}
