/** Leave to keep one connection busy, until disposed of. */
export interface Slot extends Disposable {
  /** Whether others wait for their turn: hold it shortly. Fixed when the slot was given. */
  readonly contended: boolean;
  /** Aborts when a slot that was not contended has become so: give it back, and queue again. */
  readonly preempted: AbortSignal;
}

/** A party that takes one slot at a time, again and again, until disposed of. */
export interface Member extends Disposable {
  /** Waits for a slot; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<Slot>;
}

/**
 * Shares few connections among many long polls.
 *
 * - No more than `limit` slots are out at any time.
 * - Slots are given in the order they were asked for.
 * - With no more members than slots nobody is hurried.
 * - With more members every slot is given contended, so that all have their turn; of those given before,
 *   one is called back for every member that has to wait, the oldest first.
 */
export class ConnectionBudget {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  readonly #unhurried = new Set<AbortController>();
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

  /** Resolves when a slot that was given back has been handed on to this caller. */
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
      const [oldest] = this.#unhurried;
      if (oldest !== undefined) {
        this.#unhurried.delete(oldest);
        oldest.abort();
      }
    });
  }

  #slot(): Slot {
    const preemption = new AbortController();
    const contended = this.#members > this.#limit;
    if (!contended) this.#unhurried.add(preemption);
    let held = true;
    return {
      contended,
      preempted: preemption.signal,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#unhurried.delete(preemption);
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
