import type { Clock } from '../lib/clock.ts';
import { visible, visibleLines } from '../lib/visible.ts';
import { statusPage } from './page.ts';
import type { StatusSource } from './status.ts';

/** The text for /metrics. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The probes of the kubelet: short answers that always come. */
export const healthPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

type Route = () => Answer | Promise<Answer>;

const plain = 'text/plain; charset=utf-8';

/** The page has no scripts and loads nothing; the policy enforces that. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * The answer to a request. GET and HEAD only: an unknown path is a 404, another method a 405. /healthz only says
 * that the event loop runs and that a lost lease was given up: restarting the operator because Consul is away
 * would only lose what it knows.
 */
export function routes(source: StatusSource, metrics: MetricsSource, clock: Clock) {
  const page = paced(clock, () => statusPage(source.status()));
  const series = paced(clock, () => metrics.text());
  const json = paced(clock, () => visibleLines(`${JSON.stringify(source.status(), undefined, 2)}\n`));
  const known: Readonly<Record<string, Route>> = {
    '/': async () => ({
      status: 200,
      contentType: 'text/html; charset=utf-8',
      body: await page(),
      headers: pageHeaders,
    }),
    '/healthz': () => {
      const why = source.unhealthy();
      return why === undefined
        ? { status: 200, contentType: plain, body: 'ok\n' }
        : { status: 503, contentType: plain, body: `${why}\n` };
    },
    '/readyz': () => {
      const listed = (lines: readonly string[]) => lines.map((line) => `- ${visible(line)}\n`).join('');
      const missing = source.notReady();
      if (missing.length > 0) {
        return { status: 503, contentType: plain, body: `not ready:\n${listed(missing)}` };
      }
      const degraded = source.degraded();
      const body = degraded.length === 0 ? 'ok\n' : `ok, except for:\n${listed(degraded)}`;
      return { status: 200, contentType: plain, body };
    },
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await series() }),
    '/status.json': async () => ({
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: await json(),
    }),
  };
  return async (method: string, target: string): Promise<Answer> => {
    const path = target.split('?', 1)[0]!;
    const route = Object.hasOwn(known, path) ? known[path] : undefined;
    if (route === undefined) {
      const body = `not found; there are ${Object.keys(known).join(' ')}\n`;
      return { status: 404, contentType: plain, body };
    }
    if (method !== 'GET' && method !== 'HEAD') {
      const body = `method ${method} is not allowed; use GET\n`;
      return { status: 405, contentType: plain, body, headers: { allow: 'GET, HEAD' } };
    }
    return route();
  };
}

/** How long a text is kept, as a multiple of the time it took to make. */
const rest = 10;

/**
 * Caches what `make` returns for a moment, so that at most an eleventh of the time goes into making it, however
 * many ask. Requests meanwhile share the bytes.
 */
function paced(clock: Clock, make: () => string | Promise<string>): () => Promise<Buffer> {
  let current: Promise<Buffer> | undefined;
  let until = 0;
  return () => {
    if (current !== undefined && clock.now() < until) return current;
    const startedAt = clock.now();
    until = Number.POSITIVE_INFINITY;
    const made = (async () => Buffer.from(await make()))();
    current = made;
    const done = () => {
      const now = clock.now();
      until = now + rest * (now - startedAt);
    };
    made.then(done, () => {
      current = undefined;
    });
    return made;
  };
}
