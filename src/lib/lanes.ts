import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** One identity's connections and the exchanges running over them. */
interface Lane {
  readonly identity: unknown;
  readonly transport: Transport;
  running: number;
  retired: boolean;
}

/**
 * Connections that are opened anew when the identity they are made with changes: what begins then goes over
 * the new ones, what is under way, such as a watch, ends on the old ones, which close after the last.
 */
export class Lanes {
  readonly #lanes = new Set<Lane>();

  /** Sends over the connections of this identity (compared by ===), opened if the last one was another. */
  async request(identity: unknown, open: () => Transport, request: HttpRequest): Promise<HttpResponse> {
    const lane = this.#lane(identity, open);
    lane.running += 1;
    try {
      const response = await lane.transport.request(request);
      return { ...response, body: this.#untilLeft(lane, response.body) };
    } catch (thrown) {
      this.#left(lane);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes].map(({ transport }) => transport.close()));
    this.#lanes.clear();
  }

  #lane(identity: unknown, open: () => Transport): Lane {
    for (const lane of this.#lanes) {
      if (lane.identity === identity && !lane.retired) return lane;
    }
    for (const lane of this.#lanes) {
      lane.retired = true;
      this.#closeIfDrained(lane);
    }
    const lane = { identity, transport: open(), running: 0, retired: false };
    this.#lanes.add(lane);
    return lane;
  }

  async *#untilLeft(lane: Lane, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } finally {
      this.#left(lane);
    }
  }

  #left(lane: Lane): void {
    lane.running -= 1;
    this.#closeIfDrained(lane);
  }

  #closeIfDrained(lane: Lane): void {
    if (!lane.retired || lane.running > 0 || !this.#lanes.delete(lane)) return;
    // Nothing runs over it any more, so there is nobody to tell if closing fails.
    lane.transport.close().catch(() => {});
  }
}

/** A transport made with settings that change, such as a certificate: the same object = nothing changed. */
export class RotatingTransport<Settings extends object> implements Transport {
  readonly #settings: () => Settings;
  readonly #open: (settings: Settings) => Transport;
  readonly #lanes = new Lanes();

  constructor(settings: () => Settings, open: (settings: Settings) => Transport) {
    this.#settings = settings;
    this.#open = open;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const settings = this.#settings();
    return this.#lanes.request(settings, () => this.#open(settings), request);
  }

  close(): Promise<void> {
    return this.#lanes.close();
  }
}
