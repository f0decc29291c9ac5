import type { BreakerOptions } from '../../plan/guard.ts';
import type { PanicOptions } from '../../plan/panic.ts';

/** Section `guard` of the configuration; times in ms. */
export interface GuardOptions {
  readonly removals: BreakerOptions & { readonly enabled: boolean };
  readonly health: PanicOptions & { readonly enabled: boolean };
  /** Over which time losses add up. */
  readonly window: number;
  /** How long to wait for other losses that belong to a first one. */
  readonly settle: number;
}

/** From the section as it is configured. */
export function guardOptionsOf(section: {
  readonly removals: boolean;
  readonly removalMinimum: number;
  readonly removalRatio: number;
  readonly health: boolean;
  readonly healthRatio: number;
  readonly healthMinimumNodes: number;
  readonly window: number;
  readonly settle: number;
}): GuardOptions {
  const { removals, removalMinimum, removalRatio, health, healthRatio, healthMinimumNodes } = section;
  return {
    removals: { enabled: removals, minimum: removalMinimum, ratio: removalRatio },
    health: { enabled: health, ratio: healthRatio, minimumNodes: healthMinimumNodes },
    window: section.window,
    settle: section.settle,
  };
}
