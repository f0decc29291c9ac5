import { type Random, systemRandom } from '../lib/random.ts';
import { unitHash } from './hash.ts';
import { instanceKey, type ServiceInstance } from './instance.ts';

/** The instances that have all `tags`. */
export function byTag<T extends ServiceInstance>(instances: readonly T[], ...tags: readonly string[]): T[] {
  return instances.filter((instance) => tags.every((tag) => instance.tags.includes(tag)));
}

/** The instances whose meta has every key of `meta` with the same value. */
export function byMeta<T extends ServiceInstance>(
  instances: readonly T[],
  meta: Readonly<Record<string, string>>,
): T[] {
  const wanted = Object.entries(meta);
  return instances.filter((instance) => wanted.every(([key, value]) => instance.meta[key] === value));
}

/** One at random, in proportion to the weights. Weight 0 is chosen only when all have it. */
export function weighted<T extends ServiceInstance>(
  instances: readonly T[],
  random: Random = systemRandom,
): T | undefined {
  const weights = effectiveWeights(instances);
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return instances[at];
  }
  return instances[weights.findLastIndex((weight) => weight > 0)];
}

/**
 * The instances in the order in which they should serve `key`; each takes over when those before it are gone. This
 * is weighted rendezvous hashing: a new instance only takes keys over, one that leaves only gives its own keys up,
 * and each has a share of the keys in proportion to its weight. Weight 0 comes last. The order of the list does not
 * matter.
 */
export function rankByHash<T extends ServiceInstance>(instances: readonly T[], key: string): T[] {
  const scored = instances.map((instance) => {
    const id = instanceKey(instance);
    // The unit separator keeps ("a", "bc") and ("ab", "c") apart.
    const hash = unitHash(`${id}\u001f${key}`);
    return { instance, id, hash, score: instance.weight / -Math.log(hash) };
  });
  scored.sort((a, b) => b.score - a.score || b.hash - a.hash || (a.id < b.id ? -1 : 1));
  return scored.map(({ instance }) => instance);
}

/** The first instance for `key`: see `rankByHash`. */
export function consistentHash<T extends ServiceInstance>(
  instances: readonly T[],
  key: string,
): T | undefined {
  return rankByHash(instances, key)[0];
}

function effectiveWeights(instances: readonly ServiceInstance[]): number[] {
  const weights = instances.map(({ weight }) => weight);
  return weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
}
