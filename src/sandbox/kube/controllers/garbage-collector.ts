import type { Clock } from '../../../lib/clock.ts';
import type { KubeApi } from '../kube-api.ts';
import { type KubeObject, withMeta } from '../object.ts';
import { type Resource, resourceNamed, resources } from '../resources.ts';
import type { StoreEvent } from '../store.ts';
import { Loop } from './loop.ts';

const latencyMs = 20;

/**
 * Deletes objects all of whose owners are gone, and carries out the propagation policies that a deletion
 * left as a finalizer: `foregroundDeletion` (dependants first) and `orphan` (dependants stay).
 */
export class GarbageCollector implements Disposable {
  readonly #api: KubeApi;
  readonly #loop: Loop;
  readonly #subscription: Disposable;
  /** Keys (`storage` and key) of the objects that name an owner, by the owner's uid. */
  readonly #dependants = new Map<string, Set<string>>();
  readonly #uids = new Set<string>();

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#loop = new Loop(clock, latencyMs, (id) => this.#reconcile(id));
    this.#subscription = api.store.subscribe((event) => this.#observe(event));
    this.resync();
  }

  /** Builds its picture anew. */
  resync(): void {
    this.#dependants.clear();
    this.#uids.clear();
    for (const { storage } of resources) {
      for (const [key, object] of this.#api.store.table(storage)) {
        this.#observe({ revision: 0, storage, key, previous: undefined, object });
      }
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#loop[Symbol.dispose]();
  }

  #observe({ storage, key, previous, object }: StoreEvent): void {
    const id = `${storage} ${key}`;
    for (const { uid } of previous?.metadata.ownerReferences ?? []) this.#dependants.get(uid)?.delete(id);
    for (const { uid } of object?.metadata.ownerReferences ?? []) {
      const ids = this.#dependants.get(uid) ?? new Set();
      this.#dependants.set(uid, ids.add(id));
    }
    if (object === undefined) {
      const uid = previous?.metadata.uid ?? '';
      this.#uids.delete(uid);
      for (const dependant of this.#dependants.get(uid) ?? []) this.#loop.mark(dependant);
      this.#dependants.delete(uid);
      // A foreground deletion may have waited for this one.
      for (const owner of previous?.metadata.ownerReferences ?? []) this.#markOwner(previous!, owner);
      return;
    }
    this.#uids.add(object.metadata.uid);
    if (
      (object.metadata.ownerReferences ?? []).length > 0 ||
      object.metadata.deletionTimestamp !== undefined
    ) {
      this.#loop.mark(id);
    }
  }

  #markOwner(
    { metadata }: KubeObject,
    { apiVersion, kind, name }: { apiVersion: string; kind: string; name: string },
  ) {
    const resource = resources.find(
      (row) =>
        row.kind === kind && (row.group === '' ? row.version : `${row.group}/${row.version}`) === apiVersion,
    );
    if (resource === undefined) return;
    this.#loop.mark(`${resource.storage} ${resource.namespaced ? `${metadata.namespace}/${name}` : name}`);
  }

  #reconcile(id: string): void {
    const [storage = '', key = ''] = id.split(' ');
    const resource = resourceNamed(storage);
    const object = this.#api.store.table(storage).get(key);
    if (object === undefined) return;
    const { namespace = '', name, ownerReferences = [], deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) this.#propagate(resource, object);
    else if (ownerReferences.length > 0 && ownerReferences.every(({ uid }) => !this.#uids.has(uid))) {
      this.#api.registry.delete(resource, namespace, name);
    }
  }

  #propagate(resource: Resource, object: KubeObject): void {
    const { uid, finalizers = [] } = object.metadata;
    const policy = finalizers.find((name) => name === 'foregroundDeletion' || name === 'orphan');
    if (policy === undefined) return;
    const dependants = [...(this.#dependants.get(uid) ?? [])];
    for (const id of dependants) {
      const [storage = '', key = ''] = id.split(' ');
      const dependant = this.#api.store.table(storage).get(key);
      if (dependant === undefined) continue;
      if (policy === 'orphan') this.#orphan(resourceNamed(storage), dependant, uid);
      else if (dependant.metadata.deletionTimestamp === undefined) {
        const { namespace = '', name } = dependant.metadata;
        this.#api.registry.delete(resourceNamed(storage), namespace, name, {
          propagationPolicy: 'Foreground',
        });
      }
    }
    if (policy === 'orphan' || (this.#dependants.get(uid)?.size ?? 0) === 0) {
      this.#removeFinalizer(resource, object, policy);
    }
  }

  #orphan(resource: Resource, dependant: KubeObject, uid: string): void {
    const left = (dependant.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
    this.#api.store.put(
      resource,
      withMeta(dependant, { ownerReferences: left.length > 0 ? left : undefined }),
    );
  }

  #removeFinalizer(resource: Resource, object: KubeObject, finalizer: string): void {
    const { namespace = '', name, finalizers = [] } = object.metadata;
    const left = finalizers.filter((other) => other !== finalizer);
    const target = { resource, namespace, name, subresource: '' } as const;
    this.#api.registry.update(target, withMeta(object, { finalizers: left.length > 0 ? left : undefined }));
  }
}
