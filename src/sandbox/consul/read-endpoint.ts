import type { Authorizer } from './authorizer.ts';
import { blockingOptions, blockingQuery, type Reading, type WatchSet } from './blocking-query.ts';
import type { ReadContext } from './catalog-reads.ts';
import type { Core } from './core.ts';
import { compileFilter, type FieldKind } from './filter.ts';
import { FilterError } from './filter-parser.ts';
import { type ConsulRequest, HttpError, tokenOf } from './http.ts';

export type Consistency = 'leader' | 'stale' | 'consistent';

/** `?stale` and `?consistent`; 400 for both. */
export function consistencyOf({ query }: ConsulRequest): Consistency {
  const [stale, consistent] = [query.has('stale'), query.has('consistent')];
  if (stale && consistent) {
    throw new HttpError(400, 'Cannot specify ?stale with ?consistent, conflicting semantics.');
  }
  if (stale) return 'stale';
  return consistent ? 'consistent' : 'leader';
}

export function nodeMetaOf({ query }: ConsulRequest): ReadContext['nodeMeta'] {
  return query.getAll('node-meta').map((pair) => {
    const [key = '', ...value] = pair.split(':');
    return [key, value.join(':')] as const;
  });
}

export interface MetaOptions {
  readonly consistency?: Consistency;
  readonly backend?: 'blocking-query' | 'streaming';
  /** Default true. An answer from a stream says `false`, leader or not. */
  readonly knownLeader?: boolean;
}

/** The headers of every reading; an index of 0 is shown as 1, or clients that block would spin. */
export function metaHeaders(
  index: number,
  filteredByAcls: boolean,
  { consistency, backend = 'blocking-query', knownLeader = true }: MetaOptions,
): Record<string, string> {
  return {
    'x-consul-lastcontact': '0',
    'x-consul-index': String(Math.max(1, index)),
    'x-consul-knownleader': String(knownLeader),
    ...(consistency === undefined ? {} : { 'x-consul-effective-consistency': consistency }),
    'x-consul-query-backend': backend,
    ...(filteredByAcls ? { 'x-consul-results-filtered-by-acls': 'true' } : {}),
  };
}

export interface Answered<T> {
  readonly value: T;
  readonly headers: Readonly<Record<string, string>>;
}

/** A blocking reading of the catalog with everything its query can narrow it by. */
export async function readCatalog<T>(
  core: Core,
  request: ConsulRequest,
  schema: FieldKind,
  read: (context: ReadContext) => Reading<T>,
  meta: MetaOptions = {},
): Promise<Answered<T>> {
  const consistency = consistencyOf(request);
  const filter = filterOf(request, schema);
  const nodeMeta = nodeMetaOf(request);
  return readBlocking(core, request, { consistency, ...meta }, (watch, authorizer) =>
    read({ store: core.store, watch, authorizer, nodeMeta, filter }),
  );
}

/** A blocking reading; the token is resolved again each time, and revoked in between it fails the request. */
export async function readBlocking<T>(
  core: Core,
  request: ConsulRequest,
  meta: MetaOptions,
  read: (watch: WatchSet, authorizer: Authorizer) => Reading<T>,
): Promise<Answered<T>> {
  const token = tokenOf(request);
  const options = blockingOptions(request);
  const streaming = meta.backend === 'streaming';
  const reading = await blockingQuery(
    core,
    options,
    request.signal,
    (watch) => {
      // A stream ends with its token; other readings notice when they wake for something else.
      if (streaming) watch.add(core.acl.topic(token));
      return read(watch, core.acl.resolve(token));
    },
    streaming,
  );
  // A caller without a token does not learn that there is more.
  const filtered = reading.filteredByAcls && token !== '';
  const knownLeader = meta.knownLeader ?? core.hasLeader();
  return { value: reading.value, headers: metaHeaders(reading.index, filtered, { ...meta, knownLeader }) };
}

export function filterOf({ query }: ConsulRequest, schema: FieldKind): (row: unknown) => boolean {
  try {
    return compileFilter(query.get('filter'), schema);
  } catch (thrown) {
    if (thrown instanceof FilterError)
      throw new HttpError(500, thrown.message, metaHeaders(0, false, { knownLeader: false }));
    throw thrown;
  }
}
