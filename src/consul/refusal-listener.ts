import type { Clock } from '../lib/clock.ts';
import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';

export interface RefusalListenerOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Consul answered 429 to a request sent at `askedAt`: too many connections from this address, or requests. */
  readonly onRefused: (askedAt: number) => void;
}

/** A transport that reports when the server finds that it is asked too much. */
export class RefusalListener implements Transport {
  readonly #options: RefusalListenerOptions;

  constructor(options: RefusalListenerOptions) {
    this.#options = options;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const { transport, clock, onRefused } = this.#options;
    const askedAt = clock.now();
    const response = await transport.request(request);
    if (response.status === 429) onRefused(askedAt);
    return response;
  }

  close(): Promise<void> {
    return this.#options.transport.close();
  }
}
