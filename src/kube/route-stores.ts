import type { KubernetesObject } from '@kubernetes/client-node';
import type { GatewayRecord } from '../model/gateway.ts';
import {
  type RouteKind,
  type RouteRecord,
  type RouteRef,
  type RouteSource,
  routeKinds,
  routeText,
  sourceOfRoute,
} from '../model/route.ts';
import { Reflector, type ReflectorOptions } from './reflector/reflector.ts';
import { routeResourceOf } from './reflector/resource.ts';
import type { InternPool } from './store/intern-pool.ts';
import { gatewayProjection, type WrittenGateway } from './store/project-gateway.ts';
import { routeProjection } from './store/project-route.ts';
import { sameApartFromVersion } from './store/same-record.ts';
import { Store, type StoredRecord } from './store/store.ts';
import type { UsesLabel } from './store/used-labels.ts';

type Common = Omit<ReflectorOptions<KubernetesObject, StoredRecord>, 'resource' | 'writer' | 'project'>;

export interface RouteStoresOptions extends Common {
  readonly sources: ReadonlySet<RouteSource>;
  /** Namespaces; undefined: all. */
  readonly scopes: Iterable<string | undefined>;
  readonly annotationPrefix: string;
  readonly pool: InternPool;
  /** Which labels are kept for rules. Default: none. */
  readonly usesLabel?: UsesLabel;
  /** An annotated route, or a Gateway, has changed. */
  readonly onChanged: (receivedAt: number) => void;
}

/** The known Ingresses, routes of the Gateway API and Gateways, as far as the configuration has them watched. */
export class RouteStores {
  /** By kind; a kind that is not watched is not there. */
  readonly routes: ReadonlyMap<RouteKind, Store<RouteRecord>>;
  readonly gateways: Store<GatewayRecord>;
  readonly reflectors: readonly (
    | Reflector<KubernetesObject, RouteRecord>
    | Reflector<WrittenGateway, GatewayRecord>
  )[];
  readonly #annotated = new Map<string, RouteRecord>();
  readonly #onChanged: (receivedAt: number) => void;

  constructor(options: RouteStoresOptions) {
    const { sources, scopes, annotationPrefix, pool, logger } = options;
    this.#onChanged = options.onChanged;
    this.gateways = new Store<GatewayRecord>({ name: 'gateways', logger });
    this.gateways.subscribe((before, after, _cause, at) => {
      if (before === undefined || after === undefined || !sameApartFromVersion(before, after)) {
        this.#onChanged(at);
      }
    });
    const kinds = routeKinds.filter((kind) => sources.has(sourceOfRoute(kind)));
    this.routes = new Map(
      kinds.map((kind) => [kind, new Store<RouteRecord>({ name: routeResourceOf[kind].name, logger })]),
    );
    const reflectors: (typeof this.reflectors)[number][] = [];
    for (const store of this.routes.values()) {
      store.subscribe((before, after, _cause, at) => this.#routeChanged(before, after, at));
    }
    for (const scope of scopes) {
      for (const [kind, store] of this.routes) {
        reflectors.push(
          new Reflector({
            ...options,
            resource: routeResourceOf[kind],
            writer: store.writer(scope),
            project: routeProjection(kind, annotationPrefix, pool, options.usesLabel),
          }),
        );
      }
      if (!sources.has('gateways')) continue;
      reflectors.push(
        new Reflector({
          ...options,
          resource: routeResourceOf.Gateway,
          writer: this.gateways.writer(scope),
          project: gatewayProjection(pool),
        }),
      );
    }
    this.reflectors = reflectors;
  }

  route({ kind, namespace, name }: RouteRef): RouteRecord | undefined {
    return this.routes.get(kind)?.get(namespace, name);
  }

  annotated(): Iterable<RouteRecord> {
    return this.#annotated.values();
  }

  #routeChanged(before: RouteRecord | undefined, after: RouteRecord | undefined, at: number): void {
    const { namespace, kind, name } = (after ?? before)!;
    const key = `${namespace}/${routeText({ kind, name })}`;
    const had = this.#annotated.get(key);
    for (const _ in after?.annotations) {
      // The record as it was, when nothing has changed that it holds: what is computed from it is kept with it.
      if (had !== undefined && sameApartFromVersion(had, after!)) return;
      this.#annotated.set(key, after!);
      this.#onChanged(at);
      return;
    }
    if (this.#annotated.delete(key)) this.#onChanged(at);
  }
}
