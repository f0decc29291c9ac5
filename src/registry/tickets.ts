import { RegistrarError } from '../lib/errors.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';
import type { StoredEntry } from '../plan/observed.ts';

/**
 * What became of one change.
 *
 * - `committed` written, with the entries as Consul stored them
 * - `refused`   this change is at fault and was left out, the others went ahead without it; `conflict` when
 *               the node is not the one that was observed. To be retried alone, with backoff
 * - `failed`    the outcome is not known, and the change is not at fault. The node is to be read and its changes
 *               computed again, after a backoff
 */
export type Outcome =
  | { readonly kind: 'committed'; readonly entries: readonly StoredEntry[] }
  | { readonly kind: 'refused'; readonly error: RegistrarError }
  | { readonly kind: 'failed'; readonly error: RegistrarError };

export interface ChangeResult {
  readonly change: Change;
  readonly outcome: Outcome;
}

/** For each node its results, in the order of its changes, as soon as the last is known. Never rejects. */
export type Submitted = ReadonlyMap<ConsulNodeName, Promise<readonly ChangeResult[]>>;

/** The changes of one node in one submission. */
interface Ticket {
  readonly changes: readonly Change[];
  readonly outcomes: Map<Change, Outcome>;
  readonly done: (results: readonly ChangeResult[]) => void;
}

/** Settles each change once, and each node's promise with the last of its changes. */
export class Tickets {
  readonly #nodes = new Set<ConsulNodeName>();
  readonly #open = new Map<Change, Ticket>();

  /** Rejects a node whose results are not in yet with `internal`. */
  open(changes: readonly Change[]): Submitted {
    const byNode = Map.groupBy(changes, (change) => change.node);
    for (const node of byNode.keys()) {
      if (!this.#nodes.has(node)) continue;
      throw new RegistrarError('internal', `node ${node} was submitted again before its results were in`);
    }
    const submitted = new Map<ConsulNodeName, Promise<readonly ChangeResult[]>>();
    for (const [node, ofNode] of byNode) {
      const { promise, resolve } = Promise.withResolvers<readonly ChangeResult[]>();
      const ticket = { changes: ofNode, outcomes: new Map(), done: resolve };
      for (const change of ofNode) this.#open.set(change, ticket);
      this.#nodes.add(node);
      submitted.set(node, promise);
    }
    return submitted;
  }

  isSettled(change: Change): boolean {
    return !this.#open.has(change);
  }

  /** The changes of the same node and submission that are not settled, this one included. */
  openBeside(change: Change): Change[] {
    return this.#open.get(change)?.changes.filter((each) => this.#open.has(each)) ?? [];
  }

  /** The first outcome counts. */
  settle(change: Change, outcome: Outcome): void {
    const ticket = this.#open.get(change);
    if (ticket === undefined) return;
    this.#open.delete(change);
    ticket.outcomes.set(change, outcome);
    if (ticket.outcomes.size < ticket.changes.length) return;
    this.#nodes.delete(change.node);
    ticket.done(ticket.changes.map((each) => ({ change: each, outcome: ticket.outcomes.get(each)! })));
  }
}
