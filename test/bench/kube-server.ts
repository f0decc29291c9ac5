/**
 * The API server of the benchmark, in a process of its own: `fork('kube-server.ts', [pods, nodes, services])`.
 * Everything but the pods is the sandbox's; the pods are texts made on the way out, so that little of what is
 * measured is this server's time. Sends `{origin}` when it listens, `{listedAt}` when the pods are first asked
 * for, and `{flip, at}` for every `{flip: pod, ready}` it was sent, with the monotonic nanoseconds (text) at
 * which the event went out.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import type { Transport } from '../../src/lib/transport.ts';
import { ByteStream } from '../../src/sandbox/kube/byte-stream.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { listen } from '../../src/sandbox/kube/listen.ts';
import { type PodShape, podText } from './pod-text.ts';

const [pods = 5_000, nodes = 50, services = 200] = process.argv.slice(2).map(Number);
const shape: PodShape = { nodes, services, annotatedEvery: 1 };
const api = new KubeApi({ clock: systemClock });
const now = (): string => String(process.hrtime.bigint());

for (let index = 0; index < nodes; index += 1) {
  api.store.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `node-${index}`, labels: { 'topology.kubernetes.io/zone': `zone-${index % 3}` } },
    status: {
      addresses: [{ type: 'InternalIP', address: `192.168.${index >> 8}.${index & 255}` }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is ready' }],
    },
  });
}

let version = 1_000_000;
const watches = new Set<ByteStream>();
const line = (type: string, object: string): Buffer => Buffer.from(`{"type":"${type}","object":${object}}\n`);

/** A WatchList of all pods, then whatever flips. */
async function* podWatch(): AsyncGenerator<Uint8Array> {
  process.send?.({ listedAt: now() });
  for (let index = 0; index < pods; index += 20) {
    const group = Array.from({ length: Math.min(20, pods - index) }, (_, each) =>
      line('ADDED', podText(index + each, shape, { ready: true, resourceVersion: version })),
    );
    yield Buffer.concat(group);
    // The answers to others are not held up.
    if (index % 200 === 0) await nextTurn();
  }
  const metadata = {
    resourceVersion: String(version),
    annotations: { 'k8s.io/initial-events-end': 'true' },
  };
  yield line('BOOKMARK', JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata }));
  const stream = new ByteStream();
  watches.add(stream);
  yield* stream;
}

const sandbox = api.transport();
const transport: Transport = {
  request: async (request) => {
    const { pathname, searchParams } = new URL(request.path, 'http://server');
    if (pathname !== '/api/v1/pods' || !searchParams.has('watch')) return sandbox.request(request);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: podWatch() };
  },
  close: () => sandbox.close(),
};

await using listener = await listen(transport);
process.send?.({ origin: listener.origin });
process.on('message', ({ flip, ready }: { flip: number; ready: boolean }) => {
  version += 1;
  const event = line('MODIFIED', podText(flip, shape, { ready, resourceVersion: version }));
  const at = now();
  for (const watch of watches) watch.push(event);
  process.send?.({ flip, at });
});
await new Promise((resolve) => process.once('disconnect', resolve));
process.exit(0);
