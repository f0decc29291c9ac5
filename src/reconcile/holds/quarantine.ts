import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RegistrarError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import { type Change, entryOf } from '../../plan/change.ts';
import type { Held } from '../../plan/finding.ts';
import { isRemoval } from '../../plan/policy.ts';
import type { Hold, Reviewed } from './hold.ts';

export interface QuarantineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Asks for a review of this node after `ms`. Of several requests for one node the first to come counts. */
  readonly reviewAfter: (node: ConsulNodeName, ms: number) => void;
}

/** A change that Consul refused, and why. */
interface Waiting {
  readonly change: Change;
  readonly error: RegistrarError;
  readonly backoff: Backoff;
  /** When it may be tried again, monotonic ms. */
  dueAt: number;
}

/** The longest wait of a refused change, in milliseconds. */
const longestMs = 300_000;
/**
 * The longest wait of a change that the token may not write: somebody may grant the right at any moment. With many
 * of them it grows, so that about one a second is tried.
 */
const longestForbiddenMs = 20_000;
const forbiddenSpacingMs = 1_000;

/**
 * Changes that Consul refused, each waiting alone for its next try, so that one bad entry delays itself and
 * nothing else: other changes of its node go out meanwhile, unless the node itself is not there yet.
 *
 * - A change with another content is another change and goes out at once.
 * - When one of them is committed at last, the cause is gone (a right was granted, a server was upgraded), and all
 *   the others are tried again at once.
 */
export class Quarantine implements Hold {
  readonly #options: QuarantineOptions;
  readonly #byNode = new Map<ConsulNodeName, Map<string, Waiting>>();
  #size = 0;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /**
   * The changes that may be tried now, and all that Consul has refused so far. Those of `node` that are not wanted any
   * more are forgotten.
   */
  review(node: ConsulNodeName, changes: readonly Change[]): Reviewed {
    const refused = this.#byNode.get(node);
    if (refused === undefined) return { changes, held: [] };
    const { clock, reviewAfter } = this.#options;
    const now = clock.now();
    const tried = new Map(changes.map((change) => [identity(change), change]));
    let nextMs = Number.POSITIVE_INFINITY;
    let isNodeMissing = false;
    for (const [key, { change, dueAt }] of refused) {
      if (!tried.has(key)) this.#forget(change, key);
      else if (dueAt > now) {
        tried.delete(key);
        nextMs = Math.min(nextMs, dueAt - now);
        // Without the node nothing can be written on it.
        isNodeMissing ||= change.kind === 'put-node' && change.effect === 'create';
      }
    }
    if (nextMs < Number.POSITIVE_INFINITY) reviewAfter(node, nextMs);
    const held = [...refused.values()].map(({ dueAt, ...waiting }) =>
      heldOf(waiting, dueAt > now ? clock.wall() + dueAt - now : undefined),
    );
    return { changes: isNodeMissing ? [] : [...tried.values()], held };
  }

  /** Consul refused `change`. Its node is due at once, so that this is reported. */
  refuse(change: Change, error: RegistrarError): void {
    const { clock, random, reviewAfter } = this.#options;
    const key = identity(change);
    const refused = this.#byNode.get(change.node) ?? new Map<string, Waiting>();
    const known = refused.get(key);
    const backoff = known?.backoff ?? new Backoff({ initialMs: 1_000, maxMs: longestMs, random });
    if (known === undefined) this.#size += 1;
    // Never at once: full jitter may draw 0, and a refused operation costs Consul a whole transaction.
    const waitMs = Math.min(backoff.next(500), this.#longestWaitMs(error));
    refused.set(key, { change, error, backoff, dueAt: clock.now() + waitMs });
    this.#byNode.set(change.node, refused);
    reviewAfter(change.node, 0);
  }

  /** `change` was committed. */
  release(change: Change): void {
    const { clock, reviewAfter } = this.#options;
    // Most changes are never refused, and their text is long.
    if (!this.#byNode.has(change.node) || !this.#forget(change, identity(change))) return;
    reviewAfter(change.node, 0);
    for (const [node, refused] of this.#byNode) {
      for (const each of refused.values()) each.dueAt = clock.now();
      reviewAfter(node, 0);
    }
  }

  #longestWaitMs({ code }: RegistrarError): number {
    return code === 'forbidden' ? Math.max(longestForbiddenMs, this.#size * forbiddenSpacingMs) : longestMs;
  }

  /** Returns whether it was there. */
  #forget({ node }: Change, key: string): boolean {
    const refused = this.#byNode.get(node);
    const found = refused?.get(key);
    if (refused === undefined || found === undefined) return false;
    refused.delete(key);
    if (refused.size === 0) this.#byNode.delete(node);
    this.#size -= 1;
    return true;
  }
}

const heldOf = ({ change, error }: Pick<Waiting, 'change' | 'error'>, until: number | undefined): Held => ({
  kind: 'held',
  by: 'consul',
  what: isRemoval(change) ? 'removal' : 'write',
  at: entryOf(change),
  because: error.code === 'forbidden' ? 'denied' : 'refused',
  error: error.message,
  until,
  change,
});

/** Changes are canonical, so equal changes are equal text. */
const identity = (change: Change): string => JSON.stringify(change);
