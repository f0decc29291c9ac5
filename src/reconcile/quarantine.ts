import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from '../plan/change.ts';

export interface QuarantineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Called when a refused change of this node is to be tried again. */
  readonly onDue: (node: ConsulNodeName) => void;
}

interface Refused {
  readonly node: ConsulNodeName;
  readonly backoff: Backoff;
  readonly reason: string;
  timer: Disposable | undefined;
}

/**
 * Changes that Consul refused, each waiting alone for its next try, so that one bad entry delays itself and
 * nothing else: other changes of its node go out meanwhile. A change with another content is another change
 * and goes out at once.
 */
export class Quarantine implements Disposable {
  readonly #options: QuarantineOptions;
  readonly #refused = new Map<string, Refused>();

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#refused.size;
  }

  /** What waits, and why. */
  all(): readonly Pick<Refused, 'node' | 'reason'>[] {
    return [...this.#refused.values()].map(({ node, reason }) => ({ node, reason }));
  }

  /** The changes that may be tried now. Those of `node` that nobody asks for any more are forgotten. */
  filter(node: ConsulNodeName, changes: readonly Change[]): readonly Change[] {
    if (this.#refused.size === 0) return changes;
    const wanted = new Map(changes.map((change) => [identity(change), change]));
    for (const [key, refused] of this.#refused) {
      if (refused.node !== node) continue;
      if (!wanted.has(key)) this.#forget(key);
      else if (refused.timer !== undefined) wanted.delete(key);
    }
    return [...wanted.values()];
  }

  /** Consul refused `change`. Returns whether that is news: another change, or another reason than before. */
  refuse(change: Change, reason: string): boolean {
    const { clock, random, onDue } = this.#options;
    const key = identity(change);
    const known = this.#refused.get(key);
    known?.timer?.[Symbol.dispose]();
    const backoff = known?.backoff ?? new Backoff({ initialMs: 1_000, maxMs: 300_000, random });
    const refused: Refused = { node: change.node, backoff, reason, timer: undefined };
    // Never at once: full jitter may draw 0, and a refused operation costs Consul a whole transaction.
    refused.timer = clock.schedule(backoff.next(500), () => {
      refused.timer = undefined;
      onDue(change.node);
    });
    this.#refused.set(key, refused);
    return known?.reason !== reason;
  }

  /** `change` was committed. */
  release(change: Change): void {
    if (this.#refused.size > 0) this.#forget(identity(change));
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#refused.keys()]) this.#forget(key);
  }

  #forget(key: string): void {
    this.#refused.get(key)?.timer?.[Symbol.dispose]();
    this.#refused.delete(key);
  }
}

/** Changes are canonical, so equal changes are equal text. */
const identity = (change: Change): string => JSON.stringify(change);
