import { Agent } from 'undici';
import { RegistrarError } from './errors.ts';
import { redactedAnswer } from './redacted.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';
import { unlessAborted } from './unless-aborted.ts';

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
    const {
      method,
      path,
      headers,
      body,
      signal,
      headersTimeoutMs = 60_000,
      bodyTimeoutMs = 60_000,
    } = request;
    try {
      // undici ignores the signal of a request that still waits for a connection.
      const answered = this.#agent.request({
        origin: this.#origin,
        path,
        method,
        headers: headers ?? {},
        body: body ?? null,
        signal,
        headersTimeout: headersTimeoutMs,
        bodyTimeout: bodyTimeoutMs,
      });
      const response = await unlessAborted(answered, signal);
      return redactedAnswer(request, {
        status: response.statusCode,
        headers: firstValues(response.headers),
        body: translated(response.body, signal),
      });
    } catch (thrown) {
      throw translate(thrown, signal);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

async function* translated(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (thrown) {
    throw translate(thrown, signal);
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
