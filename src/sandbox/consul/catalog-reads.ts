import type { Authorizer } from './authorizer.ts';
import type { Reading, WatchSet } from './blocking-query.ts';
import { nodeExtinction, nodeIndex, serviceExtinction, serviceIndex } from './indexes.ts';
import type { NodeRow, NodeService, ServiceRow, StringMap } from './rows.ts';
import { nodeKey, type Store } from './store.ts';

/** What every reading is narrowed by. */
export interface ReadContext {
  readonly store: Store;
  readonly watch: WatchSet;
  readonly authorizer: Authorizer;
  /** Node meta every node must carry; empty = all nodes. */
  readonly nodeMeta: readonly (readonly [string, string])[];
  readonly filter: (row: unknown) => boolean;
}

export const hasMeta = (meta: StringMap | null, wanted: ReadContext['nodeMeta']): boolean =>
  wanted.every(([key, value]) => meta?.[key] === value);

/** The nodes with the wanted meta. Watches one pair only, as Consul does. */
export function watchedNodes({ store, watch, nodeMeta }: ReadContext): readonly NodeRow[] {
  const [first] = nodeMeta;
  if (first === undefined) {
    watch.add(store.nodes.topic());
    return store.nodes.list();
  }
  const pair = first.join(':');
  watch.add(store.nodes.indexTopic('meta', pair));
  return store.nodes.by('meta', pair).filter((row) => hasMeta(row.Meta, nodeMeta));
}

/** The index is the table's: writes of services move it too, but only a change of a node wakes. */
export function readNodes(context: ReadContext): Reading<readonly NodeRow[]> {
  const rows = watchedNodes(context);
  const allowed = rows.filter((row) => context.authorizer.mayRead('node', row.Node));
  return {
    index: context.store.indexes.max('nodes'),
    value: allowed.filter(context.filter),
    filteredByAcls: allowed.length < rows.length,
  };
}

/** A service with its node's fields, as `catalog/service` shows it. */
export function serviceNode({ node, entry }: ServiceRow, row: NodeRow | undefined): Record<string, unknown> {
  return {
    ID: row?.ID ?? '',
    Node: row?.Node ?? node,
    Address: row?.Address ?? '',
    Datacenter: row?.Datacenter ?? '',
    TaggedAddresses: row?.TaggedAddresses ?? null,
    NodeMeta: row?.Meta ?? null,
    ServiceKind: entry.Kind ?? '',
    ServiceID: entry.ID,
    ServiceName: entry.Service,
    ServiceTags: entry.Tags ?? [],
    ServiceAddress: entry.Address,
    ...(entry.TaggedAddresses === undefined ? {} : { ServiceTaggedAddresses: entry.TaggedAddresses }),
    ServiceWeights: entry.Weights,
    ServiceMeta: entry.Meta ?? {},
    ServicePort: entry.Port ?? 0,
    ServicePorts: null,
    ServiceSocketPath: '',
    ServiceEnableTagOverride: entry.EnableTagOverride,
    ServiceProxy: entry.Proxy,
    ServiceConnect: entry.Connect,
    ServiceLocality: null,
    CreateIndex: entry.CreateIndex,
    ModifyIndex: entry.ModifyIndex,
  };
}

function mayReadService(authorizer: Authorizer, { node, entry }: ServiceRow): boolean {
  return authorizer.mayRead('node', node) && authorizer.mayRead('service', entry.Service);
}

/** All service names with the tags of all their instances. */
export function readServices(context: ReadContext): Reading<Record<string, readonly string[]>> {
  const { store, watch, nodeMeta, authorizer, filter } = context;
  let rows = store.services.list();
  if (nodeMeta.length === 0) watch.add(store.services.topic());
  else {
    const nodes = watchedNodes(context).map((row) => nodeKey(row.Node));
    watch.add(...nodes.map((key) => store.services.indexTopic('node', key)));
    rows = nodes.flatMap((key) => store.services.by('node', key));
  }
  const allowed = rows.filter((row) => mayReadService(authorizer, row));
  const tags = new Map<string, Set<string>>();
  for (const row of allowed) {
    if (!filter(serviceNode(row, store.nodes.get(nodeKey(row.node))))) continue;
    const known = tags.get(row.entry.Service) ?? new Set();
    for (const tag of row.entry.Tags ?? []) known.add(tag);
    tags.set(row.entry.Service, known);
  }
  const value = [...tags]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, set]) => [name, [...set]] as const);
  return {
    index: nodeMeta.length === 0 ? store.indexes.max('services') : store.indexes.max('services', 'nodes'),
    value: Object.fromEntries(value),
    filteredByAcls: allowed.length < rows.length,
  };
}

/** The index of one service name: its own, or, when it has no instance, that of the last name to vanish. */
export function indexOfService(store: Store, service: string, exists: boolean, checks: boolean): number {
  const extinct = exists ? undefined : store.indexes.get(serviceExtinction);
  const own = extinct ?? store.indexes.get(serviceIndex(service));
  if (own !== undefined) return own;
  return checks ? store.indexes.max('checks', 'services', 'nodes') : store.indexes.max('services', 'nodes');
}

export const hasTags = (tags: readonly string[] | null, wanted: readonly string[]): boolean => {
  const lower = (tags ?? []).map((tag) => tag.toLowerCase());
  return wanted.every((tag) => lower.includes(tag.toLowerCase()));
};

/** The instances of a service. */
export function readServiceNodes(
  context: ReadContext,
  service: string,
  tags: readonly string[],
): Reading<readonly Record<string, unknown>[]> {
  const { store, watch, authorizer, nodeMeta, filter } = context;
  watch.add(store.services.indexTopic('service', service.toLowerCase()));
  const instances = store.services.by('service', service.toLowerCase());
  const tagged = instances.filter(({ entry }) => hasTags(entry.Tags, tags));
  watch.add(...tagged.map(({ node }) => store.nodes.rowTopic(nodeKey(node))));
  const onNodes = tagged.filter(({ node }) =>
    hasMeta(store.nodes.get(nodeKey(node))?.Meta ?? null, nodeMeta),
  );
  const allowed = onNodes.filter((row) => mayReadService(authorizer, row));
  return {
    index: indexOfService(store, service, instances.length > 0, false),
    value: allowed.map((row) => serviceNode(row, store.nodes.get(nodeKey(row.node)))).filter(filter),
    filteredByAcls: allowed.length < onNodes.length,
  };
}

export interface NodeServices {
  readonly node: NodeRow;
  readonly services: readonly NodeService[];
}

/**
 * A node's services, by the node's name; undefined when there is no such node. `byId`: `catalog/node`
 * checks the right to read a service with its id instead of its name, which is Consul's own slip.
 */
export function readNodeServices(
  context: ReadContext,
  name: string,
  byId: boolean,
): Reading<NodeServices | undefined> {
  const { store, watch, authorizer, filter } = context;
  const node = store.nodes.get(nodeKey(name));
  watch.add(store.nodes.rowTopic(nodeKey(name)));
  if (node === undefined) {
    return { index: store.indexes.max(nodeExtinction), value: undefined, filteredByAcls: false };
  }
  watch.add(store.services.indexTopic('node', nodeKey(name)));
  const index = store.indexes.max(nodeIndex(nodeKey(name)));
  if (!authorizer.mayRead('node', node.Node)) return { index, value: undefined, filteredByAcls: true };
  const services = store.services.by('node', nodeKey(name)).map(({ entry }) => entry);
  const allowed = services.filter((entry) => authorizer.mayRead('service', byId ? entry.ID : entry.Service));
  return {
    index,
    value: { node, services: allowed.filter(filter) },
    filteredByAcls: allowed.length < services.length,
  };
}
