/**
 * Everything behind a NAT gateway, a load balancer or an ingress is one address to Consul, which grants an address
 * 200 connections. Three replicas of one cluster and the operator of another share one here, on a real Consul; the
 * same without sharing runs beside it. Only the API server is the one in memory.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulAccess } from '../../src/cli/consul-access.ts';
import { configSchema } from '../../src/config/schema.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, recorder } from '../support/log-recorder.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { openLink } from '../support/real/link.ts';

const patience = { timeoutMs: 60_000 };
/** Far more than a registration takes, also on a busy machine, and far less than it took: 20 s and more, or never. */
const promptMs = 5_000;

let consul: Consul;

before(async () => {
  consul = await startConsul();
});

after(() => consul?.stop());

/** A cluster in memory, each of its nodes with one pod of service `base`. */
class Cluster {
  readonly kube = new KubeApi({ clock: systemClock });
  readonly name: string;
  readonly nodes: number;
  #added = 0;

  constructor(name: string, nodes: number) {
    this.name = name;
    this.nodes = nodes;
    for (let node = 0; node < nodes; node += 1) {
      const address = `10.0.${node >> 8}.${node & 255}`;
      this.kube.store.apply({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: `n${node}` },
        status: {
          addresses: [{ type: 'InternalIP', address }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      });
      this.#putPod(node, `${name}-base`);
    }
  }

  /** A new pod on one of the nodes; resolves with the time in ms after which a consumer finds it. */
  async register(): Promise<number> {
    const service = `${this.name}-new-${this.#added}`;
    const startedAt = performance.now();
    this.#putPod(this.#added % this.nodes, service);
    await this.found(service, 1);
    return performance.now() - startedAt;
  }

  async found(service: string, count: number): Promise<void> {
    await eventually(
      async () => {
        const found = await consul.api.get<unknown[]>(`/v1/health/service/${service}?passing`);
        assert.equal(found.length, count);
      },
      { ...patience, what: `${count} passing instances of ${service}` },
    );
  }

  #putPod(node: number, service: string): void {
    this.#added += 1;
    const ip = `10.${1 + (node >> 8)}.${node & 255}.${this.#added & 255}`;
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `pod-${this.#added}`,
        namespace: 'default',
        annotations: { 'kube-registrar.io/service': service },
      },
      spec: { nodeName: `n${node}`, containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] },
      status: {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }
}

interface Running extends AsyncDisposable {
  readonly log: readonly LogLine[];
}

/** An operator with the connections that it has as a process. */
function start(cluster: Cluster, identity: string, consulUrl: string): Running {
  const log: LogLine[] = [];
  const config = configSchema.parse({
    cluster: { name: cluster.name },
    consul: { addresses: [consulUrl] },
    // Nothing here is found by the periodic comparison.
    sync: { fullComparisonInterval: '1h' },
    leaderElection: { enabled: true },
  });
  const loaded = { config, tls: {}, token: undefined, warnings: [], origin: () => undefined };
  const surroundings = { clock: systemClock, random: systemRandom };
  const access = new ConsulAccess({ ...surroundings, loaded, logger: silentLogger, identity });
  const abort = new AbortController();
  const transport = access.open();
  const operator = new Operator({
    ...surroundings,
    config,
    logger: recorder(log),
    metrics: noopMetrics,
    version: 'test',
    kube: cluster.kube.transport(),
    consul: transport,
    token: () => undefined,
    replica: { identity: `${identity}_x`, namespace: 'default' },
  });
  const done = operator.run(abort.signal);
  return {
    log,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await done;
      await Promise.all([transport.close(), access[Symbol.asyncDispose]()]);
    },
  };
}

const reasons = (running: readonly Running[]): ReadonlySet<string> =>
  new Set(running.flatMap(({ log }) => log.map(({ fields }) => String(fields.reason))));

const sorted = (times: readonly number[]) => times.toSorted((a, b) => a - b).map(Math.round);

describe('one address', () => {
  for (const nodes of [20, 80, 300]) {
    test(`three replicas and another cluster share one, with ${nodes} nodes each`, async (context) => {
      await using stack = new AsyncDisposableStack();
      const home = new Cluster(`a${nodes}`, nodes);
      const other = new Cluster(`b${nodes}`, nodes);
      const alone = new Cluster(`c${nodes}`, nodes);
      const shared = stack.use(await openLink(consul.url, { from: '127.0.0.9' }));
      const own = stack.use(await openLink(consul.url, { from: '127.0.0.10' }));
      const sharing = ['one', 'two', 'three'].map((each) => stack.use(start(home, each, shared.url)));
      sharing.push(stack.use(start(other, 'four', shared.url)));
      stack.use(start(alone, 'five', own.url));
      for (const { name } of [home, other, alone]) await home.found(`${name}-base`, nodes);
      const times: number[] = [];
      const without: number[] = [];
      for (let turn = 0; turn < 10; turn += 1) {
        times.push(await home.register(), await other.register());
        without.push(await alone.register());
      }
      context.diagnostic(`visible after, ms: ${sorted(times)}; without sharing: ${sorted(without)}`);
      context.diagnostic(`connections: ${shared.open}; of one alone: ${own.open}`);
      assert.ok(shared.open <= 180, `${shared.open} connections`);
      assert.ok(Math.max(...times) < promptMs, `${sorted(times)}`);
      const said = reasons(sharing);
      for (const trouble of ['LeadershipLost', 'ConsulUnavailable', 'WatchInterrupted', 'WaitsReduced'])
        assert.ok(!said.has(trouble), trouble);
    });
  }

  test('others take nearly all of it: waits are given up, registrations are not held up', async (context) => {
    await using stack = new AsyncDisposableStack();
    const from = '127.0.0.11';
    const { hostname, port } = new URL(consul.url);
    const crowd: Socket[] = Array.from({ length: 178 }, () => {
      const socket = connect({ host: hostname, port: Number(port), localAddress: from });
      return socket.on('error', () => {});
    });
    stack.defer(() => {
      for (const socket of crowd) socket.destroy();
    });
    const cluster = new Cluster('crowded', 80);
    const link = stack.use(await openLink(consul.url, { from }));
    const running = stack.use(start(cluster, 'one', link.url));
    await cluster.found('crowded-base', 80);
    await eventually(() => reasons([running]).has('WaitsReduced'), {
      ...patience,
      what: 'fewer waits',
    });
    const times: number[] = [];
    for (let turn = 0; turn < 10; turn += 1) times.push(await cluster.register());
    context.diagnostic(`visible after, ms: ${sorted(times)}`);
    assert.ok(Math.max(...times) < promptMs, `${sorted(times)}`);
    // What somebody else does is still found, though few nodes have a wait of their own.
    const node = 'crowded-n79';
    const [instance] = await consul.api
      .get<{ Services: { ID: string }[] }>(`/v1/catalog/node-services/${node}`)
      .then(({ Services }) => Services);
    await consul.api.put('/v1/catalog/deregister', JSON.stringify({ Node: node, ServiceID: instance?.ID }));
    const startedAt = performance.now();
    await cluster.found('crowded-base', 80);
    context.diagnostic(`repaired after ${Math.round(performance.now() - startedAt)} ms`);
    assert.ok(!reasons([running]).has('LeadershipLost'));
  });

  test('a load balancer cuts what is idle for 3 s: waits become shorter, and the log says so once', async (context) => {
    await using stack = new AsyncDisposableStack();
    const cluster = new Cluster('cut', 40);
    const link = stack.use(await openLink(consul.url, { from: '127.0.0.12', idleMs: 3_000 }));
    const running = stack.use(start(cluster, 'one', link.url));
    await cluster.found('cut-base', 40);
    await eventually(() => reasons([running]).has('WaitsReduced'), { ...patience, what: 'shorter waits' });
    const lines = running.log.length;
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      await sleep(2_000);
      times.push(await cluster.register());
    }
    context.diagnostic(`visible after, ms: ${sorted(times)}`);
    assert.ok(Math.max(...times) < promptMs, `${sorted(times)}`);
    const more = running.log.slice(lines).filter(({ level }) => level !== 'debug' && level !== 'info');
    assert.deepEqual(more, []);
    assert.ok(!reasons([running]).has('LeadershipLost'));
  });
});
