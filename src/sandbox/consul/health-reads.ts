import type { Authorizer } from './authorizer.ts';
import type { Reading } from './blocking-query.ts';
import { hasMeta, hasTags, indexOfService, type ReadContext } from './catalog-reads.ts';
import { serviceIndex, streamIndex } from './indexes.ts';
import type { CheckRow, NodeRow, NodeService } from './rows.ts';
import { nodeKey, serviceKey } from './store.ts';

function mayReadCheck(authorizer: Authorizer, row: CheckRow): boolean {
  if (!authorizer.mayRead('node', row.Node)) return false;
  return row.ServiceName === '' || authorizer.mayRead('service', row.ServiceName);
}

function narrowed(
  context: ReadContext,
  index: number,
  rows: readonly CheckRow[],
): Reading<readonly CheckRow[]> {
  const { store, watch, nodeMeta, authorizer, filter } = context;
  let found = rows;
  if (nodeMeta.length > 0) {
    // Nodes that do not match are watched too: their meta may change.
    watch.add(...rows.map((row) => store.nodes.rowTopic(nodeKey(row.Node))));
    found = rows.filter((row) => hasMeta(store.nodes.get(nodeKey(row.Node))?.Meta ?? null, nodeMeta));
  }
  const allowed = found.filter((row) => mayReadCheck(authorizer, row));
  const value = allowed.map((row) => ({ ...row, ServiceTags: row.ServiceTags ?? [] })).filter(filter);
  return { index, value, filteredByAcls: allowed.length < found.length };
}

/** `state`: a status, or `any`. */
export function readChecksInState(context: ReadContext, state: string): Reading<readonly CheckRow[]> {
  const { store, watch } = context;
  const any = state === 'any';
  watch.add(any ? store.checks.topic() : store.checks.indexTopic('status', state));
  const rows = any ? store.checks.list() : store.checks.by('status', state);
  return narrowed(context, store.indexes.max('checks'), rows);
}

export function readNodeChecks(context: ReadContext, node: string): Reading<readonly CheckRow[]> {
  const { store, watch } = context;
  watch.add(store.checks.indexTopic('node', nodeKey(node)));
  const rows = store.checks.by('node', nodeKey(node));
  return narrowed({ ...context, nodeMeta: [] }, store.indexes.max('checks'), rows);
}

export function readServiceChecks(context: ReadContext, service: string): Reading<readonly CheckRow[]> {
  const { store, watch, nodeMeta } = context;
  watch.add(store.checks.indexTopic('service', service.toLowerCase()));
  const index =
    nodeMeta.length === 0 ? store.indexes.max('checks') : indexOfService(store, service, true, true);
  return narrowed(context, index, store.checks.by('service', service.toLowerCase()));
}

export interface HealthEntry {
  readonly Node: NodeRow;
  readonly Service: NodeService;
  readonly Checks: readonly CheckRow[];
}

export interface HealthQuery {
  readonly service: string;
  readonly tags: readonly string[];
  readonly passingOnly: boolean;
  /**
   * Answered from the stream of the service's events instead of the state: what Consul does for blocking
   * requests. The instances are the same; an index that a removed last instance leaves behind is not.
   */
  readonly streaming: boolean;
}

/** Instances of a service with their own and their node's checks. */
export function readHealth(context: ReadContext, query: HealthQuery): Reading<readonly HealthEntry[]> {
  const { store, watch, authorizer, nodeMeta, filter } = context;
  const rows = store.services.by('service', query.service.toLowerCase());
  const exists = rows.length > 0;
  const entries = rows
    .filter(({ entry }) => hasTags(entry.Tags, query.tags))
    .map(({ node, entry }): HealthEntry => {
      const checks = [
        ...store.checks.by('instance', serviceKey(node, '')),
        ...store.checks.by('instance', serviceKey(node, entry.ID)),
      ];
      return {
        Node: store.nodes.get(nodeKey(node))!,
        Service: { ...entry, Tags: entry.Tags ?? [] },
        Checks: checks.map((check) => ({ ...check, ServiceTags: check.ServiceTags ?? [] })),
      };
    })
    .filter(({ Node }) => hasMeta(Node.Meta, nodeMeta));
  const allowed = entries.filter(
    ({ Node, Service }) =>
      authorizer.mayRead('node', Node.Node) && authorizer.mayRead('service', Service.Service),
  );
  if (query.streaming) watch.add(store.indexes.topic(streamIndex(query.service)));
  else if (exists) watch.add(store.indexes.topic(serviceIndex(query.service)));
  else watch.add(store.services.indexTopic('service', query.service.toLowerCase()));
  const streamed = query.streaming ? store.indexes.get(streamIndex(query.service)) : undefined;
  return {
    index: streamed ?? indexOfService(store, query.service, exists, true),
    value: passing(allowed.filter(filter), query),
    filteredByAcls: allowed.length < entries.length,
  };
}

const isPassing = (checks: readonly CheckRow[]): boolean =>
  checks.every(({ Status }) => Status === 'passing');

/** Consul takes what does not pass out by moving the last into its place; a stream's view is in order. */
function passing(
  entries: readonly HealthEntry[],
  { passingOnly, streaming }: HealthQuery,
): readonly HealthEntry[] {
  if (!passingOnly) return entries;
  if (streaming) return entries.filter(({ Checks }) => isPassing(Checks));
  const left = [...entries];
  for (let i = 0; i < left.length; ) {
    if (isPassing(left[i]!.Checks)) i += 1;
    else {
      const last = left.pop()!;
      if (i < left.length) left[i] = last;
    }
  }
  return left;
}
