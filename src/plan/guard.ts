import type { Because, Proof, Sign } from './evidence.ts';

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
 * What a consistent read said of a subject.
 *
 * - `explained` it is there after all, and says itself why the instance has to go
 * - `absent`    it is not there
 * - `unchanged` it is there as the stores have it, and does not ask
 * - `present`   it is there, other than the stores say; they are behind
 * - `forbidden` we may not read it any more, so that its absence says nothing
 * - `failed`    no answer
 */
export type ReadAnswer =
  | { readonly kind: 'explained'; readonly because: Because }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'present' }
  | { readonly kind: 'forbidden'; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string };

/**
 * Why a change is held.
 *
 * - `limit`     its removal is unexplained, and so are more than may go at once
 * - `present`   a consistent read still finds its object
 * - `forbidden` the right to read its object is missing
 * - `failed`    its object could not be read
 * - `pinned`    a person wants it to stay
 * - `panic`     too many of the service's instances would become critical because of their nodes
 * - `upsert-only`, `dry-run`  the policy does not allow it
 * - `denied`    Consul does not allow the token to write it
 * - `refused`   Consul refuses it for another reason
 * - `conflict`  somebody else keeps changing the entry
 */
export const heldReasons = [
  'limit',
  'present',
  'forbidden',
  'failed',
  'pinned',
  'panic',
  'upsert-only',
  'dry-run',
  'denied',
  'refused',
  'conflict',
] as const;
export type HeldBecause = (typeof heldReasons)[number];

/** One unexplained removal, as far as it has come. */
export interface Waiting {
  readonly sign: Sign;
  /** What a person said. */
  readonly order: 'release' | 'pin' | undefined;
  /** Undefined before the first consistent read, and when there is nothing to read. */
  readonly answer: ReadAnswer | undefined;
  /** What shows that it has ended. */
  readonly proof: Proof | undefined;
  /** Whether there is an object to be read. */
  readonly hasSubject: boolean;
  /** It has waited long enough for others that belong to it to appear. */
  readonly settled: boolean;
  /** It was held for as long as it may be, its last read is recent, and its turn has come. */
  readonly isOver: boolean;
}

export type Verdict =
  | { readonly kind: 'pass'; readonly because: Because }
  | { readonly kind: 'wait' }
  | { readonly kind: 'hold'; readonly because: HeldBecause };

/**
 * What becomes of an unexplained removal:
 *
 *   released by a person                    pass
 *   a consistent read explains it           pass
 *   pinned by a person                      hold
 *   not settled, or not read yet            wait
 *   present, forbidden, failed              hold
 *   its slice was deleted, and no other     pass: it is withdrawn
 *     lists it
 *   proved                                  pass, whatever the breaker says
 *   few are unexplained                     pass: it is confirmed
 *   held for as long as it may be           pass: it is confirmed
 *   else                                    hold
 */
export function judge(waiting: Waiting, tripped: boolean): Verdict {
  const { sign, order, answer, proof, hasSubject, settled, isOver } = waiting;
  if (order === 'release') return { kind: 'pass', because: 'released' };
  if (answer?.kind === 'explained') return { kind: 'pass', because: answer.because };
  if (order === 'pin') return { kind: 'hold', because: 'pinned' };
  if (!settled || (hasSubject && answer === undefined)) return { kind: 'wait' };
  if (answer !== undefined && answer.kind !== 'absent' && answer.kind !== 'unchanged') {
    return { kind: 'hold', because: answer.kind };
  }
  if (isWithdrawn({ sign, answer })) return { kind: 'pass', because: 'withdrawn' };
  if (proof !== undefined) return { kind: 'pass', because: proof };
  if (tripped && !isOver) return { kind: 'hold', because: 'limit' };
  return { kind: 'pass', because: 'confirmed' };
}

/** Its EndpointSlice was deleted, and no other lists it: whoever deleted it does not ask any more. */
export const isWithdrawn = ({ sign, answer }: Pick<Waiting, 'sign' | 'answer'>): boolean =>
  sign === 'unlisted' && answer?.kind === 'absent';
