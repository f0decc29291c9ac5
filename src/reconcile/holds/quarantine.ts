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
  /** Called when this node is to be looked at: a refused change may be tried again, or what is refused is another. */
  readonly onDue: (node: ConsulNodeName) => void;
}

/** A change that Consul refused, and why. */
interface Waiting {
  readonly change: Change;
  readonly error: RegistrarError;
  readonly backoff: Backoff;
  /** When it is tried again, wall-clock ms. */
  dueAt: number;
  timer: Disposable | undefined;
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
export class Quarantine implements Hold, Disposable {
  readonly #options: QuarantineOptions;
  readonly #byNode = new Map<ConsulNodeName, Map<string, Waiting>>();
  #size = 0;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * The changes that may be tried now, and all that Consul has refused so far. Those of `node` that are not wanted any
   * more are forgotten.
   */
  review(node: ConsulNodeName, changes: readonly Change[]): Reviewed {
    const tried = this.#tried(node, changes);
    return { changes: tried, held: [...(this.#byNode.get(node)?.values() ?? [])].map(heldOf) };
  }

  #tried(node: ConsulNodeName, changes: readonly Change[]): readonly Change[] {
    const refused = this.#byNode.get(node);
    if (refused === undefined) return changes;
    const wanted = new Map(changes.map((change) => [identity(change), change]));
    for (const [key, { change, timer }] of refused) {
      if (!wanted.has(key)) this.#forget(change, key);
      else if (timer !== undefined) {
        // Without the node nothing can be written on it.
        if (change.kind === 'put-node' && change.effect === 'create') return [];
        wanted.delete(key);
      }
    }
    return [...wanted.values()];
  }

  /** Consul refused `change`. Its node is due at once, so that this is reported. */
  refuse(change: Change, error: RegistrarError): void {
    const { clock, random, onDue } = this.#options;
    const key = identity(change);
    const known = this.#byNode.get(change.node)?.get(key);
    known?.timer?.[Symbol.dispose]();
    const backoff = known?.backoff ?? new Backoff({ initialMs: 1_000, maxMs: longestMs, random });
    const refused: Waiting = { change, error, backoff, dueAt: 0, timer: undefined };
    if (known === undefined) this.#size += 1;
    this.#byNode.set(change.node, (this.#byNode.get(change.node) ?? new Map()).set(key, refused));
    // Never at once: full jitter may draw 0, and a refused operation costs Consul a whole transaction.
    const waitMs = Math.min(backoff.next(500), this.#longestWaitMs(error));
    refused.dueAt = clock.wall() + waitMs;
    refused.timer = clock.schedule(waitMs, () => {
      refused.timer = undefined;
      onDue(change.node);
    });
    onDue(change.node);
  }

  /** `change` was committed. */
  release(change: Change): void {
    const { onDue } = this.#options;
    if (!this.#forget(change, identity(change))) return;
    onDue(change.node);
    for (const [node, refused] of this.#byNode) {
      for (const each of refused.values()) {
        each.timer?.[Symbol.dispose]();
        each.timer = undefined;
      }
      onDue(node);
    }
  }

  [Symbol.dispose](): void {
    for (const refused of this.#byNode.values()) {
      for (const { timer } of refused.values()) timer?.[Symbol.dispose]();
    }
    this.#byNode.clear();
    this.#size = 0;
  }

  #longestWaitMs({ code }: RegistrarError): number {
    return code === 'forbidden' ? Math.max(longestForbiddenMs, this.#size * forbiddenSpacingMs) : longestMs;
  }

  /** Returns whether it was there. */
  #forget({ node }: Change, key: string): boolean {
    const refused = this.#byNode.get(node);
    const found = refused?.get(key);
    if (refused === undefined || found === undefined) return false;
    found.timer?.[Symbol.dispose]();
    refused.delete(key);
    if (refused.size === 0) this.#byNode.delete(node);
    this.#size -= 1;
    return true;
  }
}

const heldOf = ({ change, error, dueAt, timer }: Waiting): Held => ({
  kind: 'held',
  by: 'consul',
  what: isRemoval(change) ? 'removal' : 'write',
  at: entryOf(change),
  because: error.code === 'forbidden' ? 'denied' : 'refused',
  error: error.message,
  until: timer === undefined ? undefined : dueAt,
  change,
});

/** Changes are canonical, so equal changes are equal text. */
const identity = (change: Change): string => JSON.stringify(change);
