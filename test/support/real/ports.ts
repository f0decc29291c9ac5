/**
 * Free loopback ports that stay ours. A port the kernel hands out on request can be taken by anyone before the
 * server that is to have it starts, and again while that server is stopped. So each process owns a block of
 * ports below the range the kernel hands out, marked by listening on the block's first port until it exits.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const host = '127.0.0.1';
const blockSize = 64;
const firstPort = 12_032;
/** Linux hands out ports from 32,768 on, others higher. */
const lastPort = 32_000;

let next = 0;
let end = 0;
let pending: Promise<unknown> = Promise.resolve();

/** Ports of 127.0.0.1, free for TCP and UDP when returned and never handed out twice in this process. */
export function freePorts(count: number): Promise<number[]> {
  const result = pending.then(async () => {
    const ports: number[] = [];
    while (ports.length < count) {
      if (next === end) await claimBlock();
      const port = next++;
      if (await isFree(port)) ports.push(port);
    }
    return ports;
  });
  pending = result.catch(() => {});
  return result;
}

async function claimBlock(): Promise<void> {
  const blocks = Math.floor((lastPort - firstPort) / blockSize);
  const offset = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const base = firstPort + ((offset + i) % blocks) * blockSize;
    const guard = await listen(base);
    if (guard === undefined) continue;
    guard.unref();
    next = base + 1;
    end = base + blockSize;
    return;
  }
  throw new Error(`no free block of ports between ${firstPort} and ${lastPort}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function listen(port: number): Promise<ReturnType<typeof createServer> | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}
