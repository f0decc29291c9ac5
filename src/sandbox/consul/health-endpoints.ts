import { blockingOptions } from './blocking-query.ts';
import type { Core, Handler, Route } from './core.ts';
import { checkSchema, healthSchema } from './filter-schemas.ts';
import { readChecksInState, readHealth, readNodeChecks, readServiceChecks } from './health-reads.ts';
import { type ConsulAnswer, type ConsulRequest, HttpError, json, tokenOf } from './http.ts';
import { consistencyOf, metaHeaders, readCatalog } from './read-endpoint.ts';

/** Whether a request for a service's health is answered from a stream: it may block, or asks for the cache. */
function isStreamed(request: ConsulRequest): boolean {
  const { query } = request;
  const wanted = query.has('cached') || blockingOptions(request).minIndex > 0;
  return wanted && !query.has('near') && !query.has('merge-central-config');
}

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
  const streaming = isStreamed(request);
  if (streaming && !core.acl.knows(tokenOf(request))) return refusedStream(core, request);
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

/** How long Consul keeps trying to set up a stream that its token does not allow, in milliseconds. */
const streamRetryMs = 11_000;

/**
 * A blocking request with an unknown token is not refused at once: the stream is tried again and again, and
 * when the wait is over before Consul gives up, the answer is a 200 with an empty list.
 */
async function refusedStream(core: Core, request: ConsulRequest): Promise<ConsulAnswer> {
  const { waitMs } = blockingOptions(request);
  await core.clock.sleep(Math.min(waitMs, streamRetryMs), request.signal);
  if (waitMs >= streamRetryMs) throw new HttpError(403, 'ACL not found');
  const meta = { consistency: consistencyOf(request), backend: 'streaming', knownLeader: false } as const;
  return json([], metaHeaders(0, false, meta));
}

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
  {
    methods: ['GET'],
    path: '/v1/health/service/',
    handler: service,
    readsOwnState: (request) => isStreamed(request) || request.query.has('stale'),
  },
  { methods: ['GET'], path: '/v1/health/node/', handler: node },
  { methods: ['GET'], path: '/v1/health/checks/', handler: checks },
  { methods: ['GET'], path: '/v1/health/state/', handler: state },
];
