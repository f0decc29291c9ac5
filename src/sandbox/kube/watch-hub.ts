import type { Clock } from '../../lib/clock.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { type Collection, parseResourceVersion } from './list.ts';
import type { ListOptions } from './list-options.ts';
import type { KubeObject } from './object.ts';
import { keyOf } from './resources.ts';
import { tooLargeResourceVersion } from './status.ts';
import type { ObjectStore, StoreEvent } from './store.ts';
import { tooOld, Watcher } from './watcher.ts';

/** Which watches a fault is for, by the store they watch (`pods`); all when left out. */
export interface WatchFilter {
  readonly storage?: string;
}

/** How a watch ends: cleanly as after its time-out, by a reset connection, or by one that breaks in mid-line. */
export type WatchCut = 'end' | 'reset' | 'mid-line';

/** All running watches, and what can happen to them. */
export class WatchHub {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watchers = new Set<Watcher>();
  #stalled: WatchFilter | undefined;
  /** Set while the server's cache lags: the revision it has reached. */
  #frozenAt: number | undefined;
  #liesToo = false;
  /** Watches whose initial events wait until the cache has caught up. */
  readonly #awaitingFresh = new Map<Watcher, () => void>();

  constructor(store: ObjectStore, clock: Clock, random: Random) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    store.subscribe((event) => this.#dispatch(event));
  }

  /** Number of running watches. */
  get size(): number {
    return this.#watchers.size;
  }

  /** `shown`: an object in the form that the client sees. */
  open(
    collection: Collection,
    options: ListOptions,
    shown: (object: KubeObject) => unknown = (object) => object,
  ): Watcher {
    const newest = this.#frozenAt ?? this.#store.revision;
    const asked = options.resourceVersion === '' ? 0 : parseResourceVersion(options.resourceVersion);
    const initial = options.sendInitialEvents ?? asked === 0;
    const timeoutMs = 1000 * (options.timeoutSeconds || 1800 + Math.floor(1800 * this.#random()));
    const watcher = new Watcher(
      this.#clock,
      {
        collection,
        shown,
        bookmarks: options.allowWatchBookmarks,
        after: initial || asked === 0 ? newest : asked,
        timeoutMs,
      },
      (ended) => {
        this.#watchers.delete(ended);
        this.#awaitingFresh.delete(ended);
      },
    );
    this.#watchers.add(watcher);
    if (this.#stalled !== undefined && concerns(this.#stalled, watcher)) watcher.stall();
    const oldest = this.#store.compacted;
    if (options.sendInitialEvents === true && asked > newest) {
      watcher.fail(tooLargeResourceVersion(asked, newest));
    } else if (initial) {
      const endBookmark = options.sendInitialEvents === true && options.allowWatchBookmarks;
      const send = (revision: number) =>
        watcher.sendInitial(this.#stateAt(collection, revision), revision, endBookmark);
      // Without a resourceVersion the initial events are a consistent read (KEP-3157): a cache that lags waits.
      const isConsistent = options.sendInitialEvents === true && options.resourceVersion === '';
      if (this.#frozenAt === undefined || this.#liesToo || !isConsistent) send(newest);
      else this.#awaitingFresh.set(watcher, () => send(this.#store.revision));
    } else if (asked > 0 && asked < oldest) {
      watcher.fail(tooOld(asked, oldest));
    } else {
      const missed = asked === 0 ? [] : this.#store.eventsAfter(asked);
      for (const event of missed) if (event.revision <= newest) watcher.handle(event);
      // A revision of another history shows nothing until this history has come that far.
      watcher.progress(Math.max(asked, newest));
    }
    return watcher;
  }

  /** Ends running watches. */
  cut(how: WatchCut, filter: WatchFilter = {}): void {
    const reset = new RegistrarError('unreachable', 'connection reset');
    for (const watcher of this.#chosen(filter)) {
      switch (how) {
        case 'end':
          watcher.end();
          break;
        case 'reset':
          watcher.end(reset);
          break;
        case 'mid-line':
          watcher.breakMidLine(reset);
          break;
      }
    }
  }

  /** Sends a line that is no JSON to running watches. */
  sendGarbage(filter: WatchFilter = {}): void {
    for (const watcher of this.#chosen(filter)) watcher.sendGarbage();
  }

  /** Silences running and new watches, as half-dead connections are: no event, no bookmark, no end. */
  stall(filter: WatchFilter = {}): void {
    this.#stalled = filter;
    for (const watcher of this.#chosen(filter)) watcher.stall();
  }

  /** Ends the silence; what was held back arrives. */
  resume(): void {
    this.#stalled = undefined;
    for (const watcher of this.#watchers) watcher.resume();
  }

  /** The server's cache stops following the store at `revision`; `lies`: and takes itself for fresh. */
  freeze(revision: number, { lies = false }: { readonly lies?: boolean } = {}): void {
    this.#frozenAt = revision;
    this.#liesToo = lies;
  }

  /** The server's cache catches up. */
  thaw(): void {
    const from = this.#frozenAt;
    this.#frozenAt = undefined;
    for (const send of this.#awaitingFresh.values()) send();
    this.#awaitingFresh.clear();
    if (from !== undefined) for (const event of this.#store.eventsAfter(from)) this.#dispatch(event);
  }

  #dispatch(event: StoreEvent): void {
    if (this.#frozenAt !== undefined) return;
    for (const watcher of [...this.#watchers]) {
      watcher.handle(event);
      watcher.progress(event.revision);
    }
  }

  #stateAt({ resource, selected }: Collection, revision: number): readonly KubeObject[] {
    const table = this.#store.tableAt(resource.storage, revision) ?? this.#store.table(resource.storage);
    return [...table.values()]
      .filter((object) => selected.matches(object))
      .sort((a, b) => (storedKey(a) < storedKey(b) ? -1 : 1));
  }

  #chosen(filter: WatchFilter): Watcher[] {
    return [...this.#watchers].filter((watcher) => concerns(filter, watcher));
  }
}

const storedKey = ({ metadata }: KubeObject) => keyOf(metadata.namespace, metadata.name);

const concerns = ({ storage }: WatchFilter, { collection }: Watcher) =>
  storage === undefined || storage === collection.resource.storage;
