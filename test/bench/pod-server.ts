/**
 * Serves synthetic pods of about 9 KB on loopback, by pages and as WatchList: `node pod-server.ts 50000`
 * prints its port. A process of its own, so that its memory and time are not the reflector's.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

const count = Number(process.argv[2] ?? 50_000);
const resourceVersion = 1_000_000;

/** A pod as a real server shows it: most of it is what we do not keep. */
function podText(index: number): string {
  const app = `app-${Math.floor(index / 20)}`;
  const name = `${app}-7d9c5b8f6d-${index.toString(36).padStart(5, '0')}`;
  const ip = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const node = `node-${index % 500}.example.internal`;
  const uid = `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
  const env = Array.from({ length: 60 }, (_, each) => ({
    name: `SETTING_${each}`,
    value: `a value of the usual length for setting number ${each}`,
  }));
  return JSON.stringify({
    metadata: {
      name,
      namespace: `team-${Math.floor(index / 1_000)}`,
      uid,
      resourceVersion: String(index + 1),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app, 'pod-template-hash': '7d9c5b8f6d', 'app.kubernetes.io/part-of': 'shop' },
      annotations:
        index % 5 === 0 ? { 'kube-registrar.io/service': app, 'kube-registrar.io/port': 'http' } : {},
      managedFields: [{ manager: 'kubelet', fieldsV1: { note: 'f:'.repeat(1_000) } }],
    },
    spec: {
      nodeName: node,
      containers: [
        {
          name: 'app',
          image: `registry.example/${app}:1`,
          env,
          ports: [{ name: 'http', containerPort: 8080 }],
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: `192.168.${(index % 500) >> 8}.${index % 250}`,
      hostIPs: [{ ip: `192.168.${(index % 500) >> 8}.${index % 250}` }],
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  });
}

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
    await write(response, `${index > start ? ',' : ''}${podText(index)}`);
  }
  response.end(']}');
}

async function writeInitialEvents(response: ServerResponse): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await write(response, `{"type":"ADDED","object":${podText(index)}}\n`);
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
  console.log(`${(server.address() as AddressInfo).port} ${podText(0).length}`);
});
process.on('disconnect', () => process.exit());
