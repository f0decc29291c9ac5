/**
 * The whole operator against the budgets: `npm run bench [pods] [nodes]`, default 5,000 on 50. A Kubernetes API
 * server in memory, the operator and a real Consul, each in a process of its own; this process is the consumer
 * that waits in blocking queries. The same consumer also waits for bare transactions, so that figures can be
 * read as ratios of one run; absolute times depend on the machine.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { inParallel } from '../../src/lib/in-parallel.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { freePorts } from '../support/real/ports.ts';

const [pods = 5_000, nodes = 50] = process.argv.slice(2).map(Number);
const services = Math.min(200, Math.ceil(pods / 10));
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const agent = new Agent({ connections: 256, keepAliveTimeout: 30_000 });

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly budget: string;
}
const rows: Row[] = [];
const row = (what: string, measured: string, budget: string): void => {
  rows.push({ what, measured, budget });
  console.log(`${what}: ${measured} (budget: ${budget})`);
};

async function json<T>(origin: string, target: string, options: { method?: 'PUT'; body?: string } = {}) {
  const response = await request(`${origin}${target}`, {
    dispatcher: agent,
    headersTimeout: 120_000,
    method: options.method ?? 'GET',
    body: options.body ?? null,
  });
  const text = await response.body.text();
  if (response.statusCode !== 200) throw new Error(`${target}: ${response.statusCode} ${text.slice(0, 200)}`);
  return { value: JSON.parse(text) as T, index: Number(response.headers['x-consul-index'] ?? 0) };
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
const spread = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b);
  return `p50 ${percentile(sorted, 0.5).toFixed(1)} ms, p99 ${percentile(sorted, 0.99).toFixed(1)} ms of ${values.length}`;
};

interface Health {
  readonly Service: { readonly ID: string; readonly Address: string };
  readonly Checks: readonly (Record<string, unknown> & {
    readonly ServiceID: string;
    readonly Status: string;
  })[];
}

/** Follows one service as a consumer does, and says when a status was first seen. */
class Consumer {
  readonly #waiting = new Map<string, (seenAt: number) => void>();
  #index = 1;

  /** Resolves with the moment at which the instance at `address` is seen with this status. */
  see(address: string, status: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${address} ${status}`, resolve));
  }

  async follow(origin: string, service: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const target = `/v1/health/service/${service}?index=${this.#index}&wait=30s`;
      const { value, index } = await json<Health[]>(origin, target).catch(() => ({ value: [], index: 0 }));
      const at = now();
      this.#index = Math.max(1, index);
      for (const { Service, Checks } of value) {
        const status = Checks.find(({ ServiceID }) => ServiceID === Service.ID)?.Status;
        const key = `${Service.Address} ${status}`;
        this.#waiting.get(key)?.(at);
        this.#waiting.delete(key);
      }
    }
  }
}

const address = (pod: number): string => `10.${64 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`;

class Kube {
  readonly #child: ChildProcess;
  readonly #made = new Map<number, (at: number) => void>();
  readonly origin: string;

  private constructor(child: ChildProcess, origin: string) {
    this.#child = child;
    this.origin = origin;
    child.on('message', ({ flip, at }: { flip: number; at: string }) => {
      this.#made.get(flip)?.(Number(BigInt(at)) / 1e6);
      this.#made.delete(flip);
    });
  }

  static async start(): Promise<Kube> {
    const child = fork(path.join(root, 'test/bench/kube-server.ts'), [pods, nodes, services].map(String));
    const [{ origin }] = (await once(child, 'message')) as [{ origin: string }];
    return new Kube(child, origin);
  }

  /** Resolves with the moment of the change. */
  flip(pod: number, ready: boolean): Promise<number> {
    return new Promise((resolve) => {
      this.#made.set(pod, resolve);
      this.#child.send({ flip: pod, ready });
    });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** The operator's gauges and counters, by name and labels. */
async function metrics(origin: string): Promise<Map<string, number>> {
  const response = await request(`${origin}/metrics`, { dispatcher: agent });
  const lines = (await response.body.text())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** Everything the operator has registered, as transactions on nodes of another name. */
async function bareTransactions(origin: string): Promise<string[]> {
  const { value: listed } = await json<{ Node: string; Address: string; Meta: object }[]>(
    origin,
    '/v1/catalog/nodes?node-meta=managed-by:kube-registrar',
  );
  const operations: object[][] = [];
  await inParallel(listed, 8, async ({ Node, Address }) => {
    const bare = `bare-${Node}`;
    const { value: held } = await json<{ Services: { ID: string; Service: string }[] }>(
      origin,
      `/v1/catalog/node-services/${Node}`,
    );
    const { value: checks } = await json<(Record<string, unknown> & { ServiceID: string })[]>(
      origin,
      `/v1/health/node/${Node}`,
    );
    operations.push([{ Node: { Verb: 'set', Node: { Node: bare, Address } } }]);
    for (const { ID, Service, ...rest } of held.Services) {
      const check = checks.find(({ ServiceID }) => ServiceID === ID);
      operations.push([
        {
          Service: {
            Verb: 'set',
            Node: bare,
            Service: {
              ...rest,
              ID,
              Service: `bare-${Service}`,
              CreateIndex: undefined,
              ModifyIndex: undefined,
            },
          },
        },
        {
          Check: {
            Verb: 'set',
            Check: checkOf(check ?? {}, { Node: bare, ServiceName: `bare-${Service}` }),
          },
        },
      ]);
    }
  });
  const nodesFirst = [
    ...operations.filter((each) => each.length === 1),
    ...operations.filter((each) => each.length > 1),
  ];
  const bodies: string[] = [];
  const batch: object[] = [];
  for (const each of nodesFirst) {
    if (batch.length + each.length > 128) bodies.push(JSON.stringify(batch.splice(0)));
    batch.push(...each);
  }
  if (batch.length > 0) bodies.push(JSON.stringify(batch));
  return bodies;
}

/** What a transaction may say of a check; a reading says more. */
function checkOf(check: Record<string, unknown>, changes: object): object {
  const fields = ['Node', 'CheckID', 'Name', 'Status', 'Notes', 'Output', 'ServiceID', 'ServiceName', 'Type'];
  return { ...Object.fromEntries(fields.map((field) => [field, check[field]])), ...changes };
}

async function until(done: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = now() + limitMs;
  while (!(await done())) {
    if (now() > end) throw new Error('not reached in time');
    await sleep(20);
  }
}

async function measure(consul: Consul, kube: Kube, scratch: string): Promise<void> {
  const [port = 0] = await freePorts(1);
  const kubeconfig = path.join(scratch, 'kubeconfig');
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'bench',
      clusters: [{ name: 'bench', cluster: { server: kube.origin } }],
      users: [{ name: 'bench', user: {} }],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    }),
  );
  const startedAt = now();
  const flags = [
    '--kubeconfig',
    kubeconfig,
    '--consul-address',
    consul.url,
    '--listen',
    `127.0.0.1:${port}`,
    '--log-level',
    'warn',
  ];
  const operator = spawn(process.execPath, [path.join(root, 'src/main.ts'), 'run', ...flags], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const status = `http://127.0.0.1:${port}`;
  const stop = new AbortController();
  try {
    const registered = async (): Promise<boolean> => {
      const values = await metrics(status).catch(() => new Map<string, number>());
      let sum = 0;
      for (const [name, value] of values) if (name.startsWith('kube_registrar_instances{')) sum += value;
      return sum >= pods && values.get('kube_registrar_queue_depth') === 0;
    };
    await until(registered, 180_000);
    const cold = now() - startedAt;
    console.log(`cold sync: ${(cold / 1_000).toFixed(1)} s`);
    const bodies = await bareTransactions(consul.url);
    const bareAt = now();
    await inParallel(bodies, 4, (body) => json(consul.url, '/v1/txn', { method: 'PUT', body }));
    const bare = now() - bareAt;
    row(
      `cold sync of ${pods} instances, process start included`,
      `${(cold / 1_000).toFixed(1)} s; bare transactions ${(bare / 1_000).toFixed(1)} s`,
      '50,000 in 60 s; see note 1',
    );

    const consumers = new Map<string, Consumer>();
    for (let index = 0; index < Math.min(20, services); index += 1) {
      for (const name of [`app-${index}`, `bare-app-${index}`]) {
        const consumer = new Consumer();
        consumers.set(name, consumer);
        void consumer.follow(consul.url, name, stop.signal);
      }
    }
    await sleep(1_000);

    const isReady = Array<boolean>(pods).fill(true);
    const toggle = (pod: number): Promise<number> => {
      isReady[pod] = !isReady[pod];
      return kube.flip(pod, isReady[pod]);
    };
    const change = async (pod: number): Promise<number> => {
      const status = isReady[pod] ? 'critical' : 'passing';
      const seen = consumers.get(`app-${pod % services}`)!.see(address(pod), status);
      const made = await toggle(pod);
      return (await seen) - made;
    };
    const bareChange = async (pod: number, Status: string): Promise<number> => {
      const seen = consumers.get(`bare-app-${pod % services}`)!.see(address(pod), Status.toLowerCase());
      const { value } = await json<
        {
          Node: { Node: string };
          Checks: (Record<string, unknown> & { ServiceID: string })[];
          Service: { ID: string; Address: string };
        }[]
      >(consul.url, `/v1/health/service/bare-app-${pod % services}`);
      const found = value.find(({ Service }) => Service.Address === address(pod))!;
      const check = found.Checks.find(({ ServiceID }) => ServiceID === found.Service.ID)!;
      const body = JSON.stringify([
        {
          Check: { Verb: 'set', Check: checkOf(check, { Status }) },
        },
      ]);
      const at = now();
      await json(consul.url, '/v1/txn', { method: 'PUT', body });
      return (await seen) - at;
    };
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < 150; round += 1) {
      const pod = round % Math.min(20, services);
      theirs.push(await bareChange(pod, isReady[pod] ? 'critical' : 'passing'));
      ours.push(await change(pod));
    }
    row(
      'changed in Kubernetes → seen by a blocking query, idle',
      spread(ours),
      'p50 ≤ 10 ms, p99 ≤ 50 ms, ≤ 2 × bare',
    );
    row('bare transaction → seen by the same consumer', spread(theirs), '–');

    const loaded: Promise<number>[] = [];
    let churn = 0;
    const perSecond = 200;
    const begun = now();
    for (let made = 0; made < perSecond * 10; made += 1) {
      const due = begun + (made * 1_000) / perSecond;
      await sleep(Math.max(0, due - now()));
      const watched = Math.min(20, services);
      if (made % 10 === 0) {
        loaded.push(change(churn % watched));
        churn += 1;
      } else {
        void toggle(watched + (made % (pods - watched)));
      }
    }
    row(
      `the same under ${perSecond} pod changes a second`,
      spread(await Promise.all(loaded)),
      'p99 ≤ 250 ms',
    );

    await sleep(2_000);
    const before = await metrics(status);
    await sleep(30_000);
    const after = await metrics(status);
    const txns = (values: Map<string, number>) => values.get('kube_registrar_txn_seconds_count') ?? 0;
    row('transactions in 30 s in which nothing changes', String(txns(after) - txns(before)), '0');
    row(
      'longest event-loop stall since the last scrape',
      `${((after.get('nodejs_eventloop_lag_max_seconds') ?? 0) * 1_000).toFixed(0)} ms`,
      '≤ 50 ms at 50,000',
    );
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8'))?.[1];
    const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8'))?.[1];
    row(
      'memory of the operator, run from its TypeScript source',
      `RSS ${(Number(rss) / 1024).toFixed(0)} MB, peak ${(Number(peak) / 1024).toFixed(0)} MB`,
      '≤ 300 MB at 50,000',
    );
  } finally {
    stop.abort();
    operator.kill('SIGTERM');
    await once(operator, 'exit');
  }
}

const scratch = await dataDir('bench');
await using consul = await startConsul();
const kube = await Kube.start();
try {
  await measure(consul, kube, scratch);
} finally {
  kube.stop();
  rmSync(scratch, { recursive: true, force: true });
  await agent.destroy();
}
console.log(`\n${pods} pods on ${nodes} nodes, ${services} services\n`);
console.table(rows);
console.log('1: the bare transactions register the same content on nodes of other names, 4 in flight.');
