import { RegistrarError } from '../lib/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../lib/transport.ts';

/**
 * One transport over several servers. A request goes to the server that answered last; when that one
 * cannot be reached, the next is tried, once round. A server that answers 5xx gives its answer, but the
 * next request starts at the next server: it may be cut off from its leader.
 *
 * A blocking query is not sent again: whoever waits decides where and how long to wait next.
 *
 * A request may therefore reach Consul twice. What the operator writes bears that: it is idempotent or
 * a compare-and-set whose refusal leads to a fresh reading.
 */
export class FailoverTransport implements Transport {
  readonly #servers: readonly Transport[];
  #current = 0;

  constructor(servers: readonly Transport[]) {
    if (servers.length === 0) throw new RegistrarError('config', 'no Consul server address');
    this.#servers = servers;
  }

  /** Which of the servers, by its place in the list, the next request goes to. */
  get current(): number {
    return this.#current;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    let last: RegistrarError | undefined;
    for (let tried = 0; tried < this.#servers.length; tried += 1) {
      const current = this.#current;
      try {
        const response = await this.#servers[current]!.request(request);
        if (response.status >= 500) this.#leave(current);
        return response;
      } catch (thrown) {
        last = RegistrarError.from(thrown);
        const late = last.code === 'timeout' || isTimeout(request.signal.reason);
        if (last.code === 'unreachable' || late) this.#leave(current);
        // A server that is silent has used up the time there was.
        if (last.code !== 'unreachable' || request.waits === true || request.signal.aborted) throw last;
      }
    }
    throw last;
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  /** Unless another request has left it already. */
  #leave(server: number): void {
    if (this.#current === server) this.#current = (server + 1) % this.#servers.length;
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof RegistrarError && reason.code === 'timeout';
}
