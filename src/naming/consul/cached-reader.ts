import type { Clock } from '../../lib/clock.ts';
import { NamingError } from '../naming-error.ts';
import type { ConsulClient, HealthAnswer } from './consul-client.ts';

/** What the servers themselves said last, and when they were asked. */
interface Proof {
  readonly at: number;
  readonly index: number;
  readonly isEmpty: boolean;
}

export interface CachedQuery {
  readonly service: string;
  readonly passing: boolean;
  /** How old the answer may be, in milliseconds; 0 goes past the cache. */
  readonly maxAgeMs: number;
}

/**
 * Reads through the agent's cache without ever believing in an answer older than asked for.
 *
 * The agent refreshes its cache in the background and ignores max-age (Consul API, "Agent Caching"). What its
 * streaming backend says cannot be taken as it stands (seen with Consul 1.22): `Age: 0` even when it has been
 * cut off from the servers for long, and an empty list without a word when ACLs have filtered everything. So
 * it is believed where it can be proved: an answer that has reached the index the servers had a while ago is
 * no older than that while, and empty only if they said so. Without a proof they are asked, once in `maxAgeMs`.
 */
export class CachedReader {
  readonly #client: ConsulClient;
  readonly #clock: Clock;
  readonly #proofs = new Map<string, Proof>();

  constructor(client: ConsulClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async read(query: CachedQuery, signal: AbortSignal): Promise<HealthAnswer> {
    const cached = await this.#cached(query, signal);
    if (cached !== undefined) return cached;
    const at = this.#clock.now();
    const answer = await this.#client.read(query.service, query.passing, signal);
    const isEmpty = answer.instances.length === 0;
    this.#proofs.set(query.service, { at, index: answer.index, isEmpty });
    return answer;
  }

  /** Undefined when the cache does not answer, or not with what may be believed. */
  async #cached(query: CachedQuery, signal: AbortSignal): Promise<HealthAnswer | undefined> {
    const { service, passing, maxAgeMs } = query;
    if (maxAgeMs <= 0) return undefined;
    try {
      const answer = await this.#client.readCached(service, passing, maxAgeMs, signal);
      return this.#isFresh(answer, query) ? answer : undefined;
    } catch (thrown) {
      if (thrown instanceof NamingError && thrown.code === 'unavailable') return undefined;
      throw thrown;
    }
  }

  #isFresh(
    { isStreamed, ageMs, index, instances }: HealthAnswer,
    { service, maxAgeMs }: CachedQuery,
  ): boolean {
    if (!isStreamed) return ageMs <= maxAgeMs;
    const proof = this.#proofs.get(service);
    return (
      proof !== undefined &&
      this.#clock.now() - proof.at <= maxAgeMs &&
      index >= proof.index &&
      (instances.length > 0 || proof.isEmpty)
    );
  }
}
