/**
 * Serves synthetic pods of about 9 KB on loopback, by pages and as WatchList: `node pod-server.ts 50000`
 * prints its port. A process of its own, so that its memory and time are not the reflector's.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type PodShape, podText } from './pod-text.ts';

const count = Number(process.argv[2] ?? 50_000);
const resourceVersion = 1_000_000;

const shape: PodShape = { nodes: 500, services: Math.ceil(count / 20), annotatedEvery: 5 };
const text = (index: number): string => podText(index, shape, { ready: true, resourceVersion: index + 1 });

async function write(response: ServerResponse, text: string): Promise<void> {
  if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve));
}

async function writePage(response: ServerResponse, start: number, limit: number): Promise<void> {
  const end = Math.min(count, start + limit);
  const next = end < count ? String(end) : '';
  await write(
    response,
    `{"kind":"PodList","metadata":{"resourceVersion":"${resourceVersion}","continue":"${next}"},"items":[`,
  );
  for (let index = start; index < end; index += 1) {
    await write(response, `${index > start ? ',' : ''}${text(index)}`);
  }
  response.end(']}');
}

async function writeInitialEvents(response: ServerResponse): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await write(response, `{"type":"ADDED","object":${text(index)}}\n`);
    if (index % 100 === 0) await nextTurn();
  }
  const metadata = {
    resourceVersion: String(resourceVersion),
    annotations: { 'k8s.io/initial-events-end': 'true' },
  };
  await write(response, `${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
}

const server = createServer((request, response) => {
  const query = new URL(request.url ?? '/', 'http://server').searchParams;
  if (query.has('sendInitialEvents')) void writeInitialEvents(response);
  else if (query.has('watch')) response.writeHead(200).flushHeaders();
  else void writePage(response, Number(query.get('continue') ?? 0), Number(query.get('limit')));
}).listen(0, '127.0.0.1', () => {
  console.log(`${(server.address() as AddressInfo).port} ${text(0).length}`);
});
process.on('disconnect', () => process.exit());
