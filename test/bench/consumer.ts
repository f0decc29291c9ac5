import { setTimeout as sleep } from 'node:timers/promises';
import { json, now } from './json-request.ts';

interface Health {
  readonly Service: { readonly ID: string; readonly Address: string };
  readonly Checks: readonly { readonly ServiceID: string; readonly Status: string }[];
}

/** Follows one service by blocking queries, as a consumer does, and says when a status was first seen. */
export class Consumer {
  readonly #waiting = new Map<string, (seenAt: number) => void>();
  #index = 1;
  #passing = 0;
  #leastPassing = 0;

  /** Resolves with the moment, as now(), at which the instance at `address` is seen with this status. */
  see(address: string, status: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${address} ${status}`, resolve));
  }

  /** Instances of which every check passes, as last seen; they are the least from now on. */
  countPassing(): number {
    this.#leastPassing = this.#passing;
    return this.#passing;
  }

  /** The least that were seen at one time since countPassing(). */
  get leastPassing(): number {
    return this.#leastPassing;
  }

  /** Runs until the signal aborts. */
  async follow(origin: string, service: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const target = `/v1/health/service/${service}?stale&index=${this.#index}&wait=30s`;
      const answer = await json<Health[]>(origin, target).catch(() => undefined);
      if (answer === undefined) {
        this.#index = 1;
        await sleep(20);
        continue;
      }
      const at = now();
      this.#index = Math.max(1, answer.index);
      let passing = 0;
      for (const { Service, Checks } of answer.value) {
        if (Checks.every(({ Status }) => Status === 'passing')) passing += 1;
        const status = Checks.find(({ ServiceID }) => ServiceID === Service.ID)?.Status;
        const key = `${Service.Address} ${status}`;
        this.#waiting.get(key)?.(at);
        this.#waiting.delete(key);
      }
      this.#passing = passing;
      this.#leastPassing = Math.min(this.#leastPassing, passing);
    }
  }
}
