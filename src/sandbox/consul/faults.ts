import type { Clock } from '../../lib/clock.ts';
import type { ConsulAnswer, ConsulRequest } from './http.ts';

/**
 * What goes wrong with one request:
 * - `answer`             this answer instead of Consul's; nothing is applied
 * - `hang`               no answer, ever; nothing is applied
 * - `reset`              the connection breaks; nothing is applied
 * - `reset-after-apply`  the connection breaks after the request took effect: the client cannot know
 * - `truncate`           the answer's body breaks off half-way
 * - `delay`              everything happens, this much later
 * - `cut`                the connection breaks when the answer has not come within this time
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
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'cut'; readonly ms: number };

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

/** One request under a fault, or none. Rejects with the signal's reason, or with a ConnectionReset. */
export async function suffer(
  fault: Fault | undefined,
  request: ConsulRequest,
  clock: Clock,
  answer: (request: ConsulRequest) => Promise<ConsulAnswer>,
): Promise<ConsulAnswer> {
  switch (fault?.kind) {
    case undefined:
      return answer(request);
    case 'answer':
      return { status: fault.status, headers: fault.headers ?? {}, body: fault.body ?? '' };
    case 'hang':
      return aborted(request.signal);
    case 'reset':
      throw new ConnectionReset('connection reset');
    case 'delay':
      await clock.sleep(fault.ms, request.signal);
      return answer(request);
    case 'cut':
      return cutAfter(fault.ms, request, clock, answer);
    case 'reset-after-apply':
      await answer(request);
      throw new ConnectionReset('connection reset');
    case 'truncate': {
      const whole = await answer(request);
      const body = Buffer.from(whole.body);
      return { ...whole, body: body.subarray(0, body.byteLength >> 1), truncated: true };
    }
  }
}

/** As a load balancer does to a connection over which nothing comes. */
async function cutAfter(
  ms: number,
  request: ConsulRequest,
  clock: Clock,
  answer: (request: ConsulRequest) => Promise<ConsulAnswer>,
): Promise<ConsulAnswer> {
  const cut = new AbortController();
  using _timer = clock.schedule(ms, () => cut.abort());
  try {
    return await answer({ ...request, signal: AbortSignal.any([request.signal, cut.signal]) });
  } catch (thrown) {
    if (cut.signal.aborted && !request.signal.aborted) throw new ConnectionReset('connection reset');
    throw thrown;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
