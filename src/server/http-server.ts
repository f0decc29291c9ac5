import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Released, Selection } from '../reconcile/guard/guard.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { answerRelease, type ReleaseRequest, releasePath } from './release.ts';
import { type Answer, type MetricsSource, routes } from './routes.ts';
import type { StatusSource } from './status.ts';

export interface StatusServerOptions {
  /** `:8080`, `127.0.0.1:8080`, `[::1]:8080`; port 0 lets the system choose. */
  readonly listen: string;
  readonly source: StatusSource;
  /** A person lets go what is held; default: there is nothing to let go. */
  readonly release?: (selection: Selection) => Released;
  readonly metrics: MetricsSource;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** How long answers on their way may take when the server closes, in milliseconds. */
const closeGraceMs = 2_000;

/** Health, metrics and status over HTTP. */
export interface StatusServer {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly origin: string;
  /** Takes no more connections, lets answers on their way finish (at most 2 s), then resolves. */
  close(): Promise<void>;
}

/** Resolves once it listens; rejects with `config` when it cannot: port in use, address not ours, no right. */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { listen, source, release, metrics, logger, clock } = options;
  const address = parseListenAddress(listen);
  if (address === undefined) throw new RegistrarError('config', `server.listen: "${listen}" is no address`);
  const answer = routes(source, metrics);

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 15_000 });
  server.on('request', async (request, response) => {
    let result: Answer;
    try {
      const isRelease = release !== undefined && request.url === releasePath;
      result = isRelease
        ? await answerRelease(releaseRequest(request), release)
        : await answer(request.method ?? 'GET', request.url ?? '/');
    } catch (thrown) {
      logger.error('request failed', { reason: 'StatusRequestFailed', path: request.url, error: thrown });
      result = {
        status: 500,
        contentType: 'text/plain; charset=utf-8',
        body: 'internal error; see the log\n',
      };
    }
    const { status, contentType, body, headers } = result;
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(server.listening ? {} : { connection: 'close' }),
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });

  await listening(server, address, listen);
  // Faults of single connections; without a listener they would end the process.
  server.on('error', (error) => logger.warn('server error', { reason: 'StatusServerError', error }));
  return { origin: originOf(server), close: () => close(server, clock) };
}

/** Nobody selects more than fits in this, bytes. */
const maxBodyBytes = 1024 * 1024;

function releaseRequest(request: IncomingMessage): ReleaseRequest {
  const { method = 'GET', headers, socket } = request;
  return {
    method,
    remoteAddress: socket.remoteAddress,
    host: headers.host,
    contentType: headers['content-type'],
    body: async () => {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.byteLength;
        if (size > maxBodyBytes) throw new RegistrarError('rejected', 'the body is too large');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}

function listening(server: Server, { host, port }: ListenAddress, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(new RegistrarError('config', `server.listen "${text}": ${whyNot(error)}`, { cause: error }));
    };
    server.once('error', fail);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function whyNot(error: Error): string {
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return 'the port is already in use; stop the other program or choose another port';
    case 'EACCES':
      return 'no right to use this port; choose one above 1023';
    case 'EADDRNOTAVAIL':
      return 'this host has no such address; use one of its own or ":PORT" for all';
    case 'ENOTFOUND':
      return 'no address is known for this name; use an IP address or ":PORT" for all';
    default:
      return describe(error);
  }
}

function originOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function close(server: Server, clock: Clock): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  using _force = clock.schedule(closeGraceMs, () => server.closeAllConnections());
  await closed;
}
