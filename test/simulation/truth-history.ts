import { backendOf, type Truth } from './truth.ts';

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

  /** Whether it held at every moment from `since` on. */
  held(since: number, condition: (truth: Truth) => boolean): boolean {
    return !this.heldAtSomeTime(since, (truth) => !condition(truth));
  }

  /**
   * Whether what stands behind the instance was well at some moment, whatever its node was, and for whatever
   * service: that it is asked for may be heard sooner than that it fails.
   */
  wasBackendWell(key: string, since: number): boolean {
    const backend = backendOf(key);
    return this.heldAtSomeTime(since, ({ instances, pods }) => {
      if (pods.get(backend) === true) return true;
      for (const wanted of instances.values()) {
        if ((wanted.check ?? 'passing') === 'passing' && backendOf(wanted.key) === backend) return true;
      }
      return false;
    });
  }

  wasNodeWell(consulNode: string, since: number): boolean {
    return this.heldAtSomeTime(since, ({ nodes }) => nodes.get(consulNode)?.check !== 'critical');
  }
}
