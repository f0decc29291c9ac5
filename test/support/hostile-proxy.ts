/** A server in front of another one that answers badly, and repeats to its client what the client sent. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { HttpRequest, Transport } from '../../src/lib/transport.ts';

/**
 * - `fair`       what the server behind it answers
 * - a number     this status
 * - `an-hour`    429 and 503 in turn, both asking to be left alone for an hour
 * - `tiny-limit` 413 to every transaction, with a limit that no Consul has; all else is fair
 * - `drip`       a body that comes byte by byte and never ends
 *
 * The others are 200.
 */
export type Weather =
  | 'fair'
  | 'not-json'
  | 'odd-json'
  | 'cut'
  | 'reset'
  | 'an-hour'
  | 'tiny-limit'
  | 'drip'
  | 400
  | 401
  | 403
  | 404
  | 429
  | 500;

export interface HostileProxyOptions {
  readonly target: Transport;
  /** Default: plain HTTP. */
  readonly tls?: ServerOptions;
  /** Answers by itself, whatever the weather: a body, or undefined. */
  readonly own?: (request: Pick<HttpRequest, 'method' | 'path'>) => string | undefined;
}

export class HostileProxy implements AsyncDisposable {
  /** Requests that were answered badly. */
  spoilt = 0;
  readonly #options: HostileProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #weather: Weather = 'fair';

  static async start(options: HostileProxyOptions): Promise<HostileProxy> {
    const proxy = new HostileProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(options: HostileProxyOptions) {
    this.#options = options;
    const listener = (incoming: IncomingMessage, outgoing: ServerResponse) =>
      void this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  /** From now on; what is open is broken off, unless it is kept, so that nobody sits it out in a watch. */
  turn(weather: Weather, { keepOpen = false }: { readonly keepOpen?: boolean } = {}): void {
    this.#weather = weather;
    this.spoilt = 0;
    if (keepOpen) return;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const { method, url: path = '/', headers } = incoming;
    const request = { method: method as HttpRequest['method'], path };
    const weather = this.#weather;
    if (weather === 'fair' || (weather === 'tiny-limit' && !path.startsWith('/v1/txn'))) {
      const own = this.#options.own?.(request);
      if (own !== undefined) outgoing.end(own);
      else await this.#forward({ ...request, body }, headers, outgoing);
      return;
    }
    this.spoilt += 1;
    const authorization = headers.authorization ?? '';
    const token = String(headers['x-consul-token'] ?? '');
    // What matters comes first: people cut long texts.
    const echo = `${authorization} ${token} ${body} ${JSON.stringify(headers)}`;
    switch (weather) {
      case 'reset':
        return void incoming.socket.resetAndDestroy();
      case 'cut':
        outgoing.writeHead(200, { 'content-length': String(echo.length * 2) });
        return void outgoing.write(echo, () => outgoing.destroy());
      case 'not-json':
        return void outgoing.end(echo);
      case 'odd-json':
        return void outgoing.end(JSON.stringify({ [token || authorization]: echo, message: echo }));
      case 'an-hour':
        outgoing.writeHead(this.spoilt % 2 === 0 ? 429 : 503, { 'retry-after': '3600' });
        return void outgoing.end('come back in an hour');
      case 'tiny-limit':
        return void outgoing.writeHead(413).end('Transaction contains too many operations (128 > 1)');
      case 'drip': {
        outgoing.writeHead(200, { 'content-type': 'application/json' });
        const dripping = setInterval(() => outgoing.write(' '), 100);
        outgoing.once('close', () => clearInterval(dripping));
        return;
      }
      default:
        outgoing.writeHead(weather, { 'content-type': 'application/json', 'retry-after': '1' });
        return void outgoing.end(
          JSON.stringify({ message: echo, kind: 'Status', status: 'Failure', reason: echo, code: weather }),
        );
    }
  }

  async #forward(
    request: Pick<HttpRequest, 'method' | 'path' | 'body'>,
    headers: IncomingMessage['headers'],
    outgoing: ServerResponse,
  ): Promise<void> {
    const left = new AbortController();
    outgoing.once('close', () => left.abort());
    const { body, ...rest } = request;
    const response = await this.#options.target.request({
      ...rest,
      ...(body === '' || body === undefined ? {} : { body }),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      signal: left.signal,
    });
    const { 'transfer-encoding': _, ...kept } = response.headers;
    outgoing.writeHead(response.status, kept);
    outgoing.flushHeaders();
    for await (const chunk of response.body) outgoing.write(chunk);
    outgoing.end();
  }
}
