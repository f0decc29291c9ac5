import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';

export interface SeparateTransports {
  /** Whatever is not a GET. */
  readonly writes: Transport;
  /** Answers that come at once. */
  readonly reads: Transport;
  /** Blocking queries. */
  readonly waits: Transport;
}

/** One transport whose writes, reads and waits never stand in each other's way. */
export class SeparateTransport implements Transport {
  readonly #transports: SeparateTransports;

  constructor(transports: SeparateTransports) {
    this.#transports = transports;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const { writes, reads, waits } = this.#transports;
    if (request.waits === true) return waits.request(request);
    return (request.method === 'GET' ? reads : writes).request(request);
  }

  async close(): Promise<void> {
    const { writes, reads, waits } = this.#transports;
    await Promise.all([writes.close(), reads.close(), waits.close()]);
  }
}
