import type { RegistrarError } from '../../lib/errors.ts';
import type { RelistDiff } from './relist.ts';

/** How everything is read: as one stream of initial events (KEP-3157), or by a paginated LIST. */
export type ListMethod = 'watch-list' | 'list';

/** Times are monotonic ms. */
export type ReflectorState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'listing'; readonly method: ListMethod; readonly since: number }
  /** A watch is asked for and not answered yet. */
  | { readonly kind: 'opening'; readonly since: number }
  /** `from`: the resourceVersion this watch began at. */
  | { readonly kind: 'watching'; readonly since: number; readonly from: string }
  | {
      readonly kind: 'waiting';
      readonly since: number;
      readonly until: number;
      readonly next: 'list' | 'watch';
    }
  | { readonly kind: 'stopped' };

/** The state of a reflector, for metrics, readiness and the status page. Counts are since the start. */
export interface ReflectorStatus {
  readonly resource: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly state: ReflectorState;
  /** A complete list was read at least once. */
  readonly synced: boolean;
  /** The last attempt was refused (403, 404): nothing can be read until somebody grants or installs something. */
  readonly refused: boolean;
  /** And it is no fault: the API server does not serve an optional resource. It is looked for again. */
  readonly notInstalled: boolean;
  /** Records in its part of the store. */
  readonly objects: number;
  /** Complete lists, by either method. */
  readonly lists: number;
  /** Complete lists after the first. */
  readonly relists: number;
  /** How relists differed from the state that the events had led to. */
  readonly drift: RelistDiff;
  /** Events applied, bookmarks not counted. */
  readonly events: number;
  /** Watches given up because nothing, not even a bookmark, came for 90 s. */
  readonly idleAborts: number;
  /** Lines that could not be read as an event, and objects that could not be read as what they should be. */
  readonly badLines: number;
  readonly badObjects: number;
  /** Times a resourceVersion came back older than one seen before, or the server's history proved another. */
  readonly regressions: number;
  /** Monotonic ms of the last sign of life: an event, a bookmark, a complete page. */
  readonly lastHeardAt: number | undefined;
  /** Cleared by the next complete list or watch that delivers. `since`: the first of the failures in a row. */
  readonly lastError:
    | { readonly error: RegistrarError; readonly at: number; readonly since: number }
    | undefined;
}

/**
 * A resourceVersion came back older than one seen before: etcd was restored from a backup, or the server's
 * view is stale. Reported before anything of the older list is applied, so that removals that rely on this store can
 * stop in time. `listed` equal to `seen`: no version shows it, but the server's objects differ from the events of a
 * watch without a gap.
 */
export interface Regression {
  readonly resource: string;
  readonly namespace: string;
  readonly seen: string;
  readonly listed: string;
  readonly at: number;
}
