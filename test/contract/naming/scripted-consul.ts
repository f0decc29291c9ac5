import { RegistrarError } from '../../../src/lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../../src/lib/transport.ts';

/** A request the script has not answered yet. */
interface Exchange {
  readonly request: HttpRequest;
  /** Answers it; false when it was aborted before. */
  answer(answer: { status?: number; headers?: Record<string, string>; body?: unknown }): boolean;
  fail(error: RegistrarError): boolean;
}

/** A transport whose other end is the test: requests wait until the test answers them. */
export class ScriptedConsul implements Transport {
  /** Every request so far. */
  readonly requests: HttpRequest[] = [];
  readonly #open = new Set<Exchange>();
  /** Answers requests at once, when set. */
  handler: ((exchange: Exchange) => void) | undefined;
  isClosed = false;

  request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        const wasOpen = this.#open.delete(exchange);
        if (wasOpen) end();
        return wasOpen;
      };
      const exchange: Exchange = {
        request,
        answer: (given) => settle(() => resolve(response(given))),
        fail: (error) => settle(() => reject(error)),
      };
      this.#open.add(exchange);
      request.signal.addEventListener(
        'abort',
        () => settle(() => reject(new RegistrarError('aborted', 'aborted'))),
        { once: true },
      );
      this.handler?.(exchange);
    });
  }

  /** Requests that wait for an answer, the oldest first. */
  get open(): readonly Exchange[] {
    return [...this.#open];
  }

  /** The only request that waits; throws when there is none, or another one. */
  get only(): Exchange {
    const [exchange, ...others] = this.#open;
    if (exchange === undefined || others.length > 0) throw new Error(`${this.#open.size} requests wait`);
    return exchange;
  }

  /** Query parameters of the request that waits alone. */
  get query(): Record<string, string> {
    return queryOf(this.only.request);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

export function queryOf(request: HttpRequest): Record<string, string> {
  return Object.fromEntries(new URL(request.path, 'http://consul').searchParams);
}

function response({
  status = 200,
  headers = {},
  body,
}: {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers,
    body: (async function* () {
      yield Buffer.from(text);
    })(),
  };
}

/** A 200 of `/v1/health/service/:service` with one passing instance an id. */
export function healthy(index: number, ...ids: string[]) {
  return {
    headers: { 'x-consul-index': String(index), 'x-consul-knownleader': 'true' },
    body: ids.map((id) => entry(id)),
  };
}

/** An entry of a health answer. */
export function entry(
  id: string,
  {
    tags = [],
    meta = {},
    checks = [],
    weights = { Passing: 1, Warning: 1 },
    address = '10.0.0.1',
  }: {
    tags?: string[];
    meta?: Record<string, string>;
    checks?: { CheckID: string; Status: string }[];
    weights?: { Passing: number; Warning: number };
    address?: string;
  } = {},
) {
  return {
    Node: { Node: 'n1', Address: '10.0.0.9' },
    Service: { ID: id, Service: 'web', Address: address, Port: 80, Tags: tags, Meta: meta, Weights: weights },
    Checks: checks,
  };
}
