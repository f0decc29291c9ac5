/**
 * The API server of the benchmark, in a process of its own: `fork('kube-server.ts', [pods, nodes, services])`.
 * Everything but the pods is the sandbox's; the pods are texts made on the way out, so that little of what is
 * measured is this server's time. Sends `{origin}` when it listens, `{listedAt}` when the pods are first asked
 * for, and `{flip, at}` for every `{flip: pod, ready}` it was sent, with the monotonic nanoseconds (text) at
 * which the event went out. `{node, ready: false}` makes a node and its pods not ready, as when its kubelet is gone, `true`
 * what they were before, and `{flood: perSecond, seconds}` changes pods that are not annotated; both are answered by
 * `{done}` with the nanoseconds.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
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

function putNode(index: number, isReady: boolean): void {
  const why = isReady
    ? { reason: 'KubeletReady', message: 'kubelet is ready' }
    : { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
  api.store.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `node-${index}`, labels: { 'topology.kubernetes.io/zone': `zone-${index % 3}` } },
    status: {
      addresses: [{ type: 'InternalIP', address: `192.168.${index >> 8}.${index & 255}` }],
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'Unknown', ...why }],
    },
  });
}
for (let index = 0; index < nodes; index += 1) putNode(index, true);

let version = 1_000_000;
const watches = new Set<ByteStream>();
/** Pods whose containers are not ready, and nodes whose kubelet is gone. */
const unready = new Set<number>();
const lost = new Set<number>();
/** A pod as it is now. */
const textOf = (pod: number): string =>
  lost.has(pod % nodes)
    ? podText(pod, { ...shape, marked: true }, { ready: false, resourceVersion: version })
    : podText(pod, shape, { ready: !unready.has(pod), resourceVersion: version });
const line = (type: string, object: string): Buffer => Buffer.from(`{"type":"${type}","object":${object}}\n`);

/** A WatchList of all pods, then whatever flips. */
async function* podWatch(): AsyncGenerator<Uint8Array> {
  process.send?.({ listedAt: now() });
  for (let index = 0; index < pods; index += 20) {
    const group = Array.from({ length: Math.min(20, pods - index) }, (_, each) =>
      line('ADDED', textOf(index + each)),
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
  try {
    yield* stream;
  } finally {
    watches.delete(stream);
  }
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
type Order =
  | { readonly flip: number; readonly ready: boolean }
  | { readonly node: number; readonly ready: boolean }
  | { readonly flood: number; readonly seconds: number };

process.on('message', (order: Order) => {
  if ('flip' in order) {
    if (order.ready) unready.delete(order.flip);
    else unready.add(order.flip);
    process.send?.({ flip: order.flip, at: show(() => textOf(order.flip)) });
  } else if ('node' in order) {
    const at = now();
    if (order.ready) lost.delete(order.node);
    else lost.add(order.node);
    putNode(order.node, order.ready);
    for (let pod = order.node; pod < pods; pod += nodes) show(() => textOf(pod));
    process.send?.({ done: at });
  } else void flood(order.flood, order.seconds);
});

/** Sends an event of a changed pod; the moment at which it went out. */
function show(text: () => string): string {
  version += 1;
  const event = line('MODIFIED', text());
  const at = now();
  for (const watch of watches) watch.push(event);
  return at;
}

/** Of pods beside the others, whose readiness flips. */
async function flood(perSecond: number, seconds: number): Promise<void> {
  const begun = performance.now();
  const unannotated = { ...shape, annotatedEvery: Number.POSITIVE_INFINITY };
  for (let made = 0; made < perSecond * seconds; made += 1) {
    const due = begun + (1_000 * made) / perSecond - performance.now();
    if (due > 0) await sleep(due);
    const ready = Math.floor(made / 1_000) % 2 === 0;
    show(() => podText(pods + (made % 1_000), unannotated, { ready, resourceVersion: version }));
  }
  process.send?.({ done: now() });
}
await new Promise((resolve) => process.once('disconnect', resolve));
process.exit(0);
