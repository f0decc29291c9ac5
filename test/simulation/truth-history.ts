import { isWantedPassing, type Truth } from './truth.ts';

interface Chapter {
  readonly from: number;
  readonly truth: Truth;
}

/** Longer than anything may take to reach Consul, ms. */
const keptMs = 900_000;

/** What was true when. */
export class TruthHistory {
  readonly #chapters: Chapter[] = [];

  get now(): Truth {
    return this.#chapters.at(-1)!.truth;
  }

  add(from: number, truth: Truth): void {
    this.#chapters.push({ from, truth });
    while (this.#chapters.length > 1 && this.#chapters[1]!.from < from - keptMs) this.#chapters.shift();
  }

  /** Whether the condition held at some moment from `since` on. */
  heldAtSomeTime(since: number, condition: (truth: Truth) => boolean): boolean {
    for (let index = this.#chapters.length - 1; index >= 0; index -= 1) {
      const { from, truth } = this.#chapters[index]!;
      if (condition(truth)) return true;
      if (from < since) return false;
    }
    return false;
  }

  wasUnwanted(key: string, since: number): boolean {
    return this.heldAtSomeTime(since, (truth) => !isWantedPassing(truth, key));
  }

  /**
   * Whether the instance and its node were both well, though perhaps not at the same moment: news of pods and
   * of nodes come on different connections.
   */
  wasWanted(key: string, consulNode: string, since: number): boolean {
    return (
      this.heldAtSomeTime(
        since,
        ({ instances }) => (instances.get(key)?.check ?? 'passing') === 'passing' && instances.has(key),
      ) && this.heldAtSomeTime(since, ({ nodes }) => nodes.get(consulNode)?.check !== 'critical')
    );
  }
}
