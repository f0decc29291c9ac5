import { ById } from '../lib/by-id.ts';
import type { DesiredNode, StaleSource } from '../model/desired-node.ts';
import type { Endpoint, SlicePort } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import { originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import { type ObjectRef, type Problem, problemKey } from '../model/problem.ts';
import type { RouteRecord } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import type { ClusterView } from './cluster-view.ts';
import { haveOwnPlaces, sameAddress, sameBackend } from './conflicts.ts';
import { rememberDeclarations } from './declarations.ts';
import { type EndpointGroup, groupEndpoints } from './endpoint-groups.ts';
import { createHandovers, type Handovers } from './handovers.ts';
import { consulNodeNameOf, nodeEntry } from './node-entry.ts';
import { type NodeFacts, nodeFacts } from './node-facts.ts';
import { nodePortInstances } from './node-port-instances.ts';
import type { DesiredContext, DesiredOptions } from './options.ts';
import { podInstances } from './pod-instances.ts';
import { readinessOf } from './readiness.ts';
import { routeInstances } from './route-instances.ts';
import { serviceInstances } from './service-instances.ts';
import { isReachedAsWhole } from './service-places.ts';
import { rememberLists } from './services-list.ts';
import { sliceInstances } from './slice-instances.ts';
import { nothing, problem, type SourceResult } from './source.ts';
import { unreachedService } from './unreached-services.ts';

/** The desired state of a Consul node, by the name of its Kubernetes node ('' = what is on none: routes, and endpoints that name none). */
export interface Desired {
  (kubeNode: string, view: ClusterView): DesiredNode;
  /** What takes the place of registered instances that are not part of it any more. */
  readonly handovers: Handovers;
}

/**
 * The desired state of one cluster: a pure function of the view. It remembers what it derived from a record for as
 * long as the record lives, so that a change of one pod on a node costs the work of one pod.
 *
 * Instances of unchanged records are the same objects as before.
 */
export function createDesired(options: DesiredOptions): Desired {
  const readList = rememberLists();
  const describePod = rememberDeclarations({ ...options, readList });
  const context: DesiredContext = { ...options, readList, describePod };
  const ofPod = rememberPods(context);
  const ofGroup = rememberGroups(context);
  const ofService = rememberServices(context);
  const ofWhole = rememberWholeServices();
  const ofRoute = rememberRoutes(context);
  const merged = rememberMerged();

  const desired = (kubeNode: string, view: ClusterView): DesiredNode => {
    const record = options.namespaced || kubeNode === '' ? undefined : view.kubeNode(kubeNode);
    const facts = nodeFacts(kubeNode, record);
    // A pod without a node is not scheduled and has no address yet.
    const pods = kubeNode === '' ? [] : [...view.podsOnNode(kubeNode)];
    const { groups, problems: sliceProblems } = groupEndpoints(view.endpointsOnNode(kubeNode), view);

    const ofGroups = groups.map((group) => ({ group, result: ofGroup(group, ofPod, facts) }));
    const results: SourceResult[] = [];
    for (const pod of pods) {
      const result = ofPod(pod, facts);
      if (result !== nothing)
        results.push(ofGroups.length === 0 ? result : unlessServed(result, pod, ofGroups));
    }
    for (const { result } of ofGroups) results.push(result);
    if (kubeNode === '') {
      // They are on no node, so their problems go with the endpoints that name none.
      for (const service of view.unreachedServices()) results.push(ofService(service));
      results.push({ ...nothing, problems: [...view.namespaceProblems()] });
      results.push(...wholeServices(view, ofWhole, context));
      for (const route of view.routes()) results.push(ofRoute(route, view, facts));
    } else results.push(...nodePorts(groups, view, facts, ofWhole, context));
    if (kubeNode === '' && options.agents !== undefined) return withoutAgent(results, options);

    const { instances, stale, problems, warms } = merged(kubeNode, results);
    const isWanted = instances.size > 0 || stale.length > 0;
    const hostIps = () => hostIpsOf(pods);
    return {
      name: consulNodeNameOf(kubeNode, options.clusterName),
      entry: isWanted ? { ...nodeEntry(kubeNode, record, hostIps, options), instances } : undefined,
      stale: unique(stale, staleKey),
      problems: unique(sliceProblems.length === 0 ? problems : [...problems, ...sliceProblems], problemKey),
      ...(warms ? { warms } : {}),
    };
  };
  return Object.assign(desired, { handovers: createHandovers(context) });
}

/** `createDesired()` for a single call. */
export const desiredNode = (kubeNode: string, view: ClusterView, options: DesiredOptions): DesiredNode =>
  createDesired(options)(kubeNode, view);

/** Endpoints that name no node, and routes, have no agent that could register them. */
function withoutAgent(results: readonly SourceResult[], { clusterName }: DesiredOptions): DesiredNode {
  const ofEndpoints =
    'endpoints without a node cannot be registered with an agent; set nodeName in the EndpointSlice, or use registration.mode "catalog"';
  const ofWhole = (reach: string) =>
    `address "${reach}" belongs to no node, so no agent can register it; choose "pod", "host" or "node-port", or use registration.mode "catalog"`;
  const ofRoute = (kind: string) =>
    `an object of kind ${kind} is on no node, so no agent can register it; use registration.mode "catalog"`;
  const problems = results.flatMap(({ object, instances, problems: own }) => {
    const [first] = instances;
    if (object === undefined || first === undefined) return own;
    const { reach, route } = originOf(first.meta);
    const message = route !== '' ? ofRoute(object.kind) : reach === '' ? ofEndpoints : ofWhole(reach);
    return [...own, problem(object, 'RegistrationFailed', reach === '' ? '' : 'address', message)];
  });
  const name = consulNodeNameOf('', clusterName);
  return { name, entry: undefined, stale: [], problems: unique(problems, problemKey) };
}

/** What Services are reached by that belongs to no node. */
function* wholeServices(
  view: ClusterView,
  remembered: RememberWhole,
  context: DesiredContext,
): Iterable<SourceResult> {
  for (const service of view.wholeServices()) {
    const readiness = view.readiness(service.namespace, service.name);
    if (readiness === undefined || service.deleting) continue;
    yield* remembered(service, '', readiness, () => [serviceInstances(service, readiness, context)]);
  }
}

/** The ports of this node that Services are reached by. */
function* nodePorts(
  groups: readonly EndpointGroup[],
  view: ClusterView,
  facts: NodeFacts,
  remembered: RememberWhole,
  context: DesiredContext,
): Iterable<SourceResult> {
  const endpoints = new Map<ServiceRecord, Endpoint[]>();
  for (const service of view.servicesOnEveryNode()) endpoints.set(service, []);
  for (const { service, members } of groups) {
    if (!isReachedAsWhole(service)) continue;
    const here = endpoints.get(service) ?? [];
    endpoints.set(service, here);
    for (const { endpoint } of members) here.push(endpoint);
  }
  for (const [service, here] of endpoints) {
    const everywhere = view.readiness(service.namespace, service.name);
    if (everywhere === undefined || service.deleting) continue;
    const readiness = { here: readinessOf(here), everywhere };
    const key = `${readiness.here} ${everywhere} ${facts.key}`;
    yield* remembered(service, facts.name, key, () => nodePortInstances(service, readiness, facts, context));
  }
}

type OfPod = (pod: PodRecord, facts: NodeFacts) => SourceResult;

function rememberPods(context: DesiredContext): OfPod {
  const known = new WeakMap<PodRecord, { readonly facts: string; readonly result: SourceResult }>();
  return (pod, facts) => {
    const last = known.get(pod);
    if (last?.facts === facts.key) return last.result;
    const result = podInstances(pod, facts, context);
    known.set(pod, { facts: facts.key, result });
    return result;
  };
}

function rememberServices(context: DesiredContext) {
  const known = new WeakMap<ServiceRecord, SourceResult>();
  return (service: ServiceRecord): SourceResult => {
    const last = known.get(service);
    if (last !== undefined) return last;
    const result = { ...nothing, problems: unreachedService(service, context) };
    known.set(service, result);
    return result;
  };
}

/** What a Service as a whole contributes to a node, computed again when `key` is another than the last time. */
type RememberWhole = (
  service: ServiceRecord,
  node: string,
  key: string,
  compute: () => readonly SourceResult[],
) => readonly SourceResult[];

function rememberWholeServices(): RememberWhole {
  type Known = Map<string, { readonly key: string; readonly results: readonly SourceResult[] }>;
  const known = new WeakMap<ServiceRecord, Known>();
  return (service, node, key, compute) => {
    const ofService: Known = known.get(service) ?? new Map();
    const last = ofService.get(node);
    if (last?.key === key) return last.results;
    const results = compute();
    known.set(service, ofService.set(node, { key, results }));
    return results;
  };
}

/**
 * A pod that is registered by default leaves those names to annotated Services in front of it that they ask for: who
 * writes an annotation means it.
 */
function unlessServed(
  result: SourceResult,
  pod: PodRecord,
  groups: readonly { readonly group: EndpointGroup; readonly result: SourceResult }[],
): SourceResult {
  if (pod.scope?.byDefault !== true || result.instances.length === 0) return result;
  const served = new Set<string>();
  for (const { group, result: ofService } of groups) {
    if (group.pod === pod) for (const service of ofService.services) served.add(service);
  }
  if (served.size === 0) return result;
  const instances = result.instances.filter(({ service }) => !served.has(service.toLowerCase()));
  return { ...result, instances };
}

interface RememberedRoute {
  readonly gateways: readonly (GatewayRecord | undefined)[];
  readonly result: SourceResult;
}

/** Routes are on no node. */
function rememberRoutes(context: DesiredContext) {
  const known = new WeakMap<RouteRecord, RememberedRoute>();
  return (route: RouteRecord, view: ClusterView, facts: NodeFacts): SourceResult => {
    const gateways = route.parents.map(({ namespace, name }) => view.gateway(namespace, name));
    const last = known.get(route);
    if (last?.gateways.every((gateway, index) => gateway === gateways[index])) return last.result;
    const result = routeInstances(route, view, facts, context);
    known.set(route, { gateways, result });
    return result;
  };
}

/** Of the slices only the ports: they would stay in memory in old versions. */
interface RememberedGroup {
  readonly service: ServiceRecord;
  readonly pod: PodRecord | undefined;
  readonly members: readonly { readonly ports: readonly SlicePort[]; readonly endpoint: Endpoint }[];
  readonly own: ReadonlySet<string>;
  readonly facts: string;
  readonly result: SourceResult;
}

const none: ReadonlySet<string> = new Set();

function rememberGroups(context: DesiredContext) {
  const known = new WeakMap<Endpoint, RememberedGroup>();
  return (group: EndpointGroup, ofPod: OfPod, facts: NodeFacts): SourceResult => {
    const { pod } = group;
    // What is only registered by default does not stand before a Service's annotations.
    const own = pod === undefined || pod.scope?.byDefault === true ? none : ofPod(pod, facts).services;
    const [{ endpoint }] = group.members;
    const last = known.get(endpoint);
    if (last?.facts === facts.key && last.own === own && isSame(last, group)) return last.result;
    const result = sliceInstances(group, own, facts, context);
    const members = group.members.map(({ slice, endpoint }) => ({ ports: slice.ports, endpoint }));
    known.set(endpoint, { service: group.service, pod, members, own, facts: facts.key, result });
    return result;
  };
}

function isSame(a: RememberedGroup, b: EndpointGroup): boolean {
  return (
    a.service === b.service &&
    a.pod === b.pod &&
    a.members.length === b.members.length &&
    a.members.every(({ ports, endpoint }, index) => {
      const other = b.members[index]!;
      return ports === other.slice.ports && endpoint === other.endpoint;
    })
  );
}

/** What is on a node together. */
interface Merged {
  readonly results: readonly SourceResult[];
  readonly instances: ById<InstanceId, Instance>;
  readonly stale: readonly StaleSource[];
  readonly problems: readonly Problem[];
  readonly haveOwnPlaces: boolean;
  readonly warms: boolean;
}

/** Remembers what was merged for each node, so that one result that is replaced costs the work of one. */
function rememberMerged() {
  const known = new Map<string, Merged>();
  return (kubeNode: string, results: readonly SourceResult[]): Merged => {
    const last = known.get(kubeNode);
    const merged = (last && mergedAgain(last, results)) ?? merge(results);
    if (results.length === 0) known.delete(kubeNode);
    else known.set(kubeNode, merged);
    return merged;
  };
}

/** The same with these results, when they only have other instances with the same ids at the same places. */
function mergedAgain(last: Merged, results: readonly SourceResult[]): Merged | undefined {
  if (last.stale.length > 0 || last.problems.length > 0 || !last.haveOwnPlaces) return undefined;
  // Results are the same objects until something changes, and a pod that has changed comes after the others.
  let kept = 0;
  const removed = new Map<InstanceId, Instance>();
  for (const result of last.results) {
    if (result === results[kept]) kept += 1;
    else for (const instance of result.instances) removed.set(instance.id, instance);
  }
  if (removed.size === 0 && kept === results.length) return { ...last, results };
  const changed = new Map<InstanceId, Instance>();
  let { warms } = last;
  for (const result of results.slice(kept)) {
    if (result.stale.length > 0 || result.problems.length > 0) return undefined;
    for (const instance of result.instances) {
      const before = removed.get(instance.id);
      if (before === undefined || !isSamePlace(before, instance)) return undefined;
      removed.delete(instance.id);
      changed.set(instance.id, instance);
      warms ||= instance.warmup !== undefined;
    }
  }
  if (removed.size > 0) return undefined;
  return { ...last, results, instances: last.instances.with(changed), warms };
}

const isSamePlace = (a: Instance, b: Instance): boolean =>
  a.service === b.service && a.port === b.port && a.address === b.address;

/** All instances by id, sorted. When two Services ask for the same id, the first gets it. */
function merge(results: readonly SourceResult[]): Merged {
  const byId = new Map<InstanceId, Instance>();
  const stale: StaleSource[] = [];
  const problems: Problem[] = [];
  const conflicts: Problem[] = [];
  let warms = false;
  let askers: ReadonlyMap<InstanceId, ObjectRef> | undefined;
  const askingFor = (id: InstanceId): ObjectRef => {
    askers ??= askersOf(results);
    return askers.get(id)!;
  };
  for (const result of results) {
    const { object } = result;
    if (result.stale.length > 0) stale.push(...result.stale);
    if (result.problems.length > 0) problems.push(...result.problems);
    if (object === undefined) continue;
    for (const instance of result.instances) {
      warms ||= instance.warmup !== undefined;
      const other = byId.get(instance.id);
      if (other === undefined) byId.set(instance.id, instance);
      else
        conflicts.push(
          sameBackend({ instance, object }, { instance: other, object: askingFor(instance.id) }),
        );
    }
  }
  const instances = new ById<InstanceId, Instance>([...byId.keys()].sort().map((id) => byId.get(id)!));
  const isEachAlone = haveOwnPlaces(instances);
  if (!isEachAlone) conflicts.push(...sameAddress(instances, askingFor));
  problems.push(...conflicts);
  return { results, instances, stale, problems, haveOwnPlaces: isEachAlone, warms };
}

/** By instance, the object that gets it. */
function askersOf(results: readonly SourceResult[]): ReadonlyMap<InstanceId, ObjectRef> {
  const askers = new Map<InstanceId, ObjectRef>();
  for (const { instances, object } of results) {
    if (object === undefined) continue;
    for (const { id } of instances) if (!askers.has(id)) askers.set(id, object);
  }
  return askers;
}

/** The host addresses that its pods report, for a node whose own object is not known: those of the first by name. */
function hostIpsOf(pods: readonly PodRecord[]): readonly string[] {
  let first: PodRecord | undefined;
  for (const pod of pods) {
    if (pod.hostIps.length > 0 && (first === undefined || byName(pod, first) < 0)) first = pod;
  }
  return first?.hostIps ?? [];
}

function byName(a: PodRecord, b: PodRecord): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const staleKey = ({ namespace, podUid, kubeService, route = '', service }: StaleSource): string =>
  [namespace, podUid, kubeService, route, service].join('\0');

/** Without duplicates, in the order of the keys: each endpoint of a Service shows the Service's mistakes. */
function unique<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] {
  if (items.length <= 1) return items;
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  return [...byKey.keys()].sort().map((key) => byKey.get(key)!);
}
