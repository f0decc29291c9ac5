/** The right to use one connection, until disposed of. */
export interface Slot extends Disposable {
  /** Whether other members need it too: keep it only briefly. Fixed when the slot is granted. */
  readonly contended: boolean;
  /** Aborts when another member needs a slot that was not contended: give it back and ask again. */
  readonly preempted: AbortSignal;
}

/** A user of the budget, who takes one slot at a time, again and again, until disposed of. */
export interface Member extends Disposable {
  /** Waits for a slot; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<Slot>;
}

/**
 * Shares few connections among many long polls.
 *
 * - At most `limit` slots are in use at any time.
 * - Slots are granted in the order in which they were asked for.
 * - With no more members than slots, no slot is contended.
 * - With more members, every new slot is contended, so that all members get their turn. For each member that has to
 *   wait, one of the earlier slots is preempted, the oldest first.
 */
export class ConnectionBudget {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  readonly #preemptible = new Set<AbortController>();
  #members = 0;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  join(): Member {
    this.#members += 1;
    let left = false;
    return {
      acquire: (signal) => this.#acquire(signal),
      [Symbol.dispose]: () => {
        if (!left) this.#members -= 1;
        left = true;
      },
    };
  }

  async #acquire(signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted();
    if (this.#taken < this.#limit) this.#taken += 1;
    else await this.#turn(signal);
    return this.#slot();
  }

  /** Resolves when a slot that was given back is granted to this caller. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const proceed = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(proceed);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(proceed);
      const [oldest] = this.#preemptible;
      if (oldest !== undefined) {
        this.#preemptible.delete(oldest);
        oldest.abort();
      }
    });
  }

  #slot(): Slot {
    const preemption = new AbortController();
    const contended = this.#members > this.#limit;
    if (!contended) this.#preemptible.add(preemption);
    let held = true;
    return {
      contended,
      preempted: preemption.signal,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#preemptible.delete(preemption);
        const [next] = this.#waiting;
        if (next === undefined) {
          this.#taken -= 1;
          return;
        }
        this.#waiting.delete(next);
        next();
      },
    };
  }
}
