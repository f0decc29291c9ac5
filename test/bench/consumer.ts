import { json, now } from './json-request.ts';

interface Health {
  readonly Service: { readonly ID: string; readonly Address: string };
  readonly Checks: readonly { readonly ServiceID: string; readonly Status: string }[];
}

/** Follows one service by blocking queries, as a consumer does, and says when a status was first seen. */
export class Consumer {
  readonly #waiting = new Map<string, (seenAt: number) => void>();
  #index = 1;

  /** Resolves with the moment, as now(), at which the instance at `address` is seen with this status. */
  see(address: string, status: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${address} ${status}`, resolve));
  }

  /** Runs until the signal aborts. */
  async follow(origin: string, service: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const target = `/v1/health/service/${service}?index=${this.#index}&wait=30s`;
      const { value, index } = await json<Health[]>(origin, target).catch(() => ({ value: [], index: 0 }));
      const at = now();
      this.#index = Math.max(1, index);
      for (const { Service, Checks } of value) {
        const status = Checks.find(({ ServiceID }) => ServiceID === Service.ID)?.Status;
        const key = `${Service.Address} ${status}`;
        this.#waiting.get(key)?.(at);
        this.#waiting.delete(key);
      }
    }
  }
}
