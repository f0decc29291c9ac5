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
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Route = () => Answer | Promise<Answer>;

const plain = 'text/plain; charset=utf-8';

/** The page has no scripts and loads nothing; the policy holds it to that. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * The answer to a request. GET and HEAD only; what is not known is a 404, another method a 405. /healthz
 * says that the event loop turns and that a lost lease was let go, nothing more: an operator restarted because
 * Consul is away would only lose what it knows.
 */
export function routes(source: StatusSource, metrics: MetricsSource) {
  const known: Readonly<Record<string, Route>> = {
    '/': () => ({
      status: 200,
      contentType: 'text/html; charset=utf-8',
      body: statusPage(source.status()),
      headers: pageHeaders,
    }),
    '/healthz': () => {
      const why = source.unhealthy();
      return why === undefined
        ? { status: 200, contentType: plain, body: 'ok\n' }
        : { status: 503, contentType: plain, body: `${why}\n` };
    },
    '/readyz': () => {
      const listed = (lines: readonly string[]) => lines.map((line) => `- ${line}\n`).join('');
      const missing = source.notReady();
      if (missing.length > 0) {
        return { status: 503, contentType: plain, body: `not ready:\n${listed(missing)}` };
      }
      const degraded = source.degraded();
      const body = degraded.length === 0 ? 'ok\n' : `ok, except for:\n${listed(degraded)}`;
      return { status: 200, contentType: plain, body };
    },
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    '/status.json': () => ({
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: `${JSON.stringify(source.status(), undefined, 2)}\n`,
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
