import type { ClusterStores } from '../../kube/cluster-stores.ts';
import type { Cause, StoreHandler } from '../../kube/store/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { EndpointSliceRecord } from '../../model/endpoint-slice.ts';
import type { NamespaceRecord } from '../../model/namespace.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { RouteKind } from '../../model/route.ts';
import type { ServiceRecord } from '../../model/service.ts';
import { backendOf, type PodEnd, type Sightings } from '../../plan/evidence.ts';

export interface TombstonesOptions {
  readonly clock: Clock;
  /** How long after the history went backwards the state of an object proves nothing by itself, ms. */
  readonly regressionMs: number;
  /** Since when the stores may be of another history, monotonic ms; undefined: they are not. The default. */
  readonly doubtfulSince?: () => number | undefined;
  /** Most objects to be remembered of a kind; the oldest are forgotten first. Default 100,000. */
  readonly capacity?: number;
}

/** Younger sightings are kept even when nothing of the object is registered: it may be on its way, ms. */
const youthMs = 60_000;

/**
 * What was seen of objects that are gone, for as long as an instance of theirs is registered. Filled by the
 * stores' handlers. What is forgotten is an unexplained absence, which is confirmed before it is believed.
 */
export class Tombstones implements Sightings {
  readonly #clock: Clock;
  readonly #regressionMs: number;
  readonly #doubtfulSince: () => number | undefined;
  readonly #capacity: number;
  readonly #pods = new Map<string, Sighting<PodEnd>>();
  readonly #services = new Map<string, Sighting<true>>();
  /** Ingresses, routes and Gateways, by `routeKey()`. */
  readonly #routes = new Map<string, Sighting<true>>();
  /** By Service, the backends whose slice went as a whole, and how. */
  readonly #lost = new Map<string, Sighting<Map<string, 'deleted' | 'lost'>>>();
  /** Namespaces that lost the labels the configuration asks for. */
  readonly #left = new Map<string, Sighting<true>>();
  #regressedAt: number | undefined;

  constructor({
    clock,
    regressionMs,
    doubtfulSince = () => undefined,
    capacity = 100_000,
  }: TombstonesOptions) {
    this.#doubtfulSince = doubtfulSince;
    this.#clock = clock;
    this.#regressionMs = regressionMs;
    this.#capacity = capacity;
  }

  /** Takes note of what happens in these stores from now on. */
  follow(
    stores: Pick<
      ClusterStores,
      'pods' | 'services' | 'endpointSlices' | 'namespaces' | 'service' | 'namespaceScope' | 'routeStores'
    >,
  ): void {
    const isAnnotated = (slice: EndpointSliceRecord | undefined): slice is EndpointSliceRecord => {
      for (const _ in slice && stores.service(slice.namespace, slice.service)?.annotations) return true;
      return false;
    };
    stores.pods.subscribe(this.#pod);
    stores.services.subscribe(this.#service);
    stores.namespaces.subscribe((before, after) => {
      const { name } = (after ?? before)!;
      const outside = (record: NamespaceRecord | undefined) =>
        record === undefined ? 'unknown' : stores.namespaceScope(name, record)?.outside;
      if (outside(after) !== 'unselected') this.#left.delete(name);
      else if (outside(before) === undefined) this.#note(this.#left, name, true);
    });
    const { routes, gateways } = stores.routeStores;
    for (const [kind, store] of [...routes, ['Gateway', gateways] as const]) {
      store.subscribe((before, after, cause) => {
        const { namespace, name } = (after ?? before)!;
        const key = routeKey(kind, namespace, name);
        if (after !== undefined) this.#routes.delete(key);
        else if (cause === 'event') this.#note(this.#routes, key, true);
      });
    }
    stores.endpointSlices.subscribe((before, after, cause) => {
      const [old, now] = [isAnnotated(before) ? before : undefined, isAnnotated(after) ? after : undefined];
      if (old !== undefined || now !== undefined) this.#slice(old, now, cause);
    });
  }

  /** The history went backwards: what was seen of the one before proves nothing in this one. */
  regress(): void {
    this.#regressedAt = this.#clock.now();
    this.#pods.clear();
    this.#services.clear();
    this.#routes.clear();
    this.#lost.clear();
    this.#left.clear();
  }

  get regressed(): boolean {
    return this.historyWentBack || this.#doubtfulSince() !== undefined;
  }

  /** It did a short while ago, for certain. */
  get historyWentBack(): boolean {
    return this.#regressedAt !== undefined && this.#clock.now() - this.#regressedAt < this.#regressionMs;
  }

  /** When it did last, monotonic ms. */
  get wentBackAt(): number | undefined {
    return this.#regressedAt;
  }

  /** Objects remembered. */
  get size(): number {
    return this.#pods.size + this.#services.size + this.#routes.size + this.#lost.size + this.#left.size;
  }

  podEnd(uid: string): PodEnd | undefined {
    return this.#believed(this.#pods.get(uid))?.what;
  }

  serviceDeleted(namespace: string, name: string): boolean {
    return this.#believed(this.#services.get(keyOf(namespace, name))) !== undefined;
  }

  namespaceLeft(namespace: string): boolean {
    return this.#believed(this.#left.get(namespace)) !== undefined;
  }

  routeDeleted(kind: RouteKind | 'Gateway', namespace: string, name: string): boolean {
    return this.#believed(this.#routes.get(routeKey(kind, namespace, name))) !== undefined;
  }

  sliceEnd(namespace: string, service: string, backend: string): 'deleted' | 'lost' | undefined {
    return this.#believed(this.#lost.get(keyOf(namespace, service)))?.what.get(backend);
  }

  #believed<What>(sighting: Sighting<What> | undefined): Sighting<What> | undefined {
    const since = this.#doubtfulSince();
    return sighting === undefined || since === undefined || sighting.at >= since ? sighting : undefined;
  }

  /** Forgets objects of which nothing is registered. */
  sweep(registered: Registered): void {
    const before = this.#clock.now() - youthMs;
    const sweep = <What>(map: Map<string, Sighting<What>>, isRegistered: ReadonlySet<string>) => {
      for (const [key, { at }] of map) if (at < before && !isRegistered.has(key)) map.delete(key);
    };
    sweep(this.#pods, registered.podUids);
    sweep(this.#services, registered.services);
    sweep(this.#routes, registered.routes);
    sweep(this.#lost, registered.services);
  }

  readonly #pod: StoreHandler<PodRecord> = (before, after, cause) => {
    // A uid never comes back, except with an earlier state of the whole cluster.
    if (before === undefined && after !== undefined) this.#pods.delete(after.uid);
    if (before === undefined || after !== undefined) return;
    // That of a replaced one its successor tells.
    if (before.deleting) this.#ended(before.uid, 'terminating');
    else if (hasEnded(before)) this.#ended(before.uid, 'finished');
    else if (cause !== 'replaced') this.#ended(before.uid, cause === 'event' ? 'deleted' : 'lost');
  };

  readonly #service: StoreHandler<ServiceRecord> = (before, after, cause) => {
    const { namespace, name } = (after ?? before)!;
    if (after !== undefined) this.#services.delete(keyOf(namespace, name));
    else if (cause === 'event') this.#note(this.#services, keyOf(namespace, name), true);
  };

  #slice(old: EndpointSliceRecord | undefined, now: EndpointSliceRecord | undefined, cause: Cause): void {
    const listed = new Set(now?.endpoints.map(backend));
    const { namespace, service } = (now ?? old)!;
    const key = keyOf(namespace, service);
    const lost = this.#lost.get(key)?.what;
    for (const each of listed) lost?.delete(each);
    if (lost?.size === 0) this.#lost.delete(key);
    if (old === undefined) return;
    for (const endpoint of old.endpoints) {
      if (listed.has(backend(endpoint))) continue;
      // Also pods that the store of pods leaves out show here that they end.
      if (endpoint.terminating && endpoint.podUid !== '') this.#ended(endpoint.podUid, 'terminating');
      else if (now === undefined && cause !== 'replaced') {
        const backends = this.#lost.get(key)?.what ?? new Map<string, 'deleted' | 'lost'>();
        this.#note(this.#lost, key, backends.set(backend(endpoint), cause === 'event' ? 'deleted' : 'lost'));
      }
    }
  }

  #ended(uid: string, how: PodEnd): void {
    const known = this.#pods.get(uid)?.what;
    if (known !== 'terminating' && known !== 'finished') this.#note(this.#pods, uid, how);
  }

  #note<What>(map: Map<string, Sighting<What>>, key: string, what: What): void {
    map.delete(key);
    map.set(key, { what, at: this.#clock.now() });
    if (map.size <= this.#capacity) return;
    for (const oldest of map.keys()) {
      map.delete(oldest);
      return;
    }
  }
}

/** The objects of which something is registered. */
export interface Registered {
  readonly podUids: ReadonlySet<string>;
  /** `namespace/name` */
  readonly services: ReadonlySet<string>;
  /** Ingresses, routes and Gateways, by `routeKey()`. */
  readonly routes: ReadonlySet<string>;
}

/** `Ingress/shop/web`, `Gateway/infra/edge` */
export const routeKey = (kind: RouteKind | 'Gateway', namespace: string, name: string): string =>
  `${kind}/${namespace}/${name}`;

const hasEnded = ({ phase }: PodRecord): boolean => phase === 'Succeeded' || phase === 'Failed';

interface Sighting<What> {
  readonly what: What;
  /** Monotonic ms. */
  readonly at: number;
}

/** A name holds no slash. */
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

const backend = ({ podUid, addresses }: { podUid: string; addresses: readonly string[] }): string =>
  backendOf({ podUid, address: addresses[0] ?? '' });
