/** A small JSON client for the tests' own requests to the real servers; it shares no code with the operator. */
import { Agent, type Dispatcher, request } from 'undici';

export interface JsonClientOptions {
  /** Origin, without a slash at the end. */
  readonly url: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Connections at once; further requests wait. Default 64. */
  readonly connections?: number;
  /** Until the response's headers, ms. Default 15,000. */
  readonly timeoutMs?: number;
}

/** An answer with a status of 400 or above. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly body: string;

  constructor(method: string, path: string, status: number, body: string) {
    super(`${method} ${path}: ${status} ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Bodies are sent as JSON unless they are a string or bytes. Answers that are not JSON are returned as text. The
 * type parameter is the caller's word for what comes back; nothing is checked.
 */
export class JsonClient implements AsyncDisposable {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  constructor(options: JsonClientOptions) {
    this.url = options.url;
    this.#headers = options.headers ?? {};
    this.#agent = new Agent({
      connections: options.connections ?? 64,
      headersTimeout: options.timeoutMs ?? 15_000,
      bodyTimeout: 0,
      allowH2: false,
      connect: { timeout: 5_000, ...(options.ca === undefined ? {} : { ca: options.ca }) },
    });
  }

  get<T = unknown>(path: string, options?: RequestOptions): Promise<T> {
    return this.#json('GET', path, undefined, options);
  }

  post<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.#json('POST', path, body, options);
  }

  put<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.#json('PUT', path, body, options);
  }

  patch<T = unknown>(path: string, body: unknown, options?: RequestOptions): Promise<T> {
    return this.#json('PATCH', path, body, options);
  }

  delete<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.#json('DELETE', path, body, options);
  }

  /** The response itself, with its body unread; throws HttpError as the others do. */
  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: unknown,
    { headers, signal }: RequestOptions = {},
  ): Promise<Dispatcher.ResponseData> {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await request(this.url + path, {
      method,
      dispatcher: this.#agent,
      headers: { 'content-type': 'application/json', ...this.#headers, ...headers },
      body: raw ? (body ?? null) : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
    if (response.statusCode < 400) return response;
    throw new HttpError(method, path, response.statusCode, await response.body.text());
  }

  /** Requests under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #json<T>(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    options?: RequestOptions,
  ): Promise<T> {
    const response = await this.send(method, path, body, options);
    const text = await response.body.text();
    const isJson = `${response.headers['content-type']}`.includes('json');
    return (isJson && text !== '' ? JSON.parse(text) : text) as T;
  }
}
