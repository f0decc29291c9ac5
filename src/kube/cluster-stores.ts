import type { ClusterView, SliceEndpoint } from '../desired/cluster-view.ts';
import type { Dialect } from '../desired/dialects/dialect.ts';
import type { Readiness } from '../desired/readiness.ts';
import { createSync, type NamespaceScope, type NotByDefault, type SyncRules } from '../desired/sync-rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Transport } from '../lib/transport.ts';
import type { Logger } from '../logging/logger.ts';
import type { EndpointSliceRecord } from '../model/endpoint-slice.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { NamespaceRecord } from '../model/namespace.ts';
import type { PodRecord } from '../model/pod.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteRecord, RouteRef, RouteSource } from '../model/route.ts';
import type { ServiceRecord } from '../model/service.ts';
import { type ClusterReflector, ClusterReflectors } from './cluster-reflectors.ts';
import { Reflector } from './reflector/reflector.ts';
import type { Regression } from './reflector/reflector-state.ts';
import {
  endpointSliceResource,
  kubeNodeResource,
  namespaceResource,
  podResource,
  serviceResource,
} from './reflector/resource.ts';
import { RouteStores } from './route-stores.ts';
import { InternPool } from './store/intern-pool.ts';
import { endpointSliceProjection } from './store/project-endpoint-slice.ts';
import { kubeNodeProjection } from './store/project-kube-node.ts';
import { namespaceProjection } from './store/project-namespace.ts';
import { podProjection } from './store/project-pod.ts';
import { serviceProjection } from './store/project-service.ts';
import { sameApartFromVersion } from './store/same-record.ts';
import { ScopedRecords } from './store/scoped-records.ts';
import { type ConcernedNodes, hasAnnotations, ServiceIndex } from './store/service-index.ts';
import { Store, type StoredRecord } from './store/store.ts';
import type { UsesLabel } from './store/used-labels.ts';

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

/**
 * The known state of the cluster: the stores with their reflectors, and the indices from which the desired state
 * is computed. The stores hold objects as they are; as a ClusterView it shows them with the defaults of their namespace
 * and of the configuration. A change marks the Kubernetes nodes that it may affect:
 *
 * - a pod: its old and new node, and the nodes named by endpoints it stands behind; but not one that neither asks for
 *   anything nor stands behind an endpoint, for as long as it is at the same place
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
  readonly reflectors: ClusterReflectors;
  readonly #onDirty: (node: string, receivedAt: number) => void;
  readonly #scoped: ScopedRecords | undefined;
  readonly #podsByNode = new Map<string, Set<PodRecord>>();
  readonly #services: ServiceIndex;

  constructor(options: ClusterStoresOptions) {
    const { logger, annotationPrefix, dialects, namespaces = [], podLabelSelector, sync: rules } = options;
    const { sources = [] } = options;
    const onAnswered = () => this.reflectors.answered();
    const pool = new InternPool();
    const store = <R extends StoredRecord>(name: string) => new Store<R>({ name, logger });
    this.#onDirty = options.onDirty;
    this.pods = store('pods');
    this.services = store('services');
    this.endpointSlices = store('endpointslices');
    this.kubeNodes = store('nodes');
    this.namespaces = store('namespaces');
    const sync = rules && createSync(rules);
    this.#scoped = sync && new ScopedRecords(sync, pool, (name) => this.namespaces.get('', name));
    this.#services = new ServiceIndex((namespace, name) => this.service(namespace, name));
    // The indices subscribe first, so that later subscribers see them up to date.
    this.pods.subscribe((before, after, _cause, at) => this.#podChanged(before, after, at));
    this.services.subscribe((before, after, _cause, at) => this.#serviceChanged(before, after, at));
    this.endpointSlices.subscribe((before, after, _cause, at) => this.#sliceChanged(before, after, at));
    this.kubeNodes.subscribe((before, after, _cause, at) => this.#kubeNodeChanged(before, after, at));
    this.namespaces.subscribe((before, after, _cause, at) => this.#namespaceChanged(before, after, at));
    const reflectors: ClusterReflector[] = [];
    const scopes: readonly (string | undefined)[] =
      namespaces.length > 0 ? [...new Set(namespaces)] : [undefined];
    for (const scope of scopes) {
      reflectors.push(
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
      onChanged: (receivedAt) => this.#onDirty('', receivedAt),
    });
    reflectors.push(...this.#routes.reflectors);
    if (namespaces.length === 0) {
      reflectors.push(
        new Reflector({
          ...options,
          onAnswered,
          resource: kubeNodeResource,
          writer: this.kubeNodes.writer(),
          project: kubeNodeProjection(pool),
        }),
      );
    }
    if (sync?.readsNamespaces === true) {
      reflectors.push(
        new Reflector({
          ...options,
          onAnswered,
          resource: namespaceResource,
          writer: this.namespaces.writer(),
          project: namespaceProjection(annotationPrefix, pool, rules?.namespaces.selector),
        }),
      );
    }
    this.reflectors = new ClusterReflectors({
      clock: options.clock,
      reflectors,
      onReadable: (resource) => {
        // A Service without slices has no event that would say so.
        if (resource === 'endpointslices') this.#mark(this.#services.slicesRead(), options.clock.now());
      },
    });
  }

  /** Since when the nodes are watched, monotonic ms; undefined while they are not. Namespaced mode: for ever. */
  get kubeNodesSeenSince(): number | undefined {
    return this.reflectors.kubeNodesSeenSince;
  }

  kubeNode(name: string): KubeNodeRecord | undefined {
    return this.kubeNodes.get('', name);
  }

  pod(namespace: string, name: string): PodRecord | undefined {
    return this.#podAsItCounts(this.pods.get(namespace, name));
  }

  departedPod(namespace: string, name: string): PodRecord | undefined {
    return this.#podAsItCounts(this.#services.departedPod(namespace, name));
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
    const endpoints = this.#services.endpointsOnNode(node);
    if (this.reflectors.unread.length === 0) return endpoints;
    return [...endpoints].filter(
      ({ slice, endpoint }) => endpoint.podName === '' || !this.reflectors.isUnread('pods', slice.namespace),
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
    return this.#services.unreached();
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
    return this.#services.whole();
  }

  servicesOnEveryNode(): Iterable<ServiceRecord> {
    return this.#services.onEveryNode();
  }

  readiness(namespace: string, name: string): Readiness | undefined {
    if (this.reflectors.isUnread('endpointslices', namespace)) return undefined;
    return this.#services.readiness(namespace, name);
  }

  slicesOfService(namespace: string, service: string): Iterable<EndpointSliceRecord> {
    return this.#services.slices(namespace, service);
  }

  #podChanged(before: PodRecord | undefined, after: PodRecord | undefined, receivedAt: number): void {
    if (before !== undefined) this.#unindexPod(before);
    if (after !== undefined) this.#indexPod(after);
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    const nodes = this.#services.podChanged(before, after);
    if (nodes.size === 0 && ![before, after].some((pod) => this.#podAsks(pod)) && isSamePlace(before, after))
      return;
    // An unscheduled pod is on no node, not on the one of the endpoints that name none.
    if (before !== undefined && before.node !== '') nodes.add(before.node);
    if (after !== undefined && after.node !== '') nodes.add(after.node);
    this.#mark({ nodes, everyNode: false }, receivedAt);
  }

  #serviceChanged(
    before: ServiceRecord | undefined,
    after: ServiceRecord | undefined,
    receivedAt: number,
  ): void {
    const asks = (service: ServiceRecord | undefined) => hasAnnotations(this.#serviceAsItCounts(service));
    const [had, has] = [asks(before), asks(after)];
    if (!had && !has) return;
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    const { namespace, name } = (after ?? before)!;
    this.#mark(this.#services.serviceChanged(namespace, name, had, has), receivedAt);
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
      this.#mark(this.#services.serviceChanged(name, service.name, had, has), receivedAt);
    }
    this.#mark({ nodes, everyNode: false }, receivedAt);
  }

  #sliceChanged(
    before: EndpointSliceRecord | undefined,
    after: EndpointSliceRecord | undefined,
    receivedAt: number,
  ): void {
    this.#mark(this.#services.sliceChanged(before, after), receivedAt);
  }

  #kubeNodeChanged(
    before: KubeNodeRecord | undefined,
    after: KubeNodeRecord | undefined,
    receivedAt: number,
  ): void {
    if (before !== undefined && after !== undefined && sameApartFromVersion(before, after)) return;
    this.#onDirty((after ?? before)!.name, receivedAt);
  }

  #podAsks(pod: PodRecord | undefined): boolean {
    return hasAnnotations(this.#podAsItCounts(pod));
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

  #mark({ nodes, everyNode }: ConcernedNodes, receivedAt: number): void {
    for (const node of nodes) this.#onDirty(node, receivedAt);
    if (!everyNode) return;
    for (const { name } of this.kubeNodes.records()) this.#onDirty(name, receivedAt);
  }
}

/** Whether what other instances take from a pod is the same: where it runs, and whose an address is. */
const isSamePlace = (a: PodRecord | undefined, b: PodRecord | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.uid === b.uid &&
  a.node === b.node &&
  a.phase === b.phase &&
  a.deleting === b.deleting &&
  isSameList(a.ips, b.ips) &&
  isSameList(a.hostIps, b.hostIps);

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each, index) => each === b[index]);
