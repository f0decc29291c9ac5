/** A request as the endpoints see it. */
export interface ConsulRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

export interface ConsulAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The connection breaks after the body given: a fault. */
  readonly truncated?: boolean;
}

/** An answer other than 200, with Consul's plain text. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export function json(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): ConsulAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}

/** 200 without a body, as the agent's endpoints answer a write. */
export const done: ConsulAnswer = {
  status: 200,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: '',
};

export function failure({ status, message, headers }: HttpError): ConsulAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: message };
}

/** The token of a request: `?token=`, `X-Consul-Token`, or a bearer token; empty = anonymous. */
export function tokenOf({ query, headers }: ConsulRequest): string {
  const direct = query.get('token') || headers['x-consul-token'];
  if (direct) return direct;
  const [scheme, token] = (headers['authorization'] ?? '').split(/\s+/);
  return scheme?.toLowerCase() === 'bearer' ? (token ?? '') : '';
}
