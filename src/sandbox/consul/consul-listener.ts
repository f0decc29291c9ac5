import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConsulServer } from './consul-server.ts';
import { ConnectionReset } from './faults.ts';
import type { ConsulAnswer, ConsulRequest } from './http.ts';
import { parseTarget } from './sandbox-transport.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** The in-memory server on a socket, so that curl and other clients reach it. */
export class ConsulListener implements AsyncDisposable {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  /** Rejects when the address cannot be listened on. */
  static async start(
    server: ConsulServer,
    { host = '127.0.0.1', port = 0 }: ListenOptions = {},
  ): Promise<ConsulListener> {
    const http = createServer((incoming, outgoing) => void serve(server, incoming, outgoing));
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, () => {
        http.off('error', reject);
        resolve();
      });
    });
    return new ConsulListener(http);
  }

  /** `http://host:port` */
  get origin(): string {
    const { address, family, port } = this.#http.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Closes every connection, blocked queries included. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeAllConnections();
    await closed;
  }
}

async function serve(
  server: ConsulServer,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  try {
    const request = await requestOf(incoming, gone.signal);
    send(outgoing, await server.handle(request));
  } catch (thrown) {
    if (gone.signal.aborted) return;
    if (thrown instanceof ConnectionReset) incoming.socket.resetAndDestroy();
    else
      send(outgoing, { status: thrown instanceof URIError ? 400 : 500, headers: {}, body: String(thrown) });
  }
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<ConsulRequest> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const);
  return {
    method: incoming.method ?? 'GET',
    ...parseTarget(incoming.url ?? '/'),
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
    signal,
  };
}

function send(outgoing: ServerResponse, { status, headers, body, truncated }: ConsulAnswer): void {
  const bytes = Buffer.from(body);
  const length = truncated === true ? bytes.byteLength * 2 + 1 : bytes.byteLength;
  outgoing.writeHead(status, { ...headers, 'content-length': String(length) });
  if (truncated === true) outgoing.write(bytes, () => outgoing.destroy());
  else outgoing.end(bytes);
}
