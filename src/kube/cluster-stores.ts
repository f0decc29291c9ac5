import type { ClusterView, SliceEndpoint } from '../desired/cluster-view.ts';
import type { Dialect } from '../desired/dialects/dialect.ts';
import { type Readiness, readinessOf } from '../desired/readiness.ts';
import { createSync, type NamespaceScope, type NotByDefault, type SyncRules } from '../desired/sync-rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Transport } from '../lib/transport.ts';
import type { Logger } from '../logging/logger.ts';
import type { UnreadSource } from '../model/desired-node.ts';
import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { NamespaceRecord } from '../model/namespace.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import { type RouteRecord, type RouteRef, type RouteSource, routeResources } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { promptMs } from './reflector/auditor.ts';
import { Reflector } from './reflector/reflector.ts';
import type { ReflectorStatus, Regression } from './reflector/reflector-state.ts';
import {
  endpointSliceResource,
  kubeNodeResource,
  namespaceResource,
  podResource,
  serviceResource,
} from './reflector/resource.ts';
import { RouteStores } from './route-stores.ts';
import { EndpointIndex, nodesThatDiffer } from './store/endpoint-index.ts';
import { InternPool } from './store/intern-pool.ts';
import { NestedIndex } from './store/nested-index.ts';
import { endpointSliceProjection } from './store/project-endpoint-slice.ts';
import { kubeNodeProjection } from './store/project-kube-node.ts';
import { namespaceProjection } from './store/project-namespace.ts';
import { podProjection } from './store/project-pod.ts';
import { serviceProjection } from './store/project-service.ts';
import { sameApartFromVersion } from './store/same-record.ts';
import { ScopedRecords } from './store/scoped-records.ts';
import { Store, type StoredRecord } from './store/store.ts';
import type { UsesLabel } from './store/used-labels.ts';
import { type Concerned, WholeServices } from './store/whole-services.ts';

export interface ClusterStoresOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** With its slash: `kube-registrar.io/`. */
  readonly annotationPrefix: string;
  /** Other programs' annotations that are followed as well. Default: none. */
  readonly dialects?: readonly Dialect[];
  /**
   * Namespaced mode: watch these namespaces only, and no nodes, for which cluster-wide rights would be needed.
   * Default, and when empty: everything.
   */
  readonly namespaces?: readonly string[];
  /** What objects ask for beside their own annotations. Default: nothing. */
  readonly sync?: SyncRules;
  /** Which labels of Services and routes are kept for rules. Default: none. */
  readonly usesLabel?: UsesLabel;
  /** Watch only pods with these labels, in Kubernetes' selector syntax. Default: all. */
  readonly podLabelSelector?: string;
  /** What is watched beside pods and Services. Default: nothing. */
  readonly sources?: readonly RouteSource[];
  /**
   * Called when something about a Kubernetes node may have to change in Consul; '' stands for the endpoints
   * that name no node. `receivedAt`: when the change arrived, monotonic ms. It must only mark something dirty.
   */
  readonly onDirty: (node: string, receivedAt: number) => void;
  /** History went backwards for a store; see Regression. */
  readonly onRegression?: (regression: Regression) => void;
}

/** How often it is checked that the process has not stood still, ms. */
const stallCheckMs = 5_000;

/** What start() runs, whatever the kinds of object and record. */
interface Runnable {
  start(signal: AbortSignal): Promise<void>;
  doubt(since?: number): void;
  readonly doubtfulSince: number | undefined;
  status(): ReflectorStatus;
}

/**
 * The known state of the cluster: the stores with their reflectors, and the indices from which the desired state
 * is computed. The stores hold objects as they are; as a ClusterView it shows them with the defaults of their namespace
 * and of the configuration. A change marks the Kubernetes nodes that it may affect:
 *
 * - a pod: its old and new node, and the nodes named by endpoints it stands behind
 * - a Service that has or had the annotations: the nodes of all endpoints of its slices; if it has no endpoints, the
 *   endpoints that name no node
 * - a Service that is reached as a whole, by a load balancer for instance, or the readiness of its endpoints together:
 *   the endpoints that name no node; if it is registered on every node, all nodes
 * - a slice of an annotated Service: the nodes whose endpoints differ
 * - a node: itself
 * - a Namespace, where they are watched: the nodes of its pods and of the endpoints of its Services
 * - an annotated Ingress or route, or a Gateway: what is on no node
 *
 * A change that no record holds marks nothing.
 */
export class ClusterStores implements ClusterView {
  readonly pods: Store<PodRecord>;
  readonly services: Store<ServiceRecord>;
  readonly endpointSlices: Store<EndpointSliceRecord>;
  readonly kubeNodes: Store<KubeNodeRecord>;
  readonly namespaces: Store<NamespaceRecord>;
  readonly #routes: RouteStores;
  /**
   * Resolves when every source (a kind of object in a namespace, or in all) was read or is refused; nothing may be
   * removed from Consul before. Never rejects.
   *
   * Refused sources delay nothing, as long as nodes can be read, where they are watched, and pods in at least one
   * namespace: without these nothing is known of any instance.
   */
  readonly settled: Promise<void>;
  readonly #clock: Clock;
  readonly #onDirty: (node: string, receivedAt: number) => void;
  readonly #reflectors: Runnable[] = [];
  #nodeReflector: Runnable | undefined;
  readonly #scoped: ScopedRecords | undefined;
  readonly #podsByNode = new Map<string, Set<PodRecord>>();
  readonly #slicesByService = new NestedIndex<EndpointSliceRecord>();
  readonly #endpoints = new EndpointIndex();
  /** Pods that are gone, for as long as endpoints name them, by namespace and name. */
  readonly #departed = new Map<string, PodRecord>();
  /** Annotated Services without endpoints, by namespace and name. */
  readonly #unreached = new Map<string, ServiceRecord>();
  readonly #whole = new WholeServices();
  #running: Promise<void> | undefined;
  #isSettled = false;
  #unread: readonly UnreadSource[] = [];
  /** Namespaces whose pods are unread; '' stands for all. */
  #withoutPods: ReadonlySet<string> = new Set();
  #withoutSlices: ReadonlySet<string> = new Set();

  constructor(options: ClusterStoresOptions) {
    const { logger, annotationPrefix, dialects, namespaces = [], podLabelSelector, sync: rules } = options;
    const { sources = [] } = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    const onAnswered = () => {
      if (this.#answered()) resolve();
    };
    const pool = new InternPool();
    const store = <R extends StoredRecord>(name: string) => new Store<R>({ name, logger });
    this.#clock = options.clock;
    this.#onDirty = options.onDirty;
    this.pods = store('pods');
    this.services = store('services');
    this.endpointSlices = store('endpointslices');
    this.kubeNodes = store('nodes');
    this.namespaces = store('namespaces');
    const sync = rules && createSync(rules);
    this.#scoped = sync && new ScopedRecords(sync, pool, (name) => this.namespaces.get('', name));
    // The indices subscribe first, so that later subscribers see them up to date.
    this.pods.subscribe((before, after, _cause, at) => this.#podChanged(before, after, at));
    this.services.subscribe((before, after, _cause, at) => this.#serviceChanged(before, after, at));
    this.endpointSlices.subscribe((before, after, _cause, at) => this.#sliceChanged(before, after, at));
    this.kubeNodes.subscribe((before, after, _cause, at) => this.#kubeNodeChanged(before, after, at));

    this.namespaces.subscribe((before, after, _cause, at) => this.#namespaceChanged(before, after, at));

    const scopes: readonly (string | undefined)[] =
      namespaces.length > 0 ? [...new Set(namespaces)] : [undefined];
    for (const scope of scopes) {
      this.#reflectors.push(
        new Reflector({
          ...options,
          onAnswered,
          resource: podResource(podLabelSelector),
          writer: this.pods.writer(scope),
          project: podProjection(annotationPrefix, pool, dialects, rules?.default === 'pods'),
        }),
        new Reflector({
          ...options,
          onAnswered,
          resource: serviceResource,
          writer: this.services.writer(scope),
          project: serviceProjection(annotationPrefix, pool, dialects, {
            selector: rules?.labelSelector,
            uses: options.usesLabel,
          }),
        }),
        new Reflector({
          ...options,
          onAnswered,
          resource: endpointSliceResource,
          writer: this.endpointSlices.writer(scope),
          project: endpointSliceProjection(pool),
        }),
      );
    }
    this.#routes = new RouteStores({
      ...options,
      onAnswered,
      sources: new Set(sources),
      scopes,
      pool,
      onChanged: (receivedAt) => this.#markDirty([''], receivedAt),
    });
    this.#reflectors.push(...this.#routes.reflectors);
    if (namespaces.length === 0) {
      this.#nodeReflector = new Reflector({
        ...options,
        onAnswered,
        resource: kubeNodeResource,
        writer: this.kubeNodes.writer(),
        project: kubeNodeProjection(pool),
      });
      this.#reflectors.push(this.#nodeReflector);
    }
    if (sync?.readsNamespaces === true) {
      this.#reflectors.push(
        new Reflector({
          ...options,
          onAnswered,
          resource: namespaceResource,
          writer: this.namespaces.writer(),
          project: namespaceProjection(annotationPrefix, pool, rules?.namespaces.selector),
        }),
      );
    }
  }

  /** Runs all reflectors until the signal aborts; never rejects. Another call returns the same promise. */
  start(signal: AbortSignal): Promise<void> {
    this.#running ??= Promise.all([
      this.#noticeStalls(signal),
      ...this.#reflectors.map((reflector) => reflector.start(signal)),
    ]).then(() => {});
    return this.#running;
  }

  /**
   * A process that stood still, as a virtual machine that is moved, has its watches broken later than the server broke
   * them, so that nothing shows how long they were lost. Everything may be of another history then.
   */
  async #noticeStalls(signal: AbortSignal): Promise<void> {
    for (;;) {
      const since = this.#clock.now();
      await this.#clock.sleep(stallCheckMs, signal).catch(() => {});
      if (signal.aborted) return;
      const lateMs = this.#clock.now() - since - stallCheckMs;
      if (lateMs > promptMs) for (const reflector of this.#reflectors) reflector.doubt(since);
    }
  }

  /** Something shows that the store of this resource may be behind: it is soon compared with the server. */
  doubt(resource: UnreadSource['resource'] | 'nodes'): void {
    for (const reflector of this.#reflectors) if (reflector.status().resource === resource) reflector.doubt();
  }

  /** The sources that still have to be read, or refused, before anything is known of the cluster. */
  get pending(): readonly ReflectorStatus[] {
    if (this.#isSettled) return [];
    const all = this.status();
    const hasPods = all.some(({ resource, synced }) => resource === 'pods' && synced);
    const isNeeded = ({ resource }: ReflectorStatus) =>
      resource === 'nodes' || (resource === 'pods' && !hasPods);
    return all.filter((status) => !status.synced && (!status.refused || isNeeded(status)));
  }

  /**
   * What could never be read. Its objects may exist although the stores do not have them. What the API server does not
   * serve, such as the Gateway API where it is not installed, has none.
   */
  get unread(): readonly UnreadSource[] {
    return this.#unread;
  }

  /**
   * Since when the stores may be of another history, monotonic ms; see Auditor. A source that was never read has nothing
   * there; a namespace may be refused for ever, as after its deletion, and so may the Gateway API. None of these makes
   * the others doubtful.
   */
  get doubtfulSince(): number | undefined {
    let first: number | undefined;
    for (const reflector of this.#reflectors) {
      const { synced, refused, namespace, resource } = reflector.status();
      if (!synced || (refused && (namespace !== '' || isOptional(resource)))) continue;
      const { doubtfulSince } = reflector;
      if (doubtfulSince !== undefined && doubtfulSince < (first ?? Number.POSITIVE_INFINITY))
        first = doubtfulSince;
    }
    return first;
  }

  /** Since when the nodes are watched, monotonic ms; undefined while they are not. Namespaced mode: for ever. */
  get kubeNodesSeenSince(): number | undefined {
    if (this.#nodeReflector === undefined) return Number.NEGATIVE_INFINITY;
    const { state } = this.#nodeReflector.status();
    return state.kind === 'watching' ? state.since : undefined;
  }

  /** One entry for each reflector, always in the same order. */
  status(): readonly ReflectorStatus[] {
    return this.#reflectors.map((reflector) => reflector.status());
  }

  kubeNode(name: string): KubeNodeRecord | undefined {
    return this.kubeNodes.get('', name);
  }

  pod(namespace: string, name: string): PodRecord | undefined {
    return this.#podAsItCounts(this.pods.get(namespace, name));
  }

  departedPod(namespace: string, name: string): PodRecord | undefined {
    return this.#podAsItCounts(this.#departed.get(`${namespace}/${name}`));
  }

  podsOnNode(node: string): Iterable<PodRecord> {
    const pods = this.#podsByNode.get(node) ?? [];
    const scoped = this.#scoped;
    return scoped === undefined ? pods : [...pods].map((pod) => scoped.pod(pod));
  }

  service(namespace: string, name: string): ServiceRecord | undefined {
    return this.#serviceAsItCounts(this.services.get(namespace, name));
  }

  /** Without those of pods that may not be read: half of such an instance's fields would be missing. */
  endpointsOnNode(node: string): Iterable<SliceEndpoint> {
    const endpoints = this.#endpoints.onNode(node);
    if (this.#withoutPods.size === 0) return endpoints;
    return [...endpoints].filter(
      ({ slice, endpoint }) =>
        endpoint.podName === '' || !(this.#withoutPods.has('') || this.#withoutPods.has(slice.namespace)),
    );
  }

  routes(): Iterable<RouteRecord> {
    const routes = this.#routes.annotated();
    const scoped = this.#scoped;
    return scoped === undefined ? routes : [...routes].map((route) => scoped.route(route));
  }

  route(ref: RouteRef): RouteRecord | undefined {
    const route = this.#routes.route(ref);
    return route && this.#scoped ? this.#scoped.route(route) : route;
  }

  gateway(namespace: string, name: string): GatewayRecord | undefined {
    return this.#routes.gateways.get(namespace, name);
  }

  /** The stores of what the configuration has watched beside pods and Services. */
  get routeStores(): Pick<RouteStores, 'routes' | 'gateways'> {
    return this.#routes;
  }

  unreachedServices(): Iterable<ServiceRecord> {
    const scoped = this.#scoped;
    const services = this.#unreached.values();
    return scoped === undefined ? services : [...services].map((service) => scoped.service(service));
  }

  *namespaceProblems(): Iterable<Problem> {
    if (this.#scoped === undefined) return;
    for (const { name } of this.namespaces.records()) yield* this.#scoped.of(name).problems;
  }

  /**
   * What the namespace means for all in it, now or with this Namespace; undefined where every object speaks for
   * itself.
   */
  namespaceScope(namespace: string, record?: NamespaceRecord): NamespaceScope | undefined {
    return record === undefined ? this.#scoped?.of(namespace) : this.#scoped?.scopeWith(namespace, record);
  }

  /** Why an object, as it is in its store, is not registered by default. */
  notByDefault(object: PodRecord | ServiceRecord): NotByDefault | undefined {
    return this.#scoped === undefined ? 'off' : this.#scoped.notByDefault(object);
  }

  wholeServices(): Iterable<ServiceRecord> {
    return this.#recordsOf(this.#whole.all());
  }

  servicesOnEveryNode(): Iterable<ServiceRecord> {
    return this.#recordsOf(this.#whole.onEveryNode());
  }

  readiness(namespace: string, name: string): Readiness | undefined {
    if (this.#withoutSlices.has('') || this.#withoutSlices.has(namespace)) return undefined;
    return this.#whole.readiness(namespace, name);
  }

  *#recordsOf(services: ReturnType<WholeServices['all']>): Iterable<ServiceRecord> {
    for (const { namespace, name } of services) {
      const record = this.service(namespace, name);
      if (record !== undefined) yield record;
    }
  }

  /** The slices of a Service, annotated or not. */
  slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord> {
    return this.#slicesByService.get(namespace, service);
  }

  /** Returns whether everything was read or is refused. */
  #answered(): boolean {
    this.#isSettled = this.pending.length === 0;
    this.#unread = this.status()
      // What is in namespaces that are not known is stale: see desired/.
      .filter(
        ({ synced, notInstalled, resource }) =>
          !synced && !notInstalled && resource !== namespaceResource.name,
      )
      .map(({ resource, namespace }) => ({ resource: resource as UnreadSource['resource'], namespace }));
    const unread = (wanted: UnreadSource['resource']) =>
      new Set(this.#unread.flatMap(({ resource, namespace }) => (resource === wanted ? [namespace] : [])));
    this.#withoutPods = unread('pods');
    const before = this.#withoutSlices;
    this.#withoutSlices = unread('endpointslices');
    // A Service without slices has no event that would say so.
    if (before.difference(this.#withoutSlices).size > 0 && !this.#whole.isEmpty)
      this.#markConcerned({ noNode: true, everyNode: true }, this.#clock.now());
    return this.#isSettled;
  }

  #podChanged(before: PodRecord | undefined, after: PodRecord | undefined, receivedAt: number): void {
    if (before !== undefined) this.#unindexPod(before);
    if (after !== undefined) this.#indexPod(after);
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    const { namespace, name } = (after ?? before)!;
    const nodes = new Set(this.#endpoints.nodesOfPod(namespace, name));
    if (after === undefined && nodes.size > 0) this.#departed.set(`${namespace}/${name}`, before!);
    else this.#departed.delete(`${namespace}/${name}`);
    // An unscheduled pod is on no node, not on the one of the endpoints that name none.
    if (before !== undefined && before.node !== '') nodes.add(before.node);
    if (after !== undefined && after.node !== '') nodes.add(after.node);
    this.#markDirty(nodes, receivedAt);
  }

  #serviceChanged(
    before: ServiceRecord | undefined,
    after: ServiceRecord | undefined,
    receivedAt: number,
  ): void {
    const [had, has] = [this.#asks(before), this.#asks(after)];
    if (!had && !has) return;
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    const { namespace, name } = (after ?? before)!;
    this.#markDirty(this.#reindexed(namespace, name, had, has), receivedAt);
    this.#noteRequest(namespace, name, receivedAt);
  }

  /** Notes what an asking Service is reached by, as it is now. */
  #noteRequest(namespace: string, name: string, receivedAt: number): void {
    this.#noteReach(namespace, name, receivedAt);
    const service = this.service(namespace, name);
    const asking = hasAnnotations(service) ? service : undefined;
    const readiness = () => this.#readinessOf(namespace, name);
    this.#markConcerned(this.#whole.update(namespace, name, asking, readiness), receivedAt);
  }

  /** Notes whether the endpoints of a Service are wanted, and returns their nodes. */
  #reindexed(namespace: string, name: string, had: boolean, has: boolean): Set<string> {
    const nodes = new Set<string>();
    for (const slice of this.#slicesByService.get(namespace, name)) {
      if (had && !has) this.#unindexSlice(slice);
      if (has && !had) this.#endpoints.add(slice);
      for (const { node } of slice.endpoints) nodes.add(node);
    }
    return nodes;
  }

  /** What counts of the objects in it may have changed, although they have not. */
  #namespaceChanged(
    before: NamespaceRecord | undefined,
    after: NamespaceRecord | undefined,
    receivedAt: number,
  ): void {
    const { name } = (after ?? before)!;
    const scoped = this.#scoped!;
    const [was, is] = [scoped.scopeWith(name, before), scoped.of(name)];
    if (was === is) return;
    // What is wrong with the Namespace itself is shown with the endpoints that name no node.
    const nodes = new Set(['']);
    for (const pod of this.pods.records(name)) {
      if (pod.node !== '' && (scoped.asks(pod, was) || scoped.asks(pod, is))) nodes.add(pod.node);
    }
    for (const service of this.services.records(name)) {
      const [had, has] = [scoped.asks(service, was), scoped.asks(service, is)];
      if (!had && !has) continue;
      for (const node of this.#reindexed(name, service.name, had, has)) nodes.add(node);
      this.#noteRequest(name, service.name, receivedAt);
    }
    this.#markDirty(nodes, receivedAt);
  }

  #sliceChanged(
    before: EndpointSliceRecord | undefined,
    after: EndpointSliceRecord | undefined,
    receivedAt: number,
  ): void {
    const wanted = (slice: EndpointSliceRecord | undefined) =>
      slice !== undefined && this.#asks(this.services.get(slice.namespace, slice.service))
        ? slice
        : undefined;
    const [old, now] = [wanted(before), wanted(after)];
    if (before !== undefined) this.#slicesByService.delete(before.namespace, before.service, before);
    if (after !== undefined) this.#slicesByService.add(after.namespace, after.service, after);
    if (now !== undefined) this.#endpoints.add(now);
    if (old !== undefined) this.#unindexSlice(old);
    this.#markDirty(nodesThatDiffer(old, now), receivedAt);
    for (const slice of [old, now]) {
      if (slice === undefined) continue;
      const { namespace, service } = slice;
      this.#noteReach(namespace, service, receivedAt);
      const readiness = () => this.#readinessOf(namespace, service);
      this.#markConcerned(this.#whole.endpointsChanged(namespace, service, readiness), receivedAt);
    }
  }

  #readinessOf(namespace: string, name: string): Readiness {
    return readinessOf([...this.#slicesByService.get(namespace, name)].flatMap(({ endpoints }) => endpoints));
  }

  #markConcerned({ noNode, everyNode }: Concerned, receivedAt: number): void {
    if (noNode) this.#markDirty([''], receivedAt);
    if (!everyNode) return;
    for (const { name } of this.kubeNodes.records()) this.#onDirty(name, receivedAt);
  }

  #unindexSlice(slice: EndpointSliceRecord): void {
    this.#endpoints.remove(slice);
    if (this.#departed.size === 0) return;
    for (const { podName } of slice.endpoints) {
      const [named] = this.#endpoints.nodesOfPod(slice.namespace, podName);
      if (named === undefined) this.#departed.delete(`${slice.namespace}/${podName}`);
    }
  }

  /** Notes whether a Service has endpoints. */
  #noteReach(namespace: string, name: string, receivedAt: number): void {
    const key = `${namespace}/${name}`;
    const service = this.services.get(namespace, name);
    const isUnreached = this.#asks(service) && !this.#hasEndpoints(namespace, name);
    const now = isUnreached ? service : undefined;
    if (this.#unreached.get(key) === now) return;
    if (now === undefined) this.#unreached.delete(key);
    else this.#unreached.set(key, now);
    this.#markDirty([''], receivedAt);
  }

  #hasEndpoints(namespace: string, name: string): boolean {
    for (const { endpoints } of this.#slicesByService.get(namespace, name)) {
      if (endpoints.length > 0) return true;
    }
    return false;
  }

  #kubeNodeChanged(
    before: KubeNodeRecord | undefined,
    after: KubeNodeRecord | undefined,
    receivedAt: number,
  ): void {
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    this.#markDirty([(after ?? before)!.name], receivedAt);
  }

  /** Whether a Service asks for anything, as things are now. */
  #asks(service: ServiceRecord | undefined): boolean {
    return hasAnnotations(this.#serviceAsItCounts(service));
  }

  #podAsItCounts(pod: PodRecord | undefined): PodRecord | undefined {
    return pod && this.#scoped ? this.#scoped.pod(pod) : pod;
  }

  #serviceAsItCounts(service: ServiceRecord | undefined): ServiceRecord | undefined {
    return service && this.#scoped ? this.#scoped.service(service) : service;
  }

  #indexPod(pod: PodRecord): void {
    const pods = this.#podsByNode.get(pod.node);
    if (pods === undefined) this.#podsByNode.set(pod.node, new Set([pod]));
    else pods.add(pod);
  }

  #unindexPod(pod: PodRecord): void {
    const pods = this.#podsByNode.get(pod.node);
    pods?.delete(pod);
    if (pods?.size === 0) this.#podsByNode.delete(pod.node);
  }

  #markDirty(nodes: Iterable<string>, receivedAt: number): void {
    for (const node of nodes) this.#onDirty(node, receivedAt);
  }
}

/** Whether the cluster may do without the resource, and the operator without the right to read it. */
const isOptional = (resource: string): boolean => routeResources.some((each) => each === resource);

const hasAnnotations = (service: ServiceRecord | undefined): boolean => {
  for (const _ in service?.annotations) return true;
  return false;
};
