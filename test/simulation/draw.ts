import type { Random } from '../../src/lib/random.ts';
import { seeded } from '../support/seeded-random.ts';

/** Draws from one seed. `stream` tells independent uses of a seed apart: more draws of one shift no other. */
export class Draw {
  readonly random: Random;

  constructor(seed: number, stream = '') {
    this.random = seeded(mixed(seed, stream));
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }
}

/** FNV-1a over the seed and the stream's name. */
function mixed(seed: number, stream: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${seed}/${stream}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
