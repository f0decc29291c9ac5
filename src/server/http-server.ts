import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import type { Clock } from '../lib/clock.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { Released, Selection } from '../reconcile/holds/guard.ts';
import { FairShare } from './fair-share.ts';
import { LivePages } from './live-pages.ts';
import { localSocket } from './local-socket.ts';
import { Pages } from './page/pages.ts';
import type { StatusSource } from './reading.ts';
import { answerRelease, releasePath, releaseRefused } from './release.ts';
import { type Answer, healthPaths, type MetricsSource, routes } from './routes.ts';
import { asksForEvents, viewerOf } from './viewer.ts';

export interface StatusServerOptions {
  /** `:8080`, `127.0.0.1:8080`, `[::1]:8080`; port 0 lets the system choose. */
  readonly listen: string;
  readonly source: StatusSource;
  /** Releases what is held; default: there is nothing to release. */
  readonly release?: (selection: Selection) => Released;
  readonly metrics: MetricsSource;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** How long unfinished answers may take when the server closes, in milliseconds. */
const closeGraceMs = 2_000;

/**
 * Limits for clients: anybody in the cluster can reach the port. A half-sent request holds memory up to the size
 * of a header until it times out; an answer that nobody reads holds its text. Health is not counted among the
 * answers: it is short.
 */
const mostConnections = 128;
const mostAnswers = 8;
/** Pages that stay up to date. */
const mostViewers = 16;
const limits = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  /** How often Node looks for requests that have timed out; its default is half a minute. */
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 15_000,
};
/** Longest silence of a connection, in milliseconds, also of a client that does not read its answer. */
const silenceMs = 20_000;
/** Largest body of a selection, in bytes. */
const maxBodyBytes = 1024 * 1024;

/** Health, metrics and status over HTTP. */
export interface StatusServer {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly origin: string;
  /** Accepts no more connections, lets unfinished answers end (at most 2 s), then resolves. */
  close(): Promise<void>;
}

/**
 * Resolves once it listens; rejects with `config` when it cannot: the port is in use, the address is not of this
 * machine, or a right is missing.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { listen, source, release, metrics, logger, clock } = options;
  const address = parseListenAddress(listen);
  if (address === undefined)
    throw new RegistrarError('config', `server.listen: "${listen}" is not an address`);
  const pages = new Pages(source, clock);
  const answer = routes({ source, metrics, pages, clock });
  const answers = new FairShare(mostAnswers);
  const viewers = new FairShare(mostViewers);
  const live = new LivePages({ pages, clock, onError: (target, thrown) => void failure(target, thrown) });

  const failure = (path: string, thrown: unknown): Answer => {
    const contentType = 'text/plain; charset=utf-8';
    if (thrown instanceof RegistrarError && thrown.code === 'throttled') {
      return { status: 503, contentType, body: `${thrown.message}\n`, headers: { 'retry-after': '1' } };
    }
    logger.error('cannot answer a request to the status server', {
      reason: 'StatusRequestFailed',
      path,
      error: thrown,
    });
    return { status: 500, contentType, body: 'internal error; see the log\n' };
  };

  const serve = async (way: Way, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = request;
    const key = method === 'GET' && asksForEvents(request) ? pages.keyOf(url) : undefined;
    if (key !== undefined) {
      const viewer = viewerOf(response);
      const shared = viewers.enter(addressOf(request.socket), () => viewer.sendAway());
      const joined = live.join(key, url, viewer);
      response.once('close', () => {
        joined[Symbol.dispose]();
        shared[Symbol.dispose]();
      });
      return;
    }
    let result: Answer;
    try {
      if (release === undefined || url !== releasePath) result = await answer(method, url);
      else if (way === 'network') result = releaseRefused();
      else result = await answerRelease(method, () => bodyOf(request), release);
    } catch (thrown) {
      result = failure(url, thrown);
    }
    if (response.destroyed) return;
    if (!healthPaths.has(url)) {
      const held = answers.enter(addressOf(request.socket), () => response.destroy());
      response.once('close', () => held[Symbol.dispose]());
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
    response.end(method === 'HEAD' ? undefined : body);
  };
  const open = (way: Way): Server => {
    const connections = new FairShare(mostConnections);
    const opened = createServer(limits, (request, response) => void serve(way, request, response));
    opened.setTimeout(silenceMs);
    opened.on('connection', (socket) => {
      const held = connections.enter(addressOf(socket), () => socket.destroy());
      socket.once('close', () => held[Symbol.dispose]());
    });
    return opened;
  };

  const server = open('network');
  await listening(server, address, listen);
  const local = release === undefined ? undefined : open('local');
  if (local !== undefined) await listenLocally(local, portOf(server), logger);
  for (const each of [server, local]) {
    // Faults of single connections; without a listener they would end the process.
    each?.on('error', (error) =>
      logger.warn('the status server had an error', { reason: 'StatusServerError', error }),
    );
  }
  return {
    origin: originOf(server),
    close: async () => {
      live[Symbol.dispose]();
      await Promise.all([server, local].map((each) => each && close(each, clock)));
    },
  };
}

/** How a request came: over the network, where anybody may ask, or through the local socket. */
type Way = 'network' | 'local';

const addressOf = ({ remoteAddress = '' }: Socket): string => remoteAddress;

async function bodyOf(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw new RegistrarError('rejected', 'the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Without the socket only the command `release` does not work: the server starts all the same. */
async function listenLocally(server: Server, port: number, logger: Logger): Promise<void> {
  const path = localSocket(port);
  try {
    // An earlier process left it behind: this process has the port.
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    await chmod(path, 0o600);
  } catch (thrown) {
    server.close();
    logger.warn('cannot use the local socket, so the command "release" does not work', {
      reason: 'LocalSocketUnavailable',
      path,
      error: describe(thrown),
    });
  }
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

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

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
