import type { Clock } from '../../lib/clock.ts';
import type { ConsulClient, HealthAnswer } from './consul-client.ts';

/** What the servers themselves said last, and when they were asked. */
interface Proof {
  readonly at: number;
  readonly index: number;
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
 * The agent refreshes its cache in the background and ignores max-age (Consul API, "Agent Caching"), and with
 * the streaming backend it says `Age: 0` even when it has been cut off from the servers for long (seen with
 * Consul 1.22). So its word is taken only where it can be proved: an answer that has the index the servers
 * had a while ago is no older than that while. Without such a proof the servers are asked, once in `maxAgeMs`.
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
    const at = this.#clock.now();
    if (query.maxAgeMs > 0) {
      const answer = await this.#client.read(query.service, { ...query, cached: true }, signal);
      if (answer.ageMs === 0) this.#proofs.set(query.service, { at, index: answer.index });
      if (this.#isFresh(answer, query)) return answer;
    }
    const proofAt = this.#clock.now();
    const answer = await this.#client.read(query.service, { ...query, cached: false }, signal);
    this.#proofs.set(query.service, { at: proofAt, index: answer.index });
    return answer;
  }

  #isFresh({ ageMs, index }: HealthAnswer, { service, maxAgeMs }: CachedQuery): boolean {
    if (ageMs !== undefined) return ageMs <= maxAgeMs;
    const proof = this.#proofs.get(service);
    return proof !== undefined && this.#clock.now() - proof.at <= maxAgeMs && index >= proof.index;
  }
}
