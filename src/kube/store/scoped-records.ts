import type { NamespaceScope, NotByDefault, Sync } from '../../desired/sync-rules.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { NamespaceRecord } from '../../model/namespace.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { RouteRecord } from '../../model/route.ts';
import type { ServiceRecord } from '../../model/service.ts';
import type { InternPool } from './intern-pool.ts';

/** Namespaces whose scope is remembered. That of another is computed again. */
const mostScopes = 10_000;

interface RememberedScope {
  readonly record: NamespaceRecord | undefined;
  readonly scope: NamespaceScope;
}

interface RememberedRecord<R> {
  readonly namespace: NamespaceScope;
  readonly scoped: R;
}

/**
 * Pods, Services and routes as they count: with the annotations that their Namespace and the configuration add. The same
 * record in the same namespace gives the same object, until something changes, so that what was derived from it can be
 * remembered by it. A record to which nothing is added is given back as it is.
 */
export class ScopedRecords {
  readonly #sync: Sync;
  readonly #pool: InternPool;
  readonly #namespace: (name: string) => NamespaceRecord | undefined;
  readonly #scopes = new LruMap<string, RememberedScope>(mostScopes);
  readonly #pods = new WeakMap<PodRecord, RememberedRecord<PodRecord>>();
  readonly #services = new WeakMap<ServiceRecord, RememberedRecord<ServiceRecord>>();
  readonly #routes = new WeakMap<RouteRecord, RememberedRecord<RouteRecord>>();

  /** `namespace`: the Namespace as it is now, where Namespaces are read. */
  constructor(sync: Sync, pool: InternPool, namespace: (name: string) => NamespaceRecord | undefined) {
    this.#sync = sync;
    this.#pool = pool;
    this.#namespace = namespace;
  }

  pod(pod: PodRecord): PodRecord {
    return this.#scoped(pod, this.#pods, this.#sync.pod);
  }

  service(service: ServiceRecord): ServiceRecord {
    return this.#scoped(service, this.#services, this.#sync.service);
  }

  route(route: RouteRecord): RouteRecord {
    return this.#scoped(route, this.#routes, this.#sync.route);
  }

  /** What the namespace means for all in it, now. */
  of(namespace: string): NamespaceScope {
    const record = this.#namespace(namespace);
    const known = this.#scopes.get(namespace);
    if (known !== undefined && known.record === record) return known.scope;
    const scope = this.scopeWith(namespace, record);
    this.#scopes.set(namespace, { record, scope });
    return scope;
  }

  /** What it means with this Namespace. The same object for the same meaning, as far as the pool has it. */
  scopeWith(namespace: string, record: NamespaceRecord | undefined): NamespaceScope {
    return this.#pool.value(this.#sync.namespace(namespace, record));
  }

  /** Why an object, as it is in its store, is not registered by default. */
  notByDefault(object: PodRecord | ServiceRecord): NotByDefault | undefined {
    return this.#sync.notByDefault(object, this.of(object.namespace));
  }

  /** Whether the object asks for anything in a namespace that means this. */
  asks(object: PodRecord | ServiceRecord, namespace: NamespaceScope): boolean {
    const { annotations } =
      'ips' in object ? this.#sync.pod(object, namespace) : this.#sync.service(object, namespace);
    for (const _ in annotations) return true;
    return false;
  }

  #scoped<R extends PodRecord | ServiceRecord | RouteRecord>(
    record: R,
    known: WeakMap<R, RememberedRecord<R>>,
    asking: (record: R, namespace: NamespaceScope) => Pick<R, 'annotations' | 'scope'>,
  ): R {
    const namespace = this.of(record.namespace);
    const last = known.get(record);
    if (last?.namespace === namespace) return last.scoped;
    const { annotations, scope } = asking(record, namespace);
    const scoped =
      scope === undefined && annotations === record.annotations
        ? record
        : withParts(record, { annotations: this.#pool.value(annotations), scope: this.#pool.value(scope) });
    known.set(record, { namespace, scoped });
    return scoped;
  }
}

/** A copy with other parts. The records of pods are of a class, whose getters it needs. */
const withParts = <R extends object>(record: R, parts: object): R =>
  Object.assign(Object.create(Object.getPrototypeOf(record)), record, parts) as R;
