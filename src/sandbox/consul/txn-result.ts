import type { Store } from './store.ts';
import type { Write } from './write.ts';

/** One entry of `Results`: `{KV}`, `{Node}`, `{Service}` or `{Check}`. Deletions give none. */
export type TxnResult = Readonly<Record<string, object>>;

/** What every kind of operation gets. */
export interface TxnContext {
  readonly store: Store;
  readonly write: Write;
}
