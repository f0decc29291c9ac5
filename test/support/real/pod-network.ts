/**
 * Pods that answer at addresses that this machine does not have: a program that connects through this SOCKS4 proxy
 * reaches them. EndpointSlices take no loopback addresses, at which a test could listen itself.
 */
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const request = { version: 4, connect: 1, headerLength: 8 };
const answers = { granted: 0x5a, rejected: 0x5b };

export class PodNetwork implements AsyncDisposable {
  /** Pods that answer, by address. */
  readonly addresses = new Set<string>();
  readonly port: number;
  readonly #proxy: Server;
  readonly #pods: HttpServer;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<PodNetwork> {
    const proxy = createServer();
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    return new PodNetwork(proxy);
  }

  /** Use `start`. */
  constructor(proxy: Server) {
    this.#proxy = proxy;
    this.port = (proxy.address() as AddressInfo).port;
    this.#pods = createHttpServer((_request, response) => {
      response.writeHead(200, { connection: 'close' });
      response.end('ok');
    });
    proxy.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      socket.once('data', (first) => this.#connect(socket, first));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#proxy.close();
    await once(this.#proxy, 'close');
  }

  /** The request, a user's name that ends with a zero byte, and perhaps what is sent already. */
  #connect(socket: Socket, first: Buffer): void {
    const end = first.indexOf(0, request.headerLength);
    const isRequest = end >= 0 && first[0] === request.version && first[1] === request.connect;
    const address = first.subarray(4, 8).join('.');
    const isThere = isRequest && this.addresses.has(address);
    socket.write(Buffer.from([0, isThere ? answers.granted : answers.rejected, 0, 0, 0, 0, 0, 0]));
    if (!isThere) {
      socket.end();
      return;
    }
    if (first.length > end + 1) socket.unshift(first.subarray(end + 1));
    this.#pods.emit('connection', socket);
  }
}
