/**
 * How long the reflector takes to read many pods over loopback, how long it holds up the event loop, and what
 * they cost in memory: `node test/bench/reflector.ts [pods]`, default 50,000. Each method runs in a process of
 * its own. Compare rows of one run; absolute times depend on the machine.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Reflector } from '../../src/kube/reflector/reflector.ts';
import { podResource } from '../../src/kube/reflector/resource.ts';
import { InternPool } from '../../src/kube/store/intern-pool.ts';
import { podProjection } from '../../src/kube/store/project-pod.ts';
import { Store } from '../../src/kube/store/store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { systemRandom } from '../../src/lib/random.ts';
import type { HttpRequest, Transport } from '../../src/lib/transport.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import type { PodRecord } from '../../src/model/pod.ts';

const methods = ['watch-list', 'list'] as const;
type Method = (typeof methods)[number];

/** A transport to a server that refuses WatchList when the method is `list`. */
function transportFor(method: Method, port: number): Transport {
  const inner = new HttpTransport({ origin: `http://127.0.0.1:${port}` });
  const refused = { status: 422, headers: {}, body: (async function* () {})() };
  return {
    request: async (request: HttpRequest) =>
      method === 'list' && request.path.includes('sendInitialEvents') ? refused : inner.request(request),
    close: () => inner.close(),
  };
}

async function measure(method: Method, port: number): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const store = new Store<PodRecord>({ name: 'pods', logger: silentLogger });
  const transport = transportFor(method, port);
  const reflector = new Reflector({
    transport,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    resource: podResource(),
    writer: store.writer(),
    project: podProjection('kube-registrar.io/', new InternPool()),
  });
  collect();
  const { heapUsed: heapBefore, rss: rssBefore } = process.memoryUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  const abort = new AbortController();
  const running = reflector.start(abort.signal);
  await reflector.synced;
  const wall = performance.now() - startedAt;
  delay.disable();
  const { maxRSS } = process.resourceUsage();
  collect();
  const retained = (process.memoryUsage().heapUsed - heapBefore) / store.size;
  console.log(
    [
      method.padEnd(10),
      `${store.size} pods`,
      `wall ${(wall / 1_000).toFixed(1)} s`,
      `longest stall ${(delay.max / 1e6).toFixed(0)} ms`,
      `peak RSS ${(maxRSS / 1_024).toFixed(0)} MB (${(rssBefore / 2 ** 20).toFixed(0)} at the start)`,
      `retained ${retained.toFixed(0)} bytes a pod`,
    ].join('  '),
  );
  abort.abort();
  await running;
  await transport.close();
}

async function main(): Promise<void> {
  const [first, second] = process.argv.slice(2);
  const method = methods.find((each) => each === first);
  if (method !== undefined) {
    await measure(method, Number(second));
    return;
  }
  const server = fork(new URL('./pod-server.ts', import.meta.url), [first ?? '50000'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [hello] = (await once(server.stdout!, 'data')) as [Buffer];
  const [port, bytes] = hello.toString().trim().split(' ');
  console.log(`pods of ${bytes} bytes`);
  for (const each of methods) {
    const child = fork(new URL(import.meta.url), [each, port!]);
    await once(child, 'exit');
  }
  server.kill();
}

await main();
