import { describe } from '../../lib/errors.ts';
import type { Logger } from '../../logging/logger.ts';

/** What every record in a store has; cluster-scoped ones have no namespace. */
export interface StoredRecord {
  readonly uid: string;
  readonly namespace?: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/**
 * What a change is evidence of.
 *
 * - `event`    the server sent an ADDED, MODIFIED or DELETED event
 * - `relist`   found different in a list. A removal is then an *unexplained absence*, unless the record
 *              before was already `deleting`
 * - `replaced` removed because another uid was seen under its name, and a name has one object: a proof
 */
export type Cause = 'event' | 'relist' | 'replaced';

/**
 * Called after each change, with the store already in the new state. `before` undefined: added; `after`
 * undefined: removed. `receivedAt`: when the evidence arrived, monotonic ms.
 *
 * It must only mark a key dirty, because it runs inside the watch. What it throws is logged and counted, and the other
 * handlers are called all the same.
 */
export type StoreHandler<R> = (
  before: R | undefined,
  after: R | undefined,
  cause: Cause,
  receivedAt: number,
) => void;

/** The writing side of a store, for one reflector. */
export interface StoreWriter<R> {
  /** The namespace this writer is about; undefined: all of them. */
  readonly scope: string | undefined;
  /** Records in scope. */
  readonly size: number;
  /** A record of the stored version is unchanged, unless `versionsRepeat`. */
  put(record: R, cause: 'event' | 'relist', receivedAt: number, options?: PutOptions): PutResult;
  /** Removes the object of this uid. An object of another uid under the name stays. */
  delete(namespace: string, name: string, uid: string, receivedAt: number): boolean;
  /** `namespace`: empty for cluster-scoped kinds. */
  get(namespace: string, name: string): R | undefined;
  /** The records in scope, as they are now. */
  records(): IterableIterator<R>;
  /** Removes a record that a complete list did not hold. */
  removeAbsent(record: R, receivedAt: number): void;
}

export interface PutOptions {
  /** Whether two states may have the same version, because history went back. Default false. */
  readonly versionsRepeat?: boolean;
}

export type PutResult = 'added' | 'changed' | 'replaced' | 'unchanged';

export interface StoreOptions {
  /** For the logger's lines and errors: `pods`. */
  readonly name: string;
  readonly logger: Logger;
}

/**
 * The objects of one kind as the API server last showed them: namespace → name → record. Written by its
 * reflectors alone (one for each namespace, or one for all), read by everybody.
 */
export class Store<R extends StoredRecord> {
  readonly name: string;
  readonly #logger: Logger;
  readonly #namespaces = new Map<string, Map<string, R>>();
  readonly #handlers = new Set<StoreHandler<R>>();
  readonly #scopes = new Set<string | undefined>();
  #size = 0;
  #handlerErrors = 0;

  constructor({ name, logger }: StoreOptions) {
    this.name = name;
    this.#logger = logger;
  }

  get size(): number {
    return this.#size;
  }

  /** How often a handler threw. */
  get handlerErrors(): number {
    return this.#handlerErrors;
  }

  /** `namespace`: empty for cluster-scoped kinds. */
  get(namespace: string, name: string): R | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *records(namespace?: string): IterableIterator<R> {
    if (namespace !== undefined) yield* this.#namespaces.get(namespace)?.values() ?? [];
    else for (const names of this.#namespaces.values()) yield* names.values();
  }

  /** Handlers are called for every change after the subscription, in the order of their subscriptions. */
  subscribe(handler: StoreHandler<R>): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  /** Throws when the scope already has its writer: two would undo each other's relists. */
  writer(scope?: string): StoreWriter<R> {
    if (
      this.#scopes.has(scope) ||
      this.#scopes.has(undefined) ||
      (scope === undefined && this.#scopes.size)
    ) {
      throw new Error(`the store of ${this.name} already has a writer for ${scope ?? 'all namespaces'}`);
    }
    this.#scopes.add(scope);
    const size = () => (scope === undefined ? this.#size : (this.#namespaces.get(scope)?.size ?? 0));
    return {
      scope,
      get size() {
        return size();
      },
      put: (record, cause, receivedAt, options) => this.#put(record, cause, receivedAt, options),
      delete: (namespace, name, uid, receivedAt) => {
        const before = this.get(namespace, name);
        if (before === undefined || (uid !== '' && before.uid !== uid)) return false;
        this.#remove(before, 'event', receivedAt);
        return true;
      },
      get: (namespace, name) => this.get(namespace, name),
      records: () => this.records(scope),
      removeAbsent: (record, receivedAt) => {
        if (this.get(record.namespace ?? '', record.name) === record)
          this.#remove(record, 'relist', receivedAt);
      },
    };
  }

  #put(after: R, cause: Cause, receivedAt: number, { versionsRepeat = false }: PutOptions = {}): PutResult {
    const before = this.get(after.namespace ?? '', after.name);
    if (before !== undefined && before.uid !== after.uid) {
      this.#remove(before, 'replaced', receivedAt);
      this.#set(after);
      this.#tell(undefined, after, cause, receivedAt);
      return 'replaced';
    }
    if (before?.resourceVersion === after.resourceVersion && !versionsRepeat) return 'unchanged';
    this.#set(after);
    this.#tell(before, after, cause, receivedAt);
    return before === undefined ? 'added' : 'changed';
  }

  #set(record: R): void {
    const namespace = record.namespace ?? '';
    let names = this.#namespaces.get(namespace);
    if (names === undefined) {
      names = new Map();
      this.#namespaces.set(namespace, names);
    }
    if (!names.has(record.name)) this.#size += 1;
    names.set(record.name, record);
  }

  #remove(record: R, cause: Cause, receivedAt: number): void {
    const namespace = record.namespace ?? '';
    const names = this.#namespaces.get(namespace);
    if (names?.delete(record.name) !== true) return;
    this.#size -= 1;
    if (names.size === 0) this.#namespaces.delete(namespace);
    this.#tell(record, undefined, cause, receivedAt);
  }

  #tell(before: R | undefined, after: R | undefined, cause: Cause, receivedAt: number): void {
    for (const handler of this.#handlers) {
      try {
        handler(before, after, cause, receivedAt);
      } catch (thrown) {
        this.#handlerErrors += 1;
        this.#logger.error('cannot handle a change of an object', {
          reason: 'HandlerFailed',
          store: this.name,
          object: `${(after ?? before)?.namespace ?? ''}/${(after ?? before)?.name ?? ''}`,
          error: describe(thrown),
        });
      }
    }
  }
}
