import type { ConsulRequest } from './http.ts';

/**
 * What goes wrong with one request:
 * - `answer`             this answer instead of Consul's; nothing is applied
 * - `hang`               no answer, ever; nothing is applied
 * - `reset`              the connection breaks; nothing is applied
 * - `reset-after-apply`  the connection breaks after the request took effect: the client cannot know
 * - `truncate`           the answer's body breaks off half-way
 * - `delay`              everything happens, this much later
 */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'reset-after-apply' }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'delay'; readonly ms: number };

/** Asked before each request; undefined lets it pass. */
export type Interceptor = (request: ConsulRequest) => Fault | undefined;

/** The answer of a server that limits the rate of requests. */
export function rateLimited(retryAfterSeconds: number): Fault {
  return {
    kind: 'answer',
    status: 429,
    headers: { 'retry-after': String(retryAfterSeconds), 'content-type': 'text/plain; charset=utf-8' },
    body: 'rate limit exceeded, try again later or against a different server',
  };
}

/** The connection broke: how far the request got, the client does not learn. */
export class ConnectionReset extends Error {
  override readonly name = 'ConnectionReset';
}
