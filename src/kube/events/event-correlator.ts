import type { Clock } from '../../lib/clock.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { ObjectRef } from '../../model/problem.ts';
import type { ObjectEvent } from './object-event.ts';

/** The limits of client-go (tools/record/events_cache.go). They spare the API server and the reader. */
export const eventLimits = {
  /** How many objects, and kinds of Event, are remembered. */
  remembered: 4_096,
  /** Events about one object: this many at once, and then one each so many milliseconds. */
  burst: 25,
  refillMs: 300_000,
  /** More different notes for one object and reason within the window become one Event. */
  alike: 10,
  windowMs: 600_000,
} as const;

/** An Event to be written. Events with the same key are one object with a growing series. */
export interface Correlated {
  readonly key: string;
  readonly event: ObjectEvent;
}

interface Alike {
  readonly since: number;
  readonly notes: Set<string>;
}

interface Bucket {
  tokens: number;
  /** When it was last counted. */
  at: number;
}

/** Decides which Events are written: repetitions become one, many similar ones become one, too many are dropped. */
export class EventCorrelator {
  readonly #clock: Clock;
  readonly #alike = new LruMap<string, Alike>(eventLimits.remembered);
  readonly #buckets = new LruMap<string, Bucket>(eventLimits.remembered);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: there are too many about this object. */
  correlate(event: ObjectEvent): Correlated | undefined {
    const combined = this.#combine(event);
    return this.#mayTell(objectKey(event.regarding)) ? combined : undefined;
  }

  #combine(event: ObjectEvent): Correlated {
    const { regarding, type, reason, action, note } = event;
    const group = [objectKey(regarding), type, reason, action].join('\0');
    const now = this.#clock.now();
    let alike = this.#alike.get(group);
    if (alike === undefined || now - alike.since > eventLimits.windowMs) {
      alike = { since: now, notes: new Set() };
      this.#alike.set(group, alike);
    }
    if (alike.notes.size < eventLimits.alike || alike.notes.has(note)) {
      alike.notes.add(note);
      return { key: `${group}\0${note}`, event };
    }
    return { key: group, event: { ...event, note: `(combined from similar events): ${note}` } };
  }

  #mayTell(object: string): boolean {
    const now = this.#clock.now();
    const { burst, refillMs } = eventLimits;
    const before = this.#buckets.get(object) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + (now - before.at) / refillMs);
    const isAllowed = tokens >= 1;
    this.#buckets.set(object, { tokens: isAllowed ? tokens - 1 : tokens, at: now });
    return isAllowed;
  }
}

const objectKey = ({ kind, namespace, name, uid }: ObjectRef): string =>
  [kind, namespace, name, uid].join('\0');
