import type { Clock } from '../../lib/clock.ts';
import { NamingError } from '../naming-error.ts';
import type { ConsulAgents, HealthAnswer } from './consul-agents.ts';

/** The last answer of the servers themselves, and when they were asked. */
interface Proof {
  readonly at: number;
  readonly index: number;
  readonly isEmpty: boolean;
}

export interface CachedQuery {
  readonly service: string;
  readonly passing: boolean;
  /** Maximum age of the answer, in milliseconds; 0 bypasses the cache. */
  readonly maxAgeMs: number;
}

/**
 * Reads through the agent's cache and never accepts an answer that is older than allowed.
 *
 * The agent refreshes its cache in the background and ignores max-age (Consul API, "Agent Caching"). The answers of its
 * streaming backend cannot be trusted (seen with Consul 1.22): it sends `Age: 0` even when it has long been cut off
 * from the servers, and an empty list without a hint when ACLs have filtered everything. An answer is therefore
 * accepted only with a proof from the servers: if it has reached the index that they had some time ago, it is no older
 * than that time, and it may be empty only if theirs was. Without a proof the servers are asked, once in `maxAgeMs`.
 */
export class CachedReader {
  readonly #agents: ConsulAgents;
  readonly #clock: Clock;
  readonly #proofs = new Map<string, Proof>();

  constructor(agents: ConsulAgents, clock: Clock) {
    this.#agents = agents;
    this.#clock = clock;
  }

  async read(query: CachedQuery, signal: AbortSignal): Promise<HealthAnswer> {
    const cached = await this.#cached(query, signal);
    if (cached !== undefined) return cached;
    const at = this.#clock.now();
    const answer = await this.#agents.read(query.service, query.passing, signal);
    const isEmpty = answer.instances.length === 0;
    this.#proofs.set(query.service, { at, index: answer.index, isEmpty });
    return answer;
  }

  /** Undefined when the cache does not answer, or its answer cannot be accepted. */
  async #cached(query: CachedQuery, signal: AbortSignal): Promise<HealthAnswer | undefined> {
    const { service, passing, maxAgeMs } = query;
    if (maxAgeMs <= 0) return undefined;
    try {
      const answer = await this.#agents.readCached(service, passing, maxAgeMs, signal);
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
