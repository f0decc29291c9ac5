import type { Because } from './evidence.ts';

/** Above this, unexplained removals are held. Precedents and reasons: docs/safety.md. */
export interface BreakerOptions {
  /** So many may always go, however little is registered. Default 10. */
  readonly minimum: number;
  /** So large a share of what is registered may go. Default 0.3. */
  readonly ratio: number;
}

/** How many unexplained removals there are. */
export interface RemovalCount {
  /** Wanted now, and not let through yet. */
  readonly waiting: number;
  /** Let through within the window. */
  readonly passed: number;
  /** Instances that were registered when the first of those that wait appeared. */
  readonly registered: number;
}

/** How many unexplained removals may be let through within one window. */
export function removalLimit(registered: number, { minimum, ratio }: BreakerOptions): number {
  return Math.max(minimum, Math.floor(registered * ratio));
}

/** Whether so many want to go at once that none of them may. Explained removals are never counted. */
export function isTripped({ waiting, passed, registered }: RemovalCount, options: BreakerOptions): boolean {
  return waiting > 0 && waiting + passed > removalLimit(registered, options);
}

/**
 * What a second, consistent read said of a subject.
 *
 * - `explained` it is there after all, and says itself why the instance has to go
 * - `agrees`    it is as the stores have it: absent, or there and not asking
 * - `present`   it is there, other than the stores say; they are behind
 * - `forbidden` we may not read it any more, so that its absence says nothing
 * - `failed`    no answer
 */
export type Look =
  | { readonly kind: 'explained'; readonly because: Because }
  | { readonly kind: 'agrees' }
  | { readonly kind: 'present' }
  | { readonly kind: 'forbidden'; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string };

/**
 * Why a change is held.
 *
 * - `limit`     its removal is unexplained, and so are more than may go at once
 * - `present`   its object is still there by a second read
 * - `forbidden` its object may not be read any more
 * - `failed`    its object could not be read a second time
 * - `panic`     too many of the service's instances would become critical because of their nodes
 */
export const heldReasons = ['limit', 'present', 'forbidden', 'failed', 'panic'] as const;
export type HeldBecause = (typeof heldReasons)[number];

/**
 * Another pod stands where this one did: `wholly` when all that its service misses have been replaced, `partly`
 * when some have not.
 */
export type Renewal = 'wholly' | 'partly';

/** One unexplained removal, as far as it has come. */
export interface Waiting {
  /** A person released it. */
  readonly released: boolean;
  /** Undefined before the second read, and when there is nothing to read. */
  readonly look: Look | undefined;
  /** Undefined: nothing has taken its place. */
  readonly renewal: Renewal | undefined;
  /** Whether there is an object to be read a second time. */
  readonly hasSubject: boolean;
  /** It has waited long enough for others that belong to it to appear. */
  readonly settled: boolean;
}

export type Verdict =
  | { readonly kind: 'pass'; readonly because: Because }
  | { readonly kind: 'wait' }
  | { readonly kind: 'hold'; readonly because: HeldBecause };

/**
 * What becomes of an unexplained removal:
 *
 *   released                            pass
 *   a second read explains it           pass, whatever the breaker says
 *   not settled, or not read yet        wait
 *   present, forbidden, failed          hold
 *   its service misses none any more    pass, whatever the breaker says
 *   the breaker has tripped             hold
 *   the second read agrees              pass
 */
export function judge({ released, look, renewal, hasSubject, settled }: Waiting, tripped: boolean): Verdict {
  if (released) return { kind: 'pass', because: 'released' };
  if (look?.kind === 'explained') return { kind: 'pass', because: look.because };
  if (!settled || (hasSubject && look === undefined)) return { kind: 'wait' };
  if (look !== undefined && look.kind !== 'agrees') return { kind: 'hold', because: look.kind };
  if (tripped && renewal !== 'wholly') return { kind: 'hold', because: 'limit' };
  return { kind: 'pass', because: renewal === undefined ? 'confirmed' : 'renewed' };
}
