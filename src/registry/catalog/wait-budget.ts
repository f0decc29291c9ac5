import type { Clock } from '../../lib/clock.ts';
import type { RegistrarError } from '../../lib/errors.ts';

/** The current limits of blocking queries. A wait is the time that a blocking query may take, or the query itself. */
export interface WaitLimits {
  /** At most so many nodes have a blocking query of their own. */
  readonly nodes: number;
  /** `wait` of a blocking query, in milliseconds. */
  readonly lengthMs: number;
}

export interface WaitBudgetOptions {
  readonly clock: Clock;
  /** How many nodes may have a blocking query of their own without restriction. */
  readonly nodes: number;
  /** Waits became fewer or shorter than they may be, for this reason; called once until `onRestored`. */
  readonly onReduced: (why: string, limits: WaitLimits) => void;
  readonly onRestored: (limits: WaitLimits) => void;
}

/** Longest wait, in milliseconds: the longest Consul grants, so that an idle cluster costs little. */
export const longestWaitMs = 600_000;
/** A query that breaks sooner than this, in milliseconds, was never accepted; one that breaks later was cut. */
export const acceptedMs = 2_000;
/** Shortest wait, in milliseconds: below it, polling is better. */
const shortestWaitMs = 1_000;
/** Share of the time that queries survive which becomes the wait. Consul adds up to a sixteenth of it. */
const safeShare = 0.8;
/** Two cuts whose ages differ by less than this share have the same cause. */
const likeness = 0.15;
/** How often one more node gets its query back, and how often a longer wait is tried, in milliseconds. */
const growMs = 30_000;
const lengthenMs = 600_000;
/** All nodes' queries together start at most once in so many milliseconds. */
const paceMs = 2_000;

/**
 * How many blocking queries this process may have at Consul, and how long they may be.
 *
 * - A refused connection (429, or a reset before any answer: `http_max_conns_per_client`) halves the number of queries;
 *   one comes back every 30 s.
 * - Queries that break twice at the same age are cut by a proxy, such as a load balancer with an idle timeout. From then
 *   on they are shorter than that. Every 10 min twice the length is tried.
 * - Short queries are sent often. There are only so many that together they are sent once in 2 s; the other nodes are
 *   swept.
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
