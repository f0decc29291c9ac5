import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** One identity's connections, and how many exchanges run over them. */
interface Generation {
  readonly identity: unknown;
  readonly transport: Transport;
  running: number;
  retired: boolean;
}

/**
 * Connections that are opened anew when the identity they are made with changes. New exchanges go over the new
 * connections. Exchanges under way, such as a watch, end on the old ones, which close after the last exchange.
 */
export class RotatingPool {
  readonly #generations = new Set<Generation>();

  /** Sends over the connections of this identity (compared by ===), opened if the last one was another. */
  async request(identity: unknown, open: () => Transport, request: HttpRequest): Promise<HttpResponse> {
    const generation = this.#generation(identity, open);
    generation.running += 1;
    try {
      const response = await generation.transport.request(request);
      return { ...response, body: this.#untilRead(generation, response.body) };
    } catch (thrown) {
      this.#ended(generation);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#generations].map(({ transport }) => transport.close()));
    this.#generations.clear();
  }

  #generation(identity: unknown, open: () => Transport): Generation {
    for (const generation of this.#generations) {
      if (generation.identity === identity && !generation.retired) return generation;
    }
    for (const generation of this.#generations) {
      generation.retired = true;
      this.#closeIfDrained(generation);
    }
    const generation = { identity, transport: open(), running: 0, retired: false };
    this.#generations.add(generation);
    return generation;
  }

  async *#untilRead(generation: Generation, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } finally {
      this.#ended(generation);
    }
  }

  #ended(generation: Generation): void {
    generation.running -= 1;
    this.#closeIfDrained(generation);
  }

  #closeIfDrained(generation: Generation): void {
    if (!generation.retired || generation.running > 0 || !this.#generations.delete(generation)) return;
    // Nothing runs over it any more, so a failure to close it concerns nobody.
    generation.transport.close().catch(() => {});
  }
}

/** A transport made with settings that change, such as a certificate. The same object means: unchanged. */
export class RotatingTransport<Settings extends object> implements Transport {
  readonly #settings: () => Settings;
  readonly #open: (settings: Settings) => Transport;
  readonly #pool = new RotatingPool();

  constructor(settings: () => Settings, open: (settings: Settings) => Transport) {
    this.#settings = settings;
    this.#open = open;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const settings = this.#settings();
    return this.#pool.request(settings, () => this.#open(settings), request);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
