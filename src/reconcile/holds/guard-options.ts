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
  /** How long a kubelet may take to hear that a pod is gone. */
  readonly kubeletGrace: number;
  /** After how long a held removal goes that nobody can prove or disprove. */
  readonly confirm: number;
  /** After how long anything held goes, while the API server is well. */
  readonly maxHold: number;
  /** `manual`: nothing goes because time has passed. */
  readonly release: 'automatic' | 'manual';
}

/** From the section as it is configured. */
export function guardOptionsOf(section: {
  readonly removals: boolean;
  readonly removalMinimum: number;
  readonly removalRatio: number;
  readonly health: boolean;
  readonly healthRatio: number;
  readonly healthNodeRatio: number;
  readonly healthMinimumNodes: number;
  readonly window: number;
  readonly settle: number;
  readonly kubeletGrace: number;
  readonly confirm: number;
  readonly maxHold: number;
  readonly release: 'automatic' | 'manual';
}): GuardOptions {
  const { removals, removalMinimum, removalRatio, health, healthRatio } = section;
  const { healthNodeRatio, healthMinimumNodes, window, settle } = section;
  const { kubeletGrace, confirm, maxHold, release } = section;
  return {
    removals: { enabled: removals, minimum: removalMinimum, ratio: removalRatio },
    health: {
      enabled: health,
      ratio: healthRatio,
      nodeRatio: healthNodeRatio,
      minimumNodes: healthMinimumNodes,
    },
    window,
    settle,
    kubeletGrace,
    confirm,
    maxHold,
    release,
  };
}
