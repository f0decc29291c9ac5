import type { World, WorldTraits } from './world.ts';

/**
 * Something to happen in a run. What it happens to is picked when it happens, by `x` and `y` in [0, 1) out of
 * what is there then, so that any part of a script makes a script.
 */
export interface Step {
  /** Virtual milliseconds from the start. */
  readonly at: number;
  readonly action: string;
  readonly cluster: number;
  readonly x: number;
  readonly y: number;
  /** How long it lasts, for what lasts, ms. */
  readonly forMs: number;
}

export interface Script {
  readonly seed: number;
  /** Rows of the table of faults it is about. */
  readonly rows: readonly string[];
  readonly traits: Partial<WorldTraits>;
  readonly steps: readonly Step[];
  /** Within which time everything has to be right again once the last step is over, ms. */
  readonly promptMs: number;
}

/** Carries a step out. Returns what was done, or undefined when there was nothing to do it to. */
export type Action = (world: World, step: Step) => string | undefined;

/** The item at the share `x` of a list; undefined of an empty one. */
export function at<T>(items: readonly T[], x: number): T | undefined {
  return items[Math.floor(x * items.length)];
}

export function told({ at, action, cluster, x, y, forMs }: Step): string {
  return `${(at / 1_000).toFixed(3)} s  c${cluster} ${action} x=${x.toFixed(3)} y=${y.toFixed(3)} for ${forMs} ms`;
}
