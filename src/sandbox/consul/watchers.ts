import type { Clock } from '../../lib/clock.ts';

export type Wake = 'changed' | 'timeout' | 'abandoned';

/** Those who wait for a change: blocking queries, each on the topics its last reading depended on. */
export class Watchers {
  readonly #clock: Clock;
  readonly #byTopic = new Map<string, Set<(wake: Wake) => void>>();
  readonly #all = new Set<(wake: Wake) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#all.size;
  }

  fire(topics: Iterable<string>): void {
    for (const topic of topics) {
      for (const wake of [...(this.#byTopic.get(topic) ?? [])]) wake('changed');
    }
  }

  /** The whole state was replaced: nobody's topics mean anything any more. */
  abandon(): void {
    for (const wake of [...this.#all]) wake('abandoned');
  }

  /** Waits for one of the topics, at most until `deadline` (the clock's `now()`); rejects when aborted. */
  wait(topics: ReadonlySet<string>, deadline: number, signal: AbortSignal): Promise<Wake> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const done = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', onAbort);
        this.#all.delete(wake);
        for (const topic of topics) this.#leave(topic, wake);
      };
      const wake = (reason: Wake) => {
        done();
        resolve(reason);
      };
      const onAbort = () => {
        done();
        reject(signal.reason);
      };
      const timer = this.#clock.schedule(deadline - this.#clock.now(), () => wake('timeout'));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#all.add(wake);
      for (const topic of topics) this.#join(topic, wake);
    });
  }

  #join(topic: string, wake: (reason: Wake) => void): void {
    const waiting = this.#byTopic.get(topic);
    if (waiting === undefined) this.#byTopic.set(topic, new Set([wake]));
    else waiting.add(wake);
  }

  #leave(topic: string, wake: (reason: Wake) => void): void {
    const waiting = this.#byTopic.get(topic);
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#byTopic.delete(topic);
  }
}
