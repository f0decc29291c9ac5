import type { HttpRequest, HttpResponse, Transport } from '../../lib/transport.ts';

export interface Writes {
  /** Committed transactions. */
  readonly transactions: number;
  /** Operations in them. */
  readonly operations: number;
}

/** Counts what the operator writes through it. */
export class CountingTransport implements Transport {
  readonly #inner: Transport;
  #writes: Writes = { transactions: 0, operations: 0 };

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get writes(): Writes {
    return this.#writes;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const response = await this.#inner.request(request);
    const { method, path, body = '[]' } = request;
    if (method === 'PUT' && path.startsWith('/v1/txn') && response.status === 200) {
      const { transactions, operations } = this.#writes;
      const { length } = JSON.parse(body) as readonly unknown[];
      this.#writes = { transactions: transactions + 1, operations: operations + length };
    }
    return response;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
