import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { initialStatus } from './defaults.ts';
import {
  type DraftObject,
  deepFreeze,
  defined,
  type KubeObject,
  sameJson,
  timestamp,
  withMeta,
} from './object.ts';
import { keyOf, type Resource, resourceNamed, resourceOfKind } from './resources.ts';

export interface StoreEvent {
  /** The revision the change made. */
  readonly revision: number;
  /** Store of the object: `pods`, `deployments.apps`. */
  readonly storage: string;
  readonly key: string;
  /** Undefined for a creation. */
  readonly previous: KubeObject | undefined;
  /** Undefined for a deletion. */
  readonly object: KubeObject | undefined;
}

export type StoreListener = (event: StoreEvent) => void;
export type ObjectMap = ReadonlyMap<string, KubeObject>;

/** The whole store at one moment; objects are shared, not copied. */
export interface Snapshot {
  readonly revision: number;
  readonly tables: ReadonlyMap<string, ObjectMap>;
}

export interface StoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long the history of changes is kept, ms. Default 300,000, as kube-apiserver compacts etcd. */
  readonly historyMs?: number;
}

const noObjects: ObjectMap = new Map();

/**
 * What etcd is to the real server: objects by key, one revision counter over all of them, and a window of
 * past changes from which earlier states are rebuilt. Nothing here checks what is written, so scenarios may
 * use `apply` and `delete` to bring about states at will; `Registry` has the rules of the API.
 */
export class ObjectStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #historyMs: number;
  readonly #tables = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Set<{ readonly listener: StoreListener; readonly restored: () => void }>();
  /** The past state read last: all pages of a list want the same one. */
  readonly #past = new Map<string, { readonly revision: number; readonly table: ObjectMap }>();
  #history: { readonly at: number; readonly event: StoreEvent }[] = [];
  readonly #undelivered: StoreEvent[] = [];
  #revision = 1;
  #compacted = 0;

  constructor({ clock, random, historyMs = 300_000 }: StoreOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#historyMs = historyMs;
  }

  /** The resourceVersion of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** States up to this revision can no longer be had. */
  get compacted(): number {
    this.#forget(this.#clock.now() - this.#historyMs);
    return this.#compacted;
  }

  get(storage: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#tables.get(storage)?.get(keyOf(namespace, name));
  }

  /** All objects of a store, in the order of their keys when `namespace` is given or not. */
  list(storage: string, namespace?: string): readonly KubeObject[] {
    return [...this.table(storage)]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  table(storage: string): ObjectMap {
    return this.#tables.get(storage) ?? noObjects;
  }

  /** The table as it was at `revision`; undefined when that is compacted. */
  tableAt(storage: string, revision: number): ObjectMap | undefined {
    if (revision < this.compacted) return undefined;
    const later = this.eventsAfter(revision).filter((event) => event.storage === storage);
    if (later.length === 0) return this.table(storage);
    const known = this.#past.get(storage);
    if (known?.revision === revision) return known.table;
    const table = new Map(this.table(storage));
    for (const { key, previous } of later.reverse()) {
      if (previous === undefined) table.delete(key);
      else table.set(key, previous);
    }
    this.#past.set(storage, { revision, table });
    return table;
  }

  /** Changes after `revision`, oldest first. Complete only when `revision` is not compacted. */
  eventsAfter(revision: number): StoreEvent[] {
    let low = 0;
    for (let high = this.#history.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.event.revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#history.slice(low).map(({ event }) => event);
  }

  /** Stores an object as the next revision and returns it as stored; an equal one stays as it was. */
  put(resource: Resource, object: KubeObject): KubeObject {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const previous = this.table(resource.storage).get(key);
    const sameVersion = withMeta(object, { resourceVersion: previous?.metadata.resourceVersion });
    if (previous !== undefined && sameJson(sameVersion, previous)) return previous;
    const stored = deepFreeze(withMeta(object, { resourceVersion: String(this.#revision + 1) }));
    this.#change(resource.storage, key, previous, stored);
    return stored;
  }

  /** Removes an object; its last state, carrying the revision of the removal, or undefined if there was none. */
  remove(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined {
    const key = keyOf(namespace, name);
    const previous = this.table(resource.storage).get(key);
    if (previous === undefined) return undefined;
    this.#change(resource.storage, key, previous, undefined);
    return deepFreeze(withMeta(previous, { resourceVersion: String(this.#revision) }));
  }

  /**
   * Creates or replaces an object as a whole, status included and unchecked. uid, creation time and
   * generation are kept or given.
   */
  apply(draft: DraftObject & { readonly apiVersion: string; readonly kind: string }): KubeObject {
    const resource = resourceOfKind(draft.apiVersion, draft.kind);
    const stored = (resource.toStored?.(draft) ?? draft) as KubeObject;
    const { name, namespace } = stored.metadata;
    const previous = this.get(resource.storage, namespace, name);
    const meta = previous?.metadata;
    const fresh = {
      uid: meta?.uid ?? this.newUid(),
      creationTimestamp: meta?.creationTimestamp ?? this.time(),
    };
    const status = stored['status'] ?? initialStatus(resource);
    const merged = withMeta(defined({ ...stored, status }) as KubeObject, {
      ...fresh,
      ...defaultsFrom(stored.metadata),
    });
    return this.put(resource, withMeta(merged, { generation: nextGeneration(resource, previous, merged) }));
  }

  /** Removes an object at once, whatever its finalizers. */
  delete(storage: string, namespace: string | undefined, name: string): boolean {
    return this.remove(resourceNamed(storage), namespace, name) !== undefined;
  }

  /** Removes an object as if it had never been: no event, no trace in the history, no new revision. */
  vanish(storage: string, namespace: string | undefined, name: string): boolean {
    this.#past.delete(storage);
    return this.#tables.get(storage)?.delete(keyOf(namespace, name)) ?? false;
  }

  /**
   * Called for every change, in order; before its author gets an answer, unless that is a
   * listener itself. `restored` is called when everything may have changed without an event.
   */
  subscribe(listener: StoreListener, restored: () => void = () => {}): Disposable {
    const entry = { listener, restored };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** Forgets the whole history: every resourceVersion but the current one is too old. */
  compact(): void {
    this.#history = [];
    this.#past.clear();
    this.#compacted = this.#revision;
  }

  snapshot(): Snapshot {
    const tables = new Map([...this.#tables].map(([storage, table]) => [storage, new Map(table)]));
    return { revision: this.#revision, tables };
  }

  /** Puts an earlier state back, as etcd restored from a backup: revisions regress, and no event reports it. */
  restore(snapshot: Snapshot): void {
    this.#tables.clear();
    for (const [storage, table] of snapshot.tables) this.#tables.set(storage, new Map(table));
    this.#revision = snapshot.revision;
    this.compact();
    for (const { restored } of [...this.#listeners]) restored();
  }

  /** A version 4 UUID from the injected randomness. */
  newUid(): string {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => Math.floor(this.#random() * 16).toString(16)).join('');
    const variant = (8 + Math.floor(this.#random() * 4)).toString(16);
    return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
  }

  /** Five characters for generateName, without vowels so that they spell nothing (apimachinery/util/rand). */
  newSuffix(): string {
    const letters = 'bcdfghjklmnpqrstvwxz2456789';
    return Array.from({ length: 5 }, () => letters[Math.floor(this.#random() * letters.length)]).join('');
  }

  time(): string {
    return timestamp(this.#clock.wall());
  }

  #change(
    storage: string,
    key: string,
    previous: KubeObject | undefined,
    object: KubeObject | undefined,
  ): void {
    let table = this.#tables.get(storage);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(storage, table);
    }
    if (object === undefined) table.delete(key);
    else table.set(key, object);
    this.#revision += 1;
    const event = { revision: this.#revision, storage, key, previous, object };
    this.#history.push({ at: this.#clock.now(), event });
    this.#undelivered.push(event);
    if (this.#undelivered.length > 1) return;
    // A listener may write in its turn; everybody still sees all changes in their order.
    for (let next: StoreEvent | undefined = event; next !== undefined; next = this.#undelivered[0]) {
      try {
        for (const { listener } of [...this.#listeners]) listener(next);
      } finally {
        this.#undelivered.shift();
      }
    }
  }

  #forget(before: number): void {
    const keep = this.#history.findIndex(({ at }) => at >= before);
    const count = keep < 0 ? this.#history.length : keep;
    if (count === 0) return;
    this.#compacted = this.#history[count - 1]!.event.revision;
    this.#history.splice(0, count);
  }
}

function defaultsFrom(metadata: DraftObject['metadata']): Record<string, unknown> {
  const { uid, creationTimestamp } = metadata ?? {};
  return { ...(uid ? { uid } : {}), ...(creationTimestamp ? { creationTimestamp } : {}) };
}

/** Generation counts changes to what is desired: everything but metadata and status. */
export function nextGeneration(
  resource: Resource,
  previous: KubeObject | undefined,
  next: DraftObject,
): number | undefined {
  if (!resource.generation) return undefined;
  const current = previous?.metadata.generation;
  if (previous === undefined || current === undefined) return 1;
  return sameJson(desiredPart(previous), desiredPart(next)) ? current : current + 1;
}

function desiredPart({
  apiVersion: _,
  kind: __,
  metadata: ___,
  status: ____,
  ...rest
}: DraftObject): unknown {
  return rest;
}
