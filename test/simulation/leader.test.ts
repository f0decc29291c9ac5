import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configSchema } from '../../src/config/schema.ts';
import { RegistrarError } from '../../src/lib/errors.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../src/lib/transport.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { type LogLine, recorder } from '../support/log-recorder.ts';
import { seeded } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Cluster } from './cluster.ts';
import { Draw } from './draw.ts';
import { ProcessClock } from './process-clock.ts';
import { ProcessNetwork } from './process-network.ts';

const leaseMs = 15_000;
const token = 'operator-token';
const neverAborted = new AbortController().signal;

/** One cluster, one Consul, and replicas of the operator. */
class Stage {
  readonly clock = new VirtualClock();
  readonly cluster = new Cluster('c0', this.clock, new Draw(1, 'kube'));
  readonly consul: ConsulServer;
  readonly replicas: Replica[] = [];
  readonly isAcl: boolean;

  /** `keys`: whether the token may write keys. */
  constructor({ keys = true }: { readonly keys?: boolean } = {}) {
    this.isAcl = !keys;
    this.consul = new ConsulServer({
      clock: this.clock,
      random: seeded(7),
      ...(this.isAcl ? { acl: { managementToken: 'root' } } : {}),
    });
    if (this.isAcl) {
      const write = { '': { policy: 'write' } } as const;
      this.consul.acl.setPolicy('operator', { node_prefix: write, service_prefix: write }, '');
      this.consul.acl.createToken({ secret: token, policies: ['operator'] });
    }
    this.cluster.putNode('n1');
  }

  replica(name: string): Replica {
    const replica = new Replica(this, name);
    this.replicas.push(replica);
    return replica;
  }

  pod(name: string, ready = true): KubeObject {
    const ip = `10.1.0.${name.split('-')[1]}`;
    return this.cluster.putPod({
      name,
      node: 'n1',
      ip,
      ready,
      annotations: { service: 'web', port: 'http' },
    });
  }

  /** Statuses of the readiness checks by pod. */
  get registered(): Record<string, string> {
    const statuses: Record<string, string> = {};
    for (const { ID, Meta } of this.consul.outsider.services('c0-n1')) {
      const check = this.consul.outsider.checks('c0-n1').find(({ ServiceID }) => ServiceID === ID);
      statuses[Meta?.['kube-pod'] ?? ID] = check?.Status ?? 'none';
    }
    return statuses;
  }

  /** How often the lease went to another holder. */
  get transitions(): number {
    const lease = this.cluster.kube.store.get('leases.coordination.k8s.io', 'default', 'kube-registrar');
    return (lease?.['spec'] as { leaseTransitions?: number } | undefined)?.leaseTransitions ?? 0;
  }

  get leaders(): string[] {
    return this.replicas.filter(({ isLeading }) => isLeading).map(({ name }) => name);
  }

  async until(done: () => boolean): Promise<number> {
    const from = this.clock.now();
    await this.clock.advanceUntil(done, 120_000);
    return this.clock.now() - from;
  }
}

type Side = 'kube' | 'consul';

class Replica {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly operator: Operator;
  readonly ended: Promise<void>;
  readonly log: LogLine[] = [];
  readonly requests: { readonly side: Side; readonly method: string; readonly path: string }[] = [];
  /** No packet comes through on this side. */
  readonly cut = new Set<Side>();
  /** Set: transactions stay in the network until they are delivered. */
  held: HttpRequest[] | undefined;
  readonly #consulServer: Transport;
  readonly #networks: readonly ProcessNetwork[];
  readonly #stop = new AbortController();

  constructor(stage: Stage, name: string) {
    this.name = name;
    this.clock = new ProcessClock(stage.clock);
    this.#consulServer = stage.consul.transport();
    const network = (side: Side, server: Transport) =>
      new ProcessNetwork({
        server,
        world: stage.clock,
        clock: this.clock,
        latency: () => 0,
        send: (request, handOver) => this.#send(side, request, handOver),
      });
    const [kube, consul] = [
      network('kube', stage.cluster.kube.transport()),
      network('consul', this.#consulServer),
    ];
    this.#networks = [kube, consul];
    this.operator = new Operator({
      config: configSchema.parse({ cluster: { name: 'c0' }, leaderElection: { enabled: true } }),
      clock: this.clock,
      random: seeded(name.length),
      logger: recorder(this.log),
      metrics: noopMetrics,
      version: 'simulated',
      replica: { identity: name, namespace: 'default' },
      kube,
      consul,
      token: () => (stage.isAcl ? new Secret(token) : undefined),
    });
    this.ended = this.operator.run(this.#stop.signal);
  }

  get isLeading(): boolean {
    return this.operator.status().leadership.state === 'leading';
  }

  reasons(): unknown[] {
    return this.log.map(({ fields }) => fields['reason']);
  }

  stop(): void {
    this.#stop.abort();
  }

  kill(): void {
    this.clock.kill();
    for (const network of this.#networks) network.kill();
  }

  /** What was held arrives, however late. Returns the statuses Consul answers. */
  async deliver(): Promise<number[]> {
    const late = this.held ?? [];
    this.held = undefined;
    const answers = late.map((request) =>
      this.#consulServer.request({ ...request, signal: neverAborted }).then(({ status }) => status),
    );
    return Promise.all(answers);
  }

  #send(side: Side, request: HttpRequest, handOver: () => Promise<HttpResponse>): Promise<HttpResponse> {
    this.requests.push({ side, method: request.method, path: request.path });
    const isHeld = side === 'consul' && request.method === 'PUT' && this.held !== undefined;
    if (isHeld) this.held?.push(request);
    if (!isHeld && !this.cut.has(side)) return handOver();
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(new RegistrarError('aborted', 'aborted')));
    });
  }
}

async function leaderAndStandby(options?: { readonly keys?: boolean }) {
  const stage = new Stage(options);
  const pod = stage.pod('web-1');
  const first = stage.replica('first');
  await stage.clock.advance(1_000);
  const second = stage.replica('second');
  await stage.clock.advance(30_000);
  assert.deepEqual(stage.leaders, ['first']);
  assert.deepEqual(stage.registered, { 'web-1': 'passing' });
  return { stage, pod, first, second };
}

describe('two replicas', () => {
  test('the standby is ready, follows everything and writes nothing', async () => {
    const { stage, second } = await leaderAndStandby();
    stage.pod('web-2');
    await stage.clock.advance(100_000);
    assert.deepEqual(stage.registered, { 'web-1': 'passing', 'web-2': 'passing' });
    assert.deepEqual(second.operator.notReady(), []);
    assert.equal(second.operator.status().services[0]?.passing, 2, 'its observed state is warm');
    assert.ok(!second.reasons().includes('Drift'), "the leader's writes are nobody's drift");
    const { leadership } = second.operator.status();
    assert.equal(leadership.holder, 'first');
    assert.deepEqual(
      second.requests.filter(({ side, method }) => side === 'consul' && method === 'PUT'),
      [],
    );
  });

  test('killed: the standby writes what changed meanwhile within 3 s of the end of the lease, without a list', async () => {
    const { stage, pod, first, second } = await leaderAndStandby();
    first.kill();
    const { length } = second.requests;
    stage.pod('web-2');
    stage.cluster.setReady(pod, false);
    const took = await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(took <= leaseMs + 3_000, `${took} ms`);
    assert.deepEqual(stage.registered, { 'web-1': 'critical', 'web-2': 'passing' });
    const lists = second.requests
      .slice(length)
      .filter(({ side, method }) => side === 'kube' && method === 'GET')
      .filter(({ path }) => !path.includes('/leases') && !path.includes('watch='));
    assert.deepEqual(lists, []);
  });

  test('stopped: the standby writes within a second', async () => {
    const { stage, first, second } = await leaderAndStandby();
    first.stop();
    stage.pod('web-2');
    const took = await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(took < 1_000, `${took} ms`);
    await first.ended;
    assert.equal(first.clock.pending, 0);
    second.stop();
    await second.ended;
    stage.cluster.stop();
    assert.equal(stage.clock.pending, 0, 'no timer is left');
  });

  test('paused for 60 s with a write on its way: Consul refuses it, and the old leader stands by', async () => {
    const { stage, pod, first, second } = await leaderAndStandby();
    first.held = [];
    stage.cluster.setReady(pod, false);
    await stage.clock.advance(10);
    assert.equal(first.held.length, 1, 'its write is on its way');
    first.clock.stall(60_000);
    stage.cluster.setReady(pod, true);
    await stage.clock.advance(50_000);
    assert.ok(second.isLeading);
    assert.deepEqual(await first.deliver(), [409]);
    assert.deepEqual(stage.registered, { 'web-1': 'passing' });
    const { operations } = stage.consul.stats;
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.leaders, ['second']);
    assert.equal(stage.consul.stats.operations, operations, 'it wakes up and writes nothing');
    assert.ok(first.reasons().includes('LeadershipLost'));
    stage.cluster.setReady(pod, false);
    await stage.clock.advance(100);
    assert.deepEqual(stage.registered, { 'web-1': 'critical' });
    second.stop();
    stage.cluster.setReady(pod, true);
    await stage.clock.advance(3_000);
    assert.deepEqual(stage.leaders, ['first'], 'it can lead again');
    assert.deepEqual(stage.registered, { 'web-1': 'passing' });
  });

  test('without rights on keys a late write goes through, is said to be possible, and is repaired', async () => {
    const { stage, pod, first, second } = await leaderAndStandby({ keys: false });
    assert.ok(first.reasons().includes('Unfenced'));
    assert.equal(first.operator.status().leadership.fenced, false);
    first.held = [];
    stage.cluster.setReady(pod, false);
    await stage.clock.advance(10);
    first.clock.stall(60_000);
    stage.cluster.setReady(pod, true);
    await stage.clock.advance(50_000);
    assert.deepEqual(await first.deliver(), [200]);
    assert.deepEqual(stage.registered, { 'web-1': 'critical' });
    const took = await stage.until(() => stage.registered['web-1'] === 'passing');
    assert.ok(took <= 5_000, `${took} ms`);
    assert.ok(second.isLeading);
  });

  test('cut off from Kubernetes: it stops before the lease ends, and the other goes on', async () => {
    const { stage, first, second } = await leaderAndStandby();
    const cutAt = stage.clock.now();
    first.cut.add('kube');
    await stage.until(() => !first.isLeading);
    assert.ok(stage.clock.now() - cutAt <= 10_000);
    stage.pod('web-2');
    await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(stage.clock.now() - cutAt <= leaseMs + 3_000);
    first.cut.clear();
    await stage.clock.advance(120_000);
    assert.deepEqual(stage.leaders, ['second']);
    second.kill();
    stage.pod('web-3');
    await stage.until(() => stage.registered['web-3'] === 'passing');
    assert.deepEqual(
      stage.leaders.filter((name) => name !== 'second'),
      ['first'],
    );
  });

  test('cut off from Consul: it leaves the lease to one that is not', async () => {
    const { stage, first } = await leaderAndStandby();
    const cutAt = stage.clock.now();
    first.cut.add('consul');
    stage.pod('web-2');
    await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(stage.clock.now() - cutAt <= 45_000, `${stage.clock.now() - cutAt} ms`);
    assert.deepEqual(stage.leaders, ['second']);
    first.cut.clear();
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.leaders, ['second'], 'nobody takes the lease from who works');
  });

  test('Consul away for all: the lease goes to nobody, and all is caught up with within seconds of its return', async () => {
    const { stage, first, second } = await leaderAndStandby();
    const { transitions } = stage;
    for (const replica of [first, second]) replica.cut.add('consul');
    stage.pod('web-2');
    await stage.clock.advance(600_000);
    assert.equal(stage.transitions, transitions, 'it does not go to and fro');
    for (const replica of [first, second]) replica.cut.clear();
    const took = await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(took <= 15_000, `${took} ms`);
    assert.equal(stage.leaders.length, 1);
    assert.ok(stage.transitions <= transitions + 1);
  });

  test('a leader killed while Consul is away: the other leads once there is something to lead', async () => {
    const { stage, first, second } = await leaderAndStandby();
    for (const replica of [first, second]) replica.cut.add('consul');
    first.kill();
    stage.pod('web-2');
    await stage.clock.advance(120_000);
    assert.equal(second.isLeading, false);
    second.cut.clear();
    const took = await stage.until(() => stage.registered['web-2'] === 'passing');
    assert.ok(took <= 15_000, `${took} ms`);
  });

  test('wall clocks that jump change nothing', async () => {
    const { stage, first, second } = await leaderAndStandby();
    for (const skew of [86_400_000, -86_400_000]) {
      first.clock.skewMs = skew;
      second.clock.skewMs = -skew;
      stage.pod(`web-${skew > 0 ? 2 : 3}`);
      await stage.clock.advance(60_000);
      assert.deepEqual(stage.leaders, ['first']);
    }
    assert.equal(Object.keys(stage.registered).length, 3);
  });

  test("Consul's keys wiped: the leader claims its epoch again and goes on", async () => {
    const { stage, pod } = await leaderAndStandby();
    await stage.consul.transport().request({
      method: 'DELETE',
      path: '/v1/kv/kube-registrar?recurse',
      signal: neverAborted,
    });
    stage.cluster.setReady(pod, false);
    const took = await stage.until(() => stage.registered['web-1'] === 'critical');
    assert.ok(took <= 3_000, `${took} ms`);
    assert.equal(stage.leaders.length, 1);
  });
});
