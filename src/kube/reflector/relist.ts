import type { KubernetesObject } from '@kubernetes/client-node';
import type { StoredRecord, StoreWriter } from '../store/store.ts';
import type { Projector } from './projector.ts';
import type { TimeSlice } from './time-slice.ts';
import type { WatchEvent } from './watch-event.ts';

/** How a relist differed from the state that the events had led to. */
export interface RelistDiff {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

export interface RelistOptions<O extends KubernetesObject, R extends StoredRecord> {
  readonly writer: StoreWriter<R>;
  readonly projector: Projector<O, R>;
  readonly slice: TimeSlice;
  /** Whether nothing reaches the store before the commit. */
  readonly staged: boolean;
}

/**
 * One pass over a complete list of a scope. The objects of the list are marked, and only `commit()`, after the last
 * page, removes the others. A pass that ends early removes nothing.
 *
 * `staged`: nothing reaches the store before the commit. For a WatchList, whose resourceVersion, and with it
 * whether history went backwards, is known only at its end.
 */
export class Relist<O extends KubernetesObject, R extends StoredRecord> {
  readonly #writer: StoreWriter<R>;
  readonly #projector: Projector<O, R>;
  readonly #slice: TimeSlice;
  readonly #staged: Map<string, { readonly record: R; readonly receivedAt: number }> | undefined;
  readonly #marks = new Map<string, Set<string>>();
  #added = 0;
  #changed = 0;
  #removed = 0;
  /** Whether equal versions do not prove an equal state; see History.mayRepeat. */
  versionsRepeat = false;

  constructor({ writer, projector, slice, staged }: RelistOptions<O, R>) {
    this.#writer = writer;
    this.#projector = projector;
    this.#slice = slice;
    this.#staged = staged ? new Map() : undefined;
  }

  /** An object of the list. One that cannot be read is marked all the same: it is not absent. */
  object(object: O, receivedAt: number): void {
    const { namespace = '', name = '' } = object.metadata ?? {};
    const names = this.#marks.get(namespace);
    if (names === undefined) this.#marks.set(namespace, new Set([name]));
    else names.add(name);
    const record = this.#projector.record(object);
    if (record === undefined) return;
    if (this.#staged === undefined) this.#apply(record, receivedAt);
    else this.#staged.set(keyOf(namespace, name), { record, receivedAt });
  }

  /** An event before the end of the initial ones. A WatchList may show a removal between them. */
  initialEvent(event: WatchEvent<O>, receivedAt: number): void {
    switch (event.type) {
      case 'ERROR':
        throw event.error;
      case 'ADDED':
      case 'MODIFIED':
        this.object(event.object, receivedAt);
        break;
      case 'DELETED': {
        const { namespace = '', name = '', uid = '' } = event.object.metadata ?? {};
        this.#marks.get(namespace)?.delete(name);
        this.#staged?.delete(keyOf(namespace, name));
        this.#writer.delete(namespace, name, uid, receivedAt);
        break;
      }
      case 'BOOKMARK':
        break;
    }
  }

  /** Makes the scope equal to the list. When the signal aborts, it stops between two records. */
  async commit(receivedAt: number, signal: AbortSignal): Promise<RelistDiff> {
    for (const { record, receivedAt } of this.#staged?.values() ?? []) {
      if (signal.aborted) break;
      this.#apply(record, receivedAt);
      if (this.#slice.due) await this.#slice.rest();
    }
    for (const record of this.#writer.records()) {
      if (signal.aborted) break;
      if (!this.#marks.get(record.namespace ?? '')?.has(record.name)) {
        this.#writer.removeAbsent(record, receivedAt);
        this.#removed += 1;
      }
      if (this.#slice.due) await this.#slice.rest();
    }
    return { added: this.#added, changed: this.#changed, removed: this.#removed };
  }

  #apply(record: R, receivedAt: number): void {
    switch (this.#writer.put(record, 'relist', receivedAt, { versionsRepeat: this.versionsRepeat })) {
      case 'added':
        this.#added += 1;
        break;
      case 'changed':
      case 'replaced':
        this.#changed += 1;
        break;
      case 'unchanged':
        break;
    }
  }
}

/** A name contains no slash. */
const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
