import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../lib/transport.ts';

/**
 * A Transport that calls a server's core directly, with the deadlines and aborts a network client has, on
 * the given clock.
 */
export class InProcessTransport implements Transport {
  readonly #clock: Clock;
  readonly #handle: (request: HttpRequest) => Promise<HttpResponse>;
  readonly #closed = new AbortController();

  constructor(clock: Clock, handle: (request: HttpRequest) => Promise<HttpResponse>) {
    this.#clock = clock;
    this.#handle = handle;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const signal = AbortSignal.any([request.signal, this.#closed.signal]);
    // The core lets go of a hanging request by the same signal when the deadline has passed.
    const deadline = new AbortController();
    const inner = { ...request, signal: AbortSignal.any([signal, deadline.signal]) };
    try {
      const answer = this.#handle(inner);
      const response = await this.#within(answer, signal, request.headersTimeoutMs ?? 60_000);
      return { ...response, body: this.#bounded(response.body, signal, request.bodyTimeoutMs ?? 60_000) };
    } catch (thrown) {
      deadline.abort();
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #bounded(
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    silenceMs: number,
  ): AsyncIterable<Uint8Array> {
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = body[Symbol.asyncIterator]();
        return {
          next: async () => {
            try {
              return await this.#within(iterator.next(), signal, silenceMs);
            } catch (thrown) {
              await iterator.return?.();
              throw thrown;
            }
          },
          return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
        };
      },
    };
  }

  /** The promise's outcome, unless the signal or the deadline (0 = none) comes first. */
  #within<T>(promise: Promise<T>, signal: AbortSignal, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer =
        deadlineMs === 0
          ? undefined
          : this.#clock.schedule(deadlineMs, () => {
              signal.removeEventListener('abort', onAbort);
              reject(new RegistrarError('timeout', `no answer within ${deadlineMs} ms`));
            });
      const onAbort = () => {
        timer?.[Symbol.dispose]();
        reject(new RegistrarError('aborted', 'aborted', { cause: signal.reason }));
      };
      const settled = () => {
        timer?.[Symbol.dispose]();
        signal.removeEventListener('abort', onAbort);
      };
      promise.then(
        (value) => {
          settled();
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(RegistrarError.from(error));
        },
      );
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
