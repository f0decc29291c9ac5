import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { type HttpResponse, readText, type Transport } from '../lib/transport.ts';

export interface ConsulHttpOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Asked before every request, so that a token that was renewed is used at once. Default: no token. */
  readonly token?: () => Secret | undefined;
  readonly datacenter?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  readonly partition?: string;
  /** Longest time a request may take, in milliseconds, a blocking read's wait not counted. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface ExchangeOptions {
  readonly body?: string;
  /** How long the answer may be meant to wait, in milliseconds. Default 0. */
  readonly extraMs?: number;
  /** Most bytes of the answer. Default: as readText(). */
  readonly maxBytes?: number;
}

/** Exchanges with one Consul, server or agent: with the token of the moment, a scope and a deadline. */
export class ConsulHttp {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #token: () => Secret | undefined;
  readonly #scope: readonly [string, string][];
  readonly #timeoutMs: number;

  constructor(options: ConsulHttpOptions) {
    const { transport, clock, token, datacenter, namespace, partition, timeoutMs } = options;
    this.#transport = transport;
    this.#clock = clock;
    this.#token = token ?? (() => undefined);
    this.#scope = Object.entries({ dc: datacenter, ns: namespace, partition }).flatMap(([key, value]) =>
      value === undefined || value === '' ? [] : [[key, value] satisfies [string, string]],
    );
    this.#timeoutMs = timeoutMs ?? 10_000;
  }

  /** Any status is an answer. */
  exchange(
    method: 'GET' | 'PUT',
    path: string,
    query: readonly [string, string][],
    signal: AbortSignal,
    { body, extraMs = 0, ...limits }: ExchangeOptions,
  ): Promise<{ status: number; headers: HttpResponse['headers']; text: string }> {
    const timeoutMs = this.#timeoutMs + extraMs;
    const search = new URLSearchParams([...query, ...this.#scope]);
    const token = this.#token();
    return withDeadline(this.#clock, timeoutMs, signal, async (deadline) => {
      try {
        const response = await this.#transport.request({
          method,
          path: search.size === 0 ? path : `${path}?${search}`,
          headers: {
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === undefined ? {} : { 'x-consul-token': token.reveal() }),
          },
          ...(body === undefined ? {} : { body }),
          signal: deadline,
          headersTimeoutMs: timeoutMs,
          bodyTimeoutMs: timeoutMs,
          waits: extraMs > 0,
        });
        return { status: response.status, headers: response.headers, text: await readText(response, limits) };
      } catch (thrown) {
        const { code, message } = RegistrarError.from(thrown);
        throw new RegistrarError(code, `${method} ${path}: ${message}`, { cause: thrown });
      }
    });
  }

  /** Idle connections closed, running requests ended. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}
