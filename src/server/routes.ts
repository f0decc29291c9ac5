import type { Clock } from '../lib/clock.ts';
import { type Pause, pauseBy } from '../lib/pause.ts';
import { visible } from '../lib/visible.ts';
import { statusText } from './operator-status.ts';
import { Paced } from './paced.ts';
import { documentOf, pagePaths } from './page/document.ts';
import { favicons } from './page/favicon.ts';
import type { Pages } from './page/pages.ts';
import { pageScript } from './page/script.ts';
import { pageStyle } from './page/style.ts';
import type { StatusSource } from './reading.ts';

/** The text for /metrics. */
export interface MetricsSource {
  readonly contentType: string;
  text(pause: Pause): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The probes of the kubelet: short answers that always come. */
export const healthPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

export interface RoutesOptions {
  readonly source: StatusSource;
  readonly metrics: MetricsSource;
  readonly pages: Pages;
  readonly clock: Clock;
}

type Route = (target: string) => Answer | Promise<Answer>;

const plain = 'text/plain; charset=utf-8';

/** The pages load nothing from elsewhere and have nothing inline; the policy enforces that. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

/** A resource of the pages. Its address changes with its content. */
const resource = (contentType: string, body: string): Route => {
  const headers = { 'cache-control': 'public, max-age=86400' };
  return () => ({ status: 200, contentType, body, headers });
};

/**
 * The answer to a request. GET and HEAD only: an unknown path is a 404, another method a 405. /healthz only says
 * that the event loop runs and that a lost lease was given up: restarting the operator because Consul is away
 * would only lose what it knows.
 */
export function routes({ source, metrics, pages, clock }: RoutesOptions) {
  const texts = { metrics: new Paced<Buffer>(clock), status: new Paced<Buffer>(clock) };
  const page: Route = async (target) => {
    const body = documentOf(await pages.get(target));
    return { status: 200, contentType: 'text/html; charset=utf-8', body, headers: pageHeaders };
  };
  const known: Readonly<Record<string, Route>> = {
    ...Object.fromEntries(pagePaths.map((path) => [path, page])),
    '/page.css': resource('text/css; charset=utf-8', pageStyle),
    '/page.js': resource('text/javascript; charset=utf-8', pageScript),
    ...Object.fromEntries(
      Object.entries(favicons).map(([path, icon]) => [path, resource('image/svg+xml', icon)]),
    ),
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
    '/metrics': async () => ({
      status: 200,
      contentType: metrics.contentType,
      body: await texts.metrics.get('', async () => Buffer.from(await metrics.text(pauseBy(clock)))),
    }),
    '/status.json': async () => ({
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: await texts.status.get('', async () => {
        const pause = pauseBy(clock);
        return statusText(await source.reading(pause), pause);
      }),
    }),
  };
  return async (method: string, target: string): Promise<Answer> => {
    const path = target.split('?', 1)[0]!;
    const route = Object.hasOwn(known, path) ? known[path] : undefined;
    if (route === undefined) {
      const body = `not found; available: ${Object.keys(known).join(' ')}\n`;
      return { status: 404, contentType: plain, body };
    }
    if (method !== 'GET' && method !== 'HEAD') {
      const body = `method ${method} is not allowed; use GET\n`;
      return { status: 405, contentType: plain, body, headers: { allow: 'GET, HEAD' } };
    }
    return route(target);
  };
}
