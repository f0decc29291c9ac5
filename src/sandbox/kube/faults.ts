import type { HttpRequest } from '../../lib/transport.ts';
import type { ObjectStore, Snapshot } from './store.ts';
import type { WatchCut, WatchFilter, WatchHub } from './watch-hub.ts';

/**
 * What happens to one request instead of the usual.
 *
 * - `answer`   this response, nothing is done
 * - `hang`     no answer until the client gives up
 * - `reset`    the connection breaks; `applied` says whether the request was carried out before it did
 * - `delay`    the usual, after so many ms
 * - `truncate` the usual, but the body breaks off after so many bytes
 */
export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: unknown; readonly headers?: Headers }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset'; readonly applied: boolean }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'truncate'; readonly bytes: number };

type Headers = Readonly<Record<string, string>>;

/** Sees every request before the server does; undefined lets it pass. */
export type Interceptor = (request: HttpRequest) => Fault | undefined;

/** Everything that can be made to go wrong. */
export class Faults {
  /** Set to interfere with requests; undefined to stop. */
  intercept: Interceptor | undefined;
  /** False: the server refuses `sendInitialEvents`, as with the feature gate WatchList off. */
  watchList = true;
  readonly #store: ObjectStore;
  readonly #watches: WatchHub;
  #stale: { readonly revision: number; readonly consistentToo: boolean } | undefined;

  constructor(store: ObjectStore, watches: WatchHub) {
    this.#store = store;
    this.#watches = watches;
  }

  cutWatches(how: WatchCut, filter?: WatchFilter): void {
    this.#watches.cut(how, filter);
  }

  sendGarbage(filter?: WatchFilter): void {
    this.#watches.sendGarbage(filter);
  }

  /** Watches go silent without ending, until `resumeWatches`. */
  stallWatches(filter?: WatchFilter): void {
    this.#watches.stall(filter);
  }

  resumeWatches(): void {
    this.#watches.resume();
  }

  /** The history is compacted: every resourceVersion before the current one is too old. */
  compact(): void {
    this.#store.compact();
  }

  /**
   * The server's cache stops following: reads that allow it (resourceVersion set) show the state of now, and
   * watches bring nothing new. With `consistentToo` reads without a resourceVersion are just as old, which a
   * correct server never does. Good for as long as the history reaches back.
   */
  serveStale({ consistentToo = false }: { readonly consistentToo?: boolean } = {}): void {
    this.serveFresh();
    this.#stale = { revision: this.#store.revision, consistentToo };
    this.#watches.freeze(this.#store.revision, { lies: consistentToo });
  }

  /** The cache catches up and watches bring what they missed. */
  serveFresh(): void {
    this.#stale = undefined;
    this.#watches.thaw();
  }

  /** etcd is restored from a backup: connections break, revisions regress, objects vanish and return. */
  restore(snapshot: Snapshot): void {
    this.serveFresh();
    this.#watches.cut('reset');
    this.#store.restore(snapshot);
  }

  /** The newest revision a read may show. */
  newestFor(resourceVersion: string): number {
    const stale = this.#stale;
    if (stale === undefined || (resourceVersion === '' && !stale.consistentToo)) return this.#store.revision;
    return stale.revision;
  }
}
