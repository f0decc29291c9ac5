import { ConnectionReset } from './faults.ts';
import type { ConsulAnswer } from './http.ts';

export interface ConnectionLimitOptions {
  /** `http_max_conns_per_client`. Default 200. */
  readonly most?: number;
  /** What the excess meets: 429 as in Consul 1.22, a reset as in 1.8. Default 429. */
  readonly excess?: '429' | 'reset';
}

/** What Consul writes on a connection that is one too many, before it closes it. */
export const tooManyConnections =
  'Your IP is issuing too many concurrent connections, please rate limit your calls\n';

/** Counts the connections of each client address. In memory every exchange under way is a connection. */
export class ConnectionLimit {
  /** `http_max_conns_per_client`; may be changed at any time. */
  most: number;
  readonly #excess: '429' | 'reset';
  readonly #open = new Map<string, number>();

  constructor({ most = 200, excess = '429' }: ConnectionLimitOptions = {}) {
    this.most = most;
    this.#excess = excess;
  }

  /** Connections of an address now. */
  open(address: string): number {
    return this.#open.get(address) ?? 0;
  }

  /** Answers over one connection of the address. Rejects with a ConnectionReset. */
  async exchange(address: string, answer: () => Promise<ConsulAnswer>): Promise<ConsulAnswer> {
    if (this.open(address) >= this.most) {
      if (this.#excess === 'reset') throw new ConnectionReset('connection reset');
      return { status: 429, headers: { 'content-type': 'text/plain' }, body: tooManyConnections };
    }
    this.#open.set(address, this.open(address) + 1);
    try {
      return await answer();
    } finally {
      this.#open.set(address, this.open(address) - 1);
    }
  }
}
