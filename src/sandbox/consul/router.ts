import { aclRoutes } from './acl-endpoints.ts';
import { agentRoutes } from './agent-endpoints.ts';
import { catalogRoutes } from './catalog-endpoints.ts';
import type { Route } from './core.ts';
import { healthRoutes } from './health-endpoints.ts';
import { HttpError } from './http.ts';
import { kvRoutes } from './kv-endpoints.ts';
import { operatorRoutes } from './operator-endpoints.ts';
import { sessionRoutes } from './session-endpoints.ts';
import { txnRoutes } from './txn-endpoint.ts';

const routes: readonly Route[] = [
  ...catalogRoutes,
  ...healthRoutes,
  ...txnRoutes,
  ...kvRoutes,
  ...sessionRoutes,
  ...agentRoutes,
  ...aclRoutes,
  ...operatorRoutes,
];

const exact = new Map(routes.filter(({ path }) => !path.endsWith('/')).map((route) => [route.path, route]));
/** The longest first: `agent/service/deregister/` before `agent/service/`. */
const prefixes = routes
  .filter(({ path }) => path.endsWith('/'))
  .sort((a, b) => b.path.length - a.path.length);

/** The route of a path, with what follows its prefix; undefined when there is none. Throws 405. */
export function routeOf(
  method: string,
  path: string,
): { readonly route: Route; readonly rest: string } | undefined {
  const whole = exact.get(path);
  const route = whole ?? prefixes.find((each) => path.startsWith(each.path));
  if (route === undefined) return undefined;
  if (!route.methods.includes(method)) {
    throw new HttpError(405, `method ${method} not allowed`, {
      allow: ['OPTIONS', ...route.methods].join(','),
    });
  }
  return { route, rest: whole === undefined ? path.slice(route.path.length) : '' };
}

/** What Consul says to a path it does not know. */
export function unknownPath(path: string): HttpError {
  const text = path.includes('/v1/')
    ? 'Invalid URL path: not a recognized HTTP API endpoint\n'
    : "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n";
  return new HttpError(404, text);
}
