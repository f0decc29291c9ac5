import type { Clock } from '../../lib/clock.ts';
import { parseDuration } from './duration.ts';
import type { SessionRow } from './rows.ts';
import { deleteSession } from './session-writes.ts';
import type { Store } from './store.ts';

/** Consul lets a session live twice its TTL, so that a renewal on its way still finds it. */
const grace = 2;

/** The leader's timers for sessions with a TTL. */
export class SessionTimers implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #timers = new Map<string, Disposable>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Starts a session's time, or starts it over. */
  reset(session: SessionRow): void {
    this.clear(session.ID);
    const ttl = parseDuration(session.TTL) ?? 0;
    if (ttl <= 0) return;
    const timer = this.#clock.schedule(ttl * grace, () => this.#expire(session.ID));
    this.#timers.set(session.ID, timer);
  }

  clear(id: string): void {
    this.#timers.get(id)?.[Symbol.dispose]();
    this.#timers.delete(id);
  }

  /** A new leader, or a restored state: every session gets its whole time again. */
  resetAll(): void {
    this[Symbol.dispose]();
    for (const session of this.#store.sessions.list()) this.reset(session);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #expire(id: string): void {
    this.#timers.delete(id);
    if (this.#store.sessions.get(id) === undefined) return;
    this.#store.apply((write) => deleteSession(this.#store, write, id));
  }
}
