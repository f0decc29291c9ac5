import { Agent, type Dispatcher } from 'undici';
import { RegistrarError } from './errors.ts';
import { redactedAnswer } from './redacted.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

export interface TlsOptions {
  /** PEM of the certificate authorities to trust; the system's when absent. */
  readonly ca?: string;
  /** PEM of the client certificate and its key, for mTLS. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to verify instead of the host's. */
  readonly serverName?: string;
  /** Default true. */
  readonly verify?: boolean;
}

export interface HttpTransportOptions {
  /** `http://host:port` or `https://host:port`, without a path. */
  readonly origin: string;
  readonly tls?: TlsOptions;
  /** Unix socket to connect to in place of the origin's host. */
  readonly socketPath?: string;
  /** Open sockets to the server at most. Default 8. */
  readonly connections?: number;
  /** How long a connection without a request stays open, in milliseconds. Default 15,000. */
  readonly idleMs?: number;
}

/** How often a connection without traffic is probed, before firewalls and load balancers drop it, in milliseconds. */
const tcpKeepAliveMs = 15_000;

const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * A transport over one long-lived undici Agent. HTTP/1.1 only: watches over HTTP/2 share one connection,
 * and one stalled stream then stalls them all. Connect time-out 10 s.
 */
export class HttpTransport implements Transport {
  readonly #origin: string;
  readonly #agent: Agent;

  constructor({ origin, tls = {}, socketPath, connections = 8, idleMs = 15_000 }: HttpTransportOptions) {
    this.#origin = origin;
    this.#agent = new Agent({
      allowH2: false,
      connections,
      pipelining: 1,
      keepAliveTimeout: idleMs,
      connect: {
        timeout: 10_000,
        keepAlive: true,
        keepAliveInitialDelay: tcpKeepAliveMs,
        rejectUnauthorized: tls.verify ?? true,
        ...(socketPath === undefined ? {} : { socketPath }),
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
        ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
      },
    });
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { method, path, headers, body, headersTimeoutMs = 60_000, bodyTimeoutMs = 60_000 } = request;
    const exchange = new Exchange(request.signal);
    const options = {
      origin: this.#origin,
      path,
      method,
      headers: headers ?? {},
      body: body ?? null,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
    };
    this.#agent.dispatch(options, exchange);
    return redactedAnswer(request, await exchange.answered);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Most bytes of a body that have arrived and wait to be read; then the server waits. */
const mostUnread = 64 * 1024;

/**
 * One request on its way through undici, then the body of its answer. As agent.request() with its Readable, which takes
 * three times as long for a short answer. An abort also ends a request that waits for a connection.
 */
class Exchange implements Dispatcher.DispatchHandler, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#fail(undefined);
  readonly #answered = Promise.withResolvers<HttpResponse>();
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Uint8Array[] = [];
  #unread = 0;
  #isOver = false;
  #failure: RegistrarError | undefined;
  /** Has next() look again. */
  #notify: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  get answered(): Promise<HttpResponse> {
    return this.#answered.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) this.#close();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status >= 200) this.#answered.resolve({ status, headers: firstValues(headers), body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#unread += chunk.byteLength;
    if (this.#unread > mostUnread) controller.pause();
    this.#notify?.();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#failure === undefined ? this.#chunks.shift() : undefined;
      if (chunk !== undefined) {
        this.#unread -= chunk.byteLength;
        if (this.#unread === 0) this.#controller?.resume();
        return { value: chunk, done: false };
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isOver) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isOver) {
      this.#end();
      this.#close();
    }
    this.#chunks = [];
    return { value: undefined, done: true };
  }

  #end(): void {
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#notify?.();
  }

  /** `cause`: undefined after an abort. */
  #fail(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#failure = translate(cause, this.#signal);
    this.#end();
    this.#answered.reject(this.#failure);
    this.#close();
  }

  /** Ends the connection, unless it has ended. */
  #close(): void {
    this.#controller?.abort(
      this.#failure ?? new RegistrarError('aborted', 'the body is not read to its end'),
    );
  }
}

function translate(thrown: unknown, signal: AbortSignal): RegistrarError {
  if (signal.aborted) return new RegistrarError('aborted', 'aborted', { cause: thrown });
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const text = thrown instanceof Error ? thrown.message || code || thrown.name : String(thrown);
  return new RegistrarError(timeoutCodes.has(code) ? 'timeout' : 'unreachable', text, { cause: thrown });
}

function firstValues(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) result[name] = first;
  }
  return result;
}
