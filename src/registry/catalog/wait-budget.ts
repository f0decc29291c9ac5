import type { Clock } from '../../lib/clock.ts';
import type { RegistrarError } from '../../lib/errors.ts';

/** What the waits are restricted to at the moment. */
export interface WaitLimits {
  /** Nodes with a wait of their own, at most. */
  readonly nodes: number;
  /** How long a wait lasts at most, in milliseconds. */
  readonly lengthMs: number;
}

export interface WaitBudgetOptions {
  readonly clock: Clock;
  /** Nodes with a wait of their own while nothing stands in the way. */
  readonly nodes: number;
  /** Waits became fewer or shorter than they may be, for this reason; called once until `onRestored`. */
  readonly onReduced: (why: string, limits: WaitLimits) => void;
  readonly onRestored: (limits: WaitLimits) => void;
}

/** Longest wait of a blocking query, in milliseconds: the longest Consul grants, so that rest costs little. */
export const longestWaitMs = 600_000;
/** A wait that ends sooner than this after it was set was never accepted; later it was cut. */
export const acceptedMs = 2_000;
/** Shortest wait: below this, waiting is worse than asking. */
const shortestWaitMs = 1_000;
/** Share of what survives that a wait is set to. Consul adds up to a sixteenth of its length. */
const safeShare = 0.8;
/** How alike the ages of two waits are that the same thing has cut. */
const likeness = 0.15;
/** How often one more node gets its wait back, and how often a longer wait is tried. */
const growMs = 30_000;
const lengthenMs = 600_000;
/** All waits of nodes together ask Consul once in so many milliseconds at most. */
const paceMs = 2_000;

/**
 * How many waits this process may have at Consul, and how long they may be.
 *
 * - A connection that Consul refuses (429, or a reset before any answer: `http_max_conns_per_client`) halves
 *   the waits; one comes back every 30 s.
 * - Waits that break twice at the same age are cut by something between, such as a load balancer with an idle
 *   timeout: from then on they are shorter than that. Every 10 min twice the length is tried.
 * - Short waits ask often. There are only so many that they ask once in 2 s together; the other nodes are swept.
 */
export class WaitBudget {
  readonly #options: WaitBudgetOptions;
  #granted: number;
  #lengthMs = longestWaitMs;
  /** The last cut: after which age, and when. */
  #cut: { readonly ageMs: number; readonly at: number } | undefined;
  /** When the waits last became fewer: what was set before says nothing new. */
  #halvedAt = Number.NEGATIVE_INFINITY;
  #grownAt = 0;
  #lengthenedAt = 0;
  #isReduced = false;
  readonly #followers = new Set<() => void>();

  constructor(options: WaitBudgetOptions) {
    this.#options = options;
    this.#granted = options.nodes;
  }

  get limits(): WaitLimits {
    const lengthMs = this.#lengthMs;
    return { nodes: Math.min(this.#granted, Math.floor(lengthMs / paceMs)), lengthMs };
  }

  /** Calls back whenever the limits may have changed. */
  follow(onLimits: () => void): Disposable {
    this.#followers.add(onLimits);
    return { [Symbol.dispose]: () => void this.#followers.delete(onLimits) };
  }

  /**
   * Consul does not take a connection from this address that was asked for at `askedAt`. `inUse`: nodes that
   * have a wait. Does nothing when a halving since then has answered that already.
   */
  refused(why: string, askedAt: number, inUse: number): void {
    if (askedAt <= this.#halvedAt) return;
    const now = this.#options.clock.now();
    this.#halvedAt = now;
    this.#grownAt = now;
    this.#granted = Math.floor(Math.min(this.#granted, inUse) / 2);
    this.#changed(why);
  }

  /** A wait set at `setAt` has failed. True when it was merely cut, and may be set again at once. */
  cut(error: RegistrarError, setAt: number): boolean {
    const now = this.#options.clock.now();
    const isSilent = error.code === 'timeout';
    const isBroken = error.code === 'unreachable' || error.status === 502 || error.status === 504;
    // Silence is noticed at the end of the wait only; how long it would have survived is not known.
    const ageMs = isSilent ? this.#lengthMs / 2 : now - setAt;
    if (!(isBroken || isSilent) || ageMs < acceptedMs) return false;
    const before = this.#cut;
    // All waits set together break together, as they do when a server ends: that is one cut.
    if (before !== undefined && setAt < before.at - acceptedMs) return true;
    this.#cut = { ageMs, at: now };
    if (before === undefined || Math.abs(ageMs - before.ageMs) > likeness * before.ageMs) return true;
    this.#lengthenedAt = now;
    const survivesMs = Math.max(shortestWaitMs, Math.floor(safeShare * Math.min(ageMs, before.ageMs)));
    if (survivesMs >= this.#lengthMs) return true;
    this.#lengthMs = survivesMs;
    this.#changed(`waits at Consul are cut after ${Math.round(ageMs / 1_000)} s by something between`);
    return true;
  }

  /** To be called every now and then. */
  grow(): void {
    if (!this.#isReduced) return;
    const { clock, nodes } = this.#options;
    const now = clock.now();
    if (this.#granted < nodes && now - this.#grownAt >= growMs) {
      this.#grownAt = now;
      this.#granted += 1;
    }
    if (this.#lengthMs < longestWaitMs && now - this.#lengthenedAt >= lengthenMs) {
      this.#lengthenedAt = now;
      this.#lengthMs = Math.min(longestWaitMs, 2 * this.#lengthMs);
    }
    this.#changed('');
  }

  #changed(why: string): void {
    const { nodes, onReduced, onRestored } = this.#options;
    const isReduced = this.#granted < nodes || this.#lengthMs < longestWaitMs;
    if (isReduced !== this.#isReduced) {
      this.#isReduced = isReduced;
      if (isReduced) onReduced(why, this.limits);
      else onRestored(this.limits);
    }
    for (const onLimits of this.#followers) onLimits();
  }
}
