import type { KubeObject } from '../object.ts';
import type { ObjectStore } from '../store.ts';

/** Finds the objects of one store by something in them, without looking at all: an informer's index. */
export class ObjectIndex<T extends KubeObject> implements Disposable {
  readonly #store: ObjectStore;
  readonly #storage: string;
  readonly #termsOf: (object: T) => readonly string[];
  readonly #keys = new Map<string, Set<string>>();
  readonly #subscription: Disposable;

  /** `termsOf` names the terms an object is found under. */
  constructor(store: ObjectStore, storage: string, termsOf: (object: T) => readonly string[]) {
    this.#store = store;
    this.#storage = storage;
    this.#termsOf = termsOf;
    this.#subscription = store.subscribe(
      (event) => {
        if (event.storage !== storage) return;
        if (event.previous !== undefined) this.#remove(event.key, event.previous as T);
        if (event.object !== undefined) this.#add(event.key, event.object as T);
      },
      () => this.#rebuild(),
    );
    this.#rebuild();
  }

  /** The objects under a term, in the order of their keys. */
  of(term: string): readonly T[] {
    const table = this.#store.table(this.#storage);
    return [...(this.#keys.get(term) ?? [])].sort().flatMap((key) => (table.get(key) as T | undefined) ?? []);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #rebuild(): void {
    this.#keys.clear();
    for (const [key, object] of this.#store.table(this.#storage)) this.#add(key, object as T);
  }

  #add(key: string, object: T): void {
    for (const term of this.#termsOf(object)) {
      const keys = this.#keys.get(term) ?? new Set();
      this.#keys.set(term, keys.add(key));
    }
  }

  #remove(key: string, object: T): void {
    for (const term of this.#termsOf(object)) {
      const keys = this.#keys.get(term);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(term);
    }
  }
}
