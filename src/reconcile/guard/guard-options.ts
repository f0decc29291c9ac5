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
