import type { Clock } from '../../lib/clock.ts';
import { deleteNode } from './catalog-writes.ts';
import type { Store } from './store.ts';

/** How often the leader compares the catalog with the members of the cluster, in milliseconds. */
const reconcileMs = 60_000;

/**
 * The leader's reconciliation: a node with a `serfHealth` check claims to be a member of the cluster. One
 * that is none is taken for a member that left, and removed with everything on it.
 */
export class Reaper implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #isMember: (node: string) => boolean;
  #timer: Disposable | undefined;

  /** `isMember`: whether a node is the server's own, or an agent's. */
  constructor(store: Store, clock: Clock, isMember: (node: string) => boolean) {
    this.#store = store;
    this.#clock = clock;
    this.#isMember = isMember;
  }

  /** Looks for impostors; the next reconciliation removes them. */
  notice(touched: ReadonlySet<string>): void {
    if (
      this.#timer !== undefined ||
      !touched.has(this.#store.checks.topic()) ||
      this.#impostors().length === 0
    )
      return;
    this.#timer = this.#clock.schedule(reconcileMs, () => {
      this.#timer = undefined;
      for (const node of this.#impostors()) {
        this.#store.apply((write) => deleteNode(this.#store, write, node));
      }
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #impostors(): readonly string[] {
    return this.#store.checks
      .by('id', 'serfHealth')
      .map(({ Node }) => Node)
      .filter((node) => !this.#isMember(node));
  }
}
