import { type BodyBudget, bodyBudget } from './body-budget.ts';
import { RegistrarError } from './errors.ts';

/**
 * One HTTP exchange, as the Kubernetes and the Consul client see it. The network is injected behind this
 * interface: undici in production, a direct call into the in-memory servers in the simulator.
 */
export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query, already encoded: `/v1/txn?dc=east`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request and its body at once; the promise or the body's iterator then rejects. */
  readonly signal: AbortSignal;
  /** Longest wait for the response's headers, in milliseconds. Default 60,000. */
  readonly headersTimeoutMs?: number;
  /** Longest silence between two chunks of the body, in milliseconds. Default 60,000; 0 = no limit. */
  readonly bodyTimeoutMs?: number;
  /** Whether the answer is expected to come late, as that of a blocking query. Default false. */
  readonly waits?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Names are in lower case. Of repeated headers this is the first. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body as it arrives. Read it to its end, or leave it by `return()` (a `break` in `for await`), which closes
   * the connection. Rejects with `unreachable` when it was cut short.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Rejects with a RegistrarError: `aborted`, `timeout` or `unreachable`. Any HTTP status is an answer, not an error. */
export interface Transport {
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections and ends running exchanges. */
  close(): Promise<void>;
}

const defaultMaxBytes = 32 * 1024 * 1024;

export interface ReadTextOptions {
  /** Default 32 MiB. */
  readonly maxBytes?: number;
  /** The budget that the body counts towards. Default: that of the process. */
  readonly budget?: BodyBudget;
}

/**
 * The whole body as UTF-8 text. Rejects with `protocol` above `maxBytes`, and with `unavailable` when the budget is
 * exceeded and this body is the largest.
 */
export async function readText(
  response: HttpResponse,
  { maxBytes = defaultMaxBytes, budget = bodyBudget }: ReadTextOptions = {},
): Promise<string> {
  using text = budget.open();
  for await (const chunk of response.body) {
    text.push(chunk);
    if (text.bytes > maxBytes) {
      throw new RegistrarError('protocol', `the answer is larger than ${maxBytes} bytes`);
    }
  }
  return text.text();
}
