import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpRequest, Transport } from '../../lib/transport.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
}

export interface Listener extends AsyncDisposable {
  /** `http://127.0.0.1:8001`, without a path. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Puts a server that is reached through a transport on a socket, for clients in other processes. */
export async function listen(core: Transport, options: ListenOptions = {}): Promise<Listener> {
  const { host = '127.0.0.1', port = 0 } = options;
  const server = createServer((incoming, outgoing) => void exchange(core, incoming, outgoing));
  // Watches stay open for as long as they like.
  server.requestTimeout = 0;
  server.listen(port, host);
  await once(server, 'listening');
  const { address, family, port: bound } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const authority = family === 'IPv6' ? `[${address}]:${bound}` : `${address}:${bound}`;
  return { origin: `http://${authority}`, close, [Symbol.asyncDispose]: close };
}

async function exchange(core: Transport, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const left = new AbortController();
  outgoing.once('close', () => left.abort());
  try {
    const body = await readBody(incoming);
    const response = await core.request({
      method: (incoming.method ?? 'GET') as HttpRequest['method'],
      path: incoming.url ?? '/',
      headers: singleValues(incoming),
      ...(body === '' ? {} : { body }),
      signal: left.signal,
      headersTimeoutMs: 0,
      bodyTimeoutMs: 0,
    });
    outgoing.writeHead(response.status, response.headers);
    outgoing.flushHeaders();
    for await (const chunk of response.body) {
      if (!outgoing.write(chunk)) await once(outgoing, 'drain', { signal: left.signal });
    }
    outgoing.end();
  } catch {
    // The core broke the connection, or the client left: either way this is the end of it.
    outgoing.destroy();
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function singleValues(incoming: IncomingMessage): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}
