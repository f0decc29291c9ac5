import { blockingOptions } from './blocking-query.ts';
import type { Handler, Route } from './core.ts';
import { checkSchema, healthSchema } from './filter-schemas.ts';
import { readChecksInState, readHealth, readNodeChecks, readServiceChecks } from './health-reads.ts';
import { HttpError, json } from './http.ts';
import { consistencyOf, readCatalog } from './read-endpoint.ts';

/**
 * Instances of a service. As Consul does by default, a request that may block is answered from a stream of
 * the service's events; such an answer does not vouch for a leader.
 */
const service: Handler = async (core, request, name) => {
  if (name === '') throw new HttpError(400, 'Missing service name');
  const { query } = request;
  const passing = query.get('passing') ?? 'false';
  if (!['', '1', 't', 'true', 'True', 'TRUE', '0', 'f', 'false', 'False', 'FALSE'].includes(passing)) {
    throw new HttpError(400, 'Invalid value for ?passing');
  }
  const cached = query.has('cached');
  if (cached && consistencyOf(request) === 'consistent') {
    throw new HttpError(400, 'Cannot specify ?cached with ?consistent, conflicting semantics.');
  }
  const streaming =
    (blockingOptions(request).minIndex > 0 || cached) &&
    !query.has('near') &&
    !query.has('merge-central-config');
  const health = {
    service: name,
    tags: query.getAll('tag'),
    passingOnly: passing === '' || /^(1|t)/i.test(passing),
    streaming,
  };
  const { value, headers } = await readCatalog(
    core,
    request,
    healthSchema,
    (context) => readHealth(context, health),
    streaming ? { backend: 'streaming', knownLeader: false } : {},
  );
  return json(value, { ...headers, ...(cached ? { 'x-cache': 'MISS' } : {}) });
};

const node: Handler = async (core, request, name) => {
  if (name === '') throw new HttpError(400, 'Missing node name');
  const read = await readCatalog(core, request, checkSchema, (context) => readNodeChecks(context, name));
  return json(read.value, read.headers);
};

const checks: Handler = async (core, request, name) => {
  if (name === '') throw new HttpError(400, 'Missing service name');
  const read = await readCatalog(core, request, checkSchema, (context) => readServiceChecks(context, name));
  return json(read.value, read.headers);
};

const state: Handler = async (core, request, name) => {
  if (name === '') throw new HttpError(400, 'Missing check state');
  const read = await readCatalog(core, request, checkSchema, (context) => readChecksInState(context, name));
  return json(read.value, read.headers);
};

export const healthRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/v1/health/service/', handler: service },
  { methods: ['GET'], path: '/v1/health/node/', handler: node },
  { methods: ['GET'], path: '/v1/health/checks/', handler: checks },
  { methods: ['GET'], path: '/v1/health/state/', handler: state },
];
