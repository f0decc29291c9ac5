import type { Clock } from '../../lib/clock.ts';
import { jittered, type Random } from '../../lib/random.ts';
import { type EntryRef, entryKey } from '../../model/entry-ref.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import { type Change, entryOf } from '../../plan/change.ts';
import type { Drift, Held } from '../../plan/finding.ts';
import type { Hold, Reviewed } from './hold.ts';

export interface ConflictBackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Asks for a review of this node after `ms`. Of several requests for one node the first to come counts. */
  readonly reviewAfter: (node: ConsulNodeName, ms: number) => void;
}

/** So many repairs of one entry within the window are a conflict. */
const repairs = 5;
const windowMs = 60_000;
/** Wait before the next repair, in milliseconds ±20 %: the first, doubled with every further one up to the longest. */
const firstWaitMs = 10_000;
const longestWaitMs = 300_000;
/** A conflict is over when nobody has changed the entry for so long after a wait, in milliseconds. */
const calmMs = 60_000;

interface Place {
  readonly at: EntryRef;
  /** Somebody else changed it, and it is not repaired yet. */
  isWrong: boolean;
  driftedAt: number;
  /** When it was repaired, the latest last. */
  repairedAt: readonly number[];
  /** What was last written here, part by part, as text. */
  readonly written: Map<string, string>;
  /** Waits so far; above 0 the place is contended. */
  waits: number;
  /** When its next repair may be made, monotonic ms. */
  heldUntil: number;
}

/**
 * Slows a conflict over an entry down: somebody else changes it, it is repaired, they change
 * it again. After the fifth repair within a minute the next ones wait, longer each time.
 *
 * - Only the repetition waits: what the cluster asks for anew goes out at once, and so does everything else.
 * - The other writer may be an operator like this one: both slow down.
 * - When nobody has changed the entry for a minute after a wait, it is forgotten.
 */
export class ConflictBackoff implements Hold {
  readonly #options: ConflictBackoffOptions;
  readonly #places = new Map<string, Place>();
  #contended = 0;
  #prunedAt = 0;

  constructor(options: ConflictBackoffOptions) {
    this.#options = options;
  }

  /** Somebody else changed an entry. */
  drifted(drift: Drift): void {
    const now = this.#options.clock.now();
    this.#prune(now);
    const at = wholeOf(drift.at);
    const key = entryKey(at);
    const place = this.#places.get(key) ?? newPlace(at);
    place.isWrong = true;
    place.driftedAt = now;
    this.#places.set(key, place);
  }

  /** The operator's own change was committed. */
  committed(change: Change): void {
    const { clock, random, reviewAfter } = this.#options;
    const place = this.#places.get(entryKey(wholeOf(entryOf(change))));
    if (place === undefined) return;
    for (const [part, text] of partsOf(change)) place.written.set(part, text);
    if (!place.isWrong) return;
    const now = clock.now();
    place.isWrong = false;
    place.repairedAt = [...place.repairedAt.filter((at) => at > now - windowMs), now].slice(-repairs);
    if (place.waits === 0 && place.repairedAt.length < repairs) return;
    if (place.waits === 0) this.#contended += 1;
    const waitMs = jittered(Math.min(longestWaitMs, firstWaitMs * 2 ** place.waits), 0.2, random);
    place.waits += 1;
    place.heldUntil = now + waitMs;
    reviewAfter(place.at.node, 0);
  }

  /** The changes that may be written now, and the entries of the node that somebody else keeps changing. */
  review(node: ConsulNodeName, changes: readonly Change[]): Reviewed {
    if (this.#contended === 0) return { changes, held: [] };
    return { changes: this.#unheld(node, changes), held: this.#heldOn(node) };
  }

  #unheld(node: ConsulNodeName, changes: readonly Change[]): readonly Change[] {
    const held = new Set(changes.filter((change) => this.#isHeld(change)));
    // Without the node nothing can be written on it.
    const isNodeMissing = [...held].some(({ kind, ...rest }) => kind === 'put-node' && isCreate(rest));
    if (isNodeMissing) return changes.filter((change) => change.node !== node);
    return changes.filter((change) => !held.has(change));
  }

  /** Forgets the entries that have been calm, and asks for a review when the next wait, or calm, is over. */
  #heldOn(node: ConsulNodeName): readonly Held[] {
    const { clock, reviewAfter } = this.#options;
    const now = clock.now();
    const held: Held[] = [];
    for (const [key, { at, waits, heldUntil }] of this.#places) {
      if (at.node !== node || waits === 0) continue;
      const isWaiting = now < heldUntil;
      const nextAt = isWaiting ? heldUntil : heldUntil + calmMs;
      if (nextAt <= now) {
        this.#places.delete(key);
        this.#contended -= 1;
        continue;
      }
      reviewAfter(node, nextAt - now);
      const until = isWaiting ? clock.wall() + heldUntil - now : undefined;
      held.push({ kind: 'held', by: 'conflict', what: 'write', at, because: 'conflict', until });
    }
    return held;
  }

  #isHeld(change: Change): boolean {
    const place = this.#places.get(entryKey(wholeOf(entryOf(change))));
    if (place === undefined || this.#options.clock.now() >= place.heldUntil) return false;
    return partsOf(change).every(([part, text]) => place.written.get(part) === text);
  }

  /** Forgets what was changed once, long ago. */
  #prune(now: number): void {
    if (now - this.#prunedAt < windowMs) return;
    this.#prunedAt = now;
    for (const [key, { waits, driftedAt }] of this.#places) {
      if (waits === 0 && driftedAt <= now - windowMs) this.#places.delete(key);
    }
  }
}

function newPlace(at: EntryRef): Place {
  return {
    at,
    isWrong: true,
    driftedAt: 0,
    repairedAt: [],
    written: new Map(),
    waits: 0,
    heldUntil: 0,
  };
}

const isCreate = (change: object): boolean => 'effect' in change && change.effect === 'create';

/** The instance of a check; anything else is whole already. */
function wholeOf(at: EntryRef): EntryRef {
  if (at.kind !== 'instance-check') return at;
  const { node, instance, service } = at;
  return { kind: 'instance', node, instance, service };
}

const absent = '';

/** What a change writes, part by part, as text that is equal for equal content. */
function partsOf(change: Change): readonly (readonly [part: string, text: string])[] {
  switch (change.kind) {
    case 'put-node': {
      const { address, taggedAddresses, meta } = change;
      return [['entry', JSON.stringify([address, taggedAddresses, meta])]];
    }
    case 'put-instance': {
      const { checks, ...fields } = change.instance;
      return [
        ['entry', JSON.stringify(fields)],
        ...checks.map((check) => [`check ${check.id}`, JSON.stringify(check)] as const),
      ];
    }
    case 'put-node-check':
    case 'put-check':
      return [[`check ${change.check.id}`, JSON.stringify(change.check)]];
    case 'delete-check':
      return [[`check ${change.check}`, absent]];
    case 'delete-instance':
    case 'delete-node':
      return [['entry', absent]];
  }
}
