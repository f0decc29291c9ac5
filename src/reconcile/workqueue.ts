import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { Wakeup } from '../lib/wakeup.ts';

/** `urgent`: something happened. `background`: a start or a periodic comparison asks for a review. */
export type Priority = 'urgent' | 'background';

/** A key handed out, to be given back with `done()`. */
export interface Taken<Key> {
  readonly key: Key;
  /** `clock.now()` of the oldest event this hand-out answers; undefined when only the background asked. */
  readonly since: number | undefined;
}

export interface WorkqueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bounds of the wait of a key that failed, in milliseconds. Defaults 200 and 30,000. */
  readonly initialRetryMs?: number;
  readonly maxRetryMs?: number;
}

interface Entry {
  priority: Priority;
  since: number | undefined;
}

interface Failure {
  readonly backoff: Backoff;
  timer: Disposable | undefined;
  /** Until its retry is due; undefined while the key waits or is taken. */
  entry: Entry | undefined;
}

/**
 * A queue of keys, never of events, after client-go's util/workqueue:
 *
 * - a key added many times before it is taken is handed out once, for its oldest event;
 * - a key is never handed out twice at the same time: added while it is taken, it comes back after `done()`;
 * - urgent keys come before background keys, each priority in the order of its first `add()`;
 * - a key that failed comes back by itself after a wait of its own that grows with every failure, or at
 *   once when it is added again;
 * - a key added for later comes in the background when its time is over, or with its retry when it has failed.
 *   Of several times for one key only the first counts, so whoever handles the key asks again for a later one.
 *   `add()` leaves the time as it is.
 */
export class Workqueue<Key> implements Disposable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #retry: { readonly initialMs: number; readonly maxMs: number };
  readonly #waiting: Record<Priority, Map<Key, Entry>> = { urgent: new Map(), background: new Map() };
  readonly #taken = new Map<Key, Taken<Key>>();
  /** Keys added while taken. */
  readonly #again = new Map<Key, Entry>();
  readonly #failures = new Map<Key, Failure>();
  /** Keys added for later, `at`: `clock.now()`. */
  readonly #later = new Map<Key, { readonly at: number; readonly timer: Disposable }>();
  readonly #wakeup: Wakeup;

  constructor({ clock, random, initialRetryMs = 200, maxRetryMs = 30_000 }: WorkqueueOptions) {
    this.#clock = clock;
    this.#wakeup = new Wakeup(clock);
    this.#random = random;
    this.#retry = { initialMs: initialRetryMs, maxMs: maxRetryMs };
  }

  /** Marks `key` for a review. `since`: when what asks for it was received, `clock.now()`. */
  add(key: Key, priority: Priority = 'background', since?: number): void {
    if (this.#taken.has(key)) {
      const entry = this.#again.get(key);
      this.#again.set(key, merged(entry, { priority, since }));
      return;
    }
    this.#enqueue(key, { priority, since });
  }

  /** Marks `key` for a review in the background after `ms`, unless one is due sooner. */
  addAfter(key: Key, ms: number): void {
    const at = this.#clock.now() + ms;
    const before = this.#later.get(key);
    if (before !== undefined && before.at <= at) return;
    before?.timer[Symbol.dispose]();
    const timer = this.#clock.schedule(ms, () => {
      this.#later.delete(key);
      // A key that failed comes by itself, and no sooner than its backoff says.
      if (this.#failures.get(key)?.timer === undefined) this.add(key);
    });
    this.#later.set(key, { at, timer });
  }

  /** Keys that wait to be taken, retries and keys for later that are not yet due left out. */
  get depth(): number {
    return this.#waiting.urgent.size + this.#waiting.background.size;
  }

  /** Keys handed out and not yet done. */
  get busy(): number {
    return this.#taken.size;
  }

  /** Keys whose last attempt failed. */
  get failing(): number {
    return this.#failures.size;
  }

  /** Milliseconds the oldest event has been waiting; 0 when none waits. */
  get oldestMs(): number {
    let oldest: number | undefined;
    for (const { since } of this.#waiting.urgent.values()) {
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest === undefined ? 0 : this.#clock.now() - oldest;
  }

  /** Keys with an event that is not answered yet: they wait, are taken, or are retried later. */
  get unanswered(): { readonly count: number; readonly oldestMs: number } {
    const oldest = new Map<Key, number>();
    const note = (key: Key, since: number | undefined) => {
      if (since !== undefined) oldest.set(key, Math.min(since, oldest.get(key) ?? since));
    };
    for (const [key, { since }] of this.#waiting.urgent) note(key, since);
    for (const [key, { since }] of this.#taken) note(key, since);
    for (const [key, { since }] of this.#again) note(key, since);
    for (const [key, { entry }] of this.#failures) note(key, entry?.since);
    let first = this.#clock.now();
    for (const since of oldest.values()) if (since < first) first = since;
    return { count: oldest.size, oldestMs: this.#clock.now() - first };
  }

  /** Resolves when a key can be taken; rejects when the signal aborts. One waiter at a time. */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.depth === 0) await this.#wakeup.wait(undefined, signal);
  }

  /** The next key, or undefined when none waits. */
  take(): Taken<Key> | undefined {
    for (const waiting of [this.#waiting.urgent, this.#waiting.background]) {
      for (const [key, { since }] of waiting) {
        waiting.delete(key);
        const taken = { key, since };
        this.#taken.set(key, taken);
        return taken;
      }
    }
    return undefined;
  }

  /**
   * Gives a key back. `failed` brings it again after its backoff, no sooner than `retryAfterMs`, and keeps
   * the age of the event that is still unanswered.
   */
  done(key: Key, outcome: 'ok' | 'failed', retryAfterMs = 0): void {
    const taken = this.#taken.get(key);
    if (taken === undefined) return;
    this.#taken.delete(key);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (outcome === 'ok') {
      this.#forget(key);
      if (again) this.#enqueue(key, again);
      return;
    }
    const entry = merged(again, {
      priority: taken.since === undefined ? 'background' : 'urgent',
      since: taken.since,
    });
    this.#retryLater(key, entry, retryAfterMs);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#failures.values()) timer?.[Symbol.dispose]();
    for (const { timer } of this.#later.values()) timer[Symbol.dispose]();
    this.#failures.clear();
    this.#later.clear();
  }

  #enqueue(key: Key, entry: Entry): void {
    const { urgent, background } = this.#waiting;
    const waiting = urgent.get(key) ?? background.get(key);
    const wanted = merged(waiting, entry);
    if (waiting?.priority === 'background' && wanted.priority === 'urgent') background.delete(key);
    this.#waiting[wanted.priority].set(key, wanted);
    const failure = this.#failures.get(key);
    if (failure !== undefined) {
      failure.timer?.[Symbol.dispose]();
      failure.timer = undefined;
      failure.entry = undefined;
    }
    this.#wakeup.notify();
  }

  #retryLater(key: Key, entry: Entry, retryAfterMs: number): void {
    const failure = this.#failures.get(key) ?? {
      backoff: new Backoff({ ...this.#retry, random: this.#random }),
      timer: undefined,
      entry: undefined,
    };
    failure.entry = entry;
    failure.timer = this.#clock.schedule(failure.backoff.next(retryAfterMs), () => this.#enqueue(key, entry));
    this.#failures.set(key, failure);
  }

  #forget(key: Key): void {
    this.#failures.get(key)?.timer?.[Symbol.dispose]();
    this.#failures.delete(key);
  }
}

/** The higher priority and the older event of two requests for one key. */
function merged(a: Entry | undefined, b: Entry): Entry {
  if (a === undefined) return b;
  const since =
    a.since === undefined ? b.since : b.since === undefined ? a.since : Math.min(a.since, b.since);
  return { priority: a.priority === 'urgent' || b.priority === 'urgent' ? 'urgent' : 'background', since };
}
