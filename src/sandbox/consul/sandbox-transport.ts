import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../lib/transport.ts';
import type { ConsulAnswer, ConsulRequest } from './http.ts';

/** The path and query of a request, decoded. Throws a URIError for a bad escape. */
export function parseTarget(target: string): Pick<ConsulRequest, 'path' | 'query'> {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    path: decodeURIComponent(path),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
  };
}

/** What answers: the server's `handle`. */
type Handle = (request: ConsulRequest) => Promise<ConsulAnswer>;

/** Calls into the server without a network; its errors are those of a real transport. */
export class SandboxTransport implements Transport {
  readonly #handle: Handle;
  readonly #clock: Clock;
  readonly #token: string;
  readonly #closed = new AbortController();

  constructor(handle: Handle, clock: Clock, token: string) {
    this.#handle = handle;
    this.#clock = clock;
    this.#token = token;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { method, path, headers = {}, body = '', signal, headersTimeoutMs = 60_000 } = request;
    const timeout = new AbortController();
    const timer =
      headersTimeoutMs === 0 ? undefined : this.#clock.schedule(headersTimeoutMs, () => timeout.abort());
    const ended = AbortSignal.any([signal, timeout.signal, this.#closed.signal]);
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    if (this.#token !== '' && lower['x-consul-token'] === undefined) lower['x-consul-token'] = this.#token;
    try {
      ended.throwIfAborted();
      const answer = await this.#handle({
        method,
        ...parseTarget(path),
        headers: lower,
        body: Buffer.from(body),
        signal: ended,
      });
      ended.throwIfAborted();
      return { status: answer.status, headers: answer.headers, body: bodyOf(answer, signal) };
    } catch (thrown) {
      if (signal.aborted) throw new RegistrarError('aborted', 'aborted', { cause: signal.reason });
      if (timeout.signal.aborted) {
        throw new RegistrarError('timeout', `no answer within ${headersTimeoutMs} ms`);
      }
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      throw new RegistrarError(
        'unreachable',
        this.#closed.signal.aborted ? 'the transport is closed' : text,
        {
          cause: thrown,
        },
      );
    } finally {
      timer?.[Symbol.dispose]();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }
}

async function* bodyOf(answer: ConsulAnswer, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (signal.aborted) throw new RegistrarError('aborted', 'aborted', { cause: signal.reason });
  const bytes = Buffer.from(answer.body);
  if (bytes.byteLength > 0) yield bytes;
  if (answer.truncated === true)
    throw new RegistrarError('unreachable', 'the connection broke inside the body');
}
