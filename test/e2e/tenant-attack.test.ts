/**
 * A tenant who may only create pods tries everything at once for two minutes, while another's pods come and go. The
 * attack is bounded, so that it is the operator that is attacked and not the API server.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { instances, isPassing, states } from '../support/real/consul-reads.ts';
import type { KubeList } from '../support/real/kube-api.ts';
import type { Pod } from '../support/real/kubelet.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, isReady, type Namespace } from '../support/real/workloads.ts';
import {
  bulk,
  forbidden,
  HalfSentRequests,
  type HostilePod,
  labelledPod,
  longTexts,
  manyServices,
} from '../support/tenant-attack.ts';

const attackMs = 120_000;
/** What the chart gives the container. */
const memoryLimit = 512 * 1024 * 1024;

let stage: Stage;
let attacker: Namespace;
let neighbour: Namespace;

before(async () => {
  stage = await startStage({
    registration: { externalProbe: true },
    config: {
      claims: [
        { namespaces: ['*'], services: ['{namespace}-*'] },
        { namespaces: ['team-a'], services: ['billing'] },
      ],
      tagRules: [{ namespaces: ['team'], deny: ['urlprefix-*', 'traefik.*'] }],
    },
  });
  [attacker, neighbour] = await Promise.all([stage.namespace('team'), stage.namespace('team-a')]);
  await neighbour.deploy({ name: 'api', replicas: 5, annotations: { service: 'team-a-api', port: 'http' } });
  await stage.allPassing('team-a-api', 5);
  await stage.consul.api.put('/v1/catalog/register', {
    Node: 'legacy',
    Address: '192.0.2.1',
    Service: { ID: 'billing', Service: 'billing', Port: 80 },
  });
});

after(() => stage?.[Symbol.asyncDispose]());

suite('a tenant that tries everything at once', { concurrency: false }, () => {
  test('delays no other, fails no probe, takes no memory, and registers nothing it may not', async (t) => {
    const quiet = { api: await stage.instances('team-a-api'), billing: await stage.instances('billing') };
    const until = new AbortController();
    const { signal } = until;
    const end = performance.now() + attackMs;
    const isOver = () => performance.now() >= end;
    const registrations = new Registrations(signal);
    const probes = new Probes(stage.operator.url);
    using _sockets = new HalfSentRequests(stage.operator.url, 300);
    registrations.start();
    const [sent] = await Promise.all([attack(isOver), comeAndGo(isOver), probes.run(isOver)]);
    // The neighbour's last pods.
    await delay(3_000);
    until.abort();

    const peak = await stage.operator.peakBytes();
    const [p50 = 0, p99 = 0, worst = 0] = registrations.percentiles(0.5, 0.99, 1);
    const { size } = registrations;
    const summary = { size, p50, p99, worst, ...probes.summary, sent, peakMiB: Math.round(peak / 2 ** 20) };
    t.diagnostic(JSON.stringify(summary));
    assert.ok(sent >= 500, `only ${sent} attempts were made`);
    assert.ok(size >= 100, `${size} registrations were measured`);
    assert.ok(p99 < 1_000, `p99 of ${size} registrations is ${p99} ms, the worst ${worst} ms`);
    assert.deepEqual(probes.failures, []);
    assert.ok(peak < memoryLimit, `${peak} bytes`);

    assert.deepEqual(
      await stage.instances('team-a-api'),
      quiet.api,
      'the entries of the neighbour are as they were',
    );
    assert.deepEqual(await stage.instances('billing'), quiet.billing, "an outsider's entry is as it was");
    await assertNothingForbidden();
    assert.equal(stage.operator.running, true);
    assert.deepEqual(stage.operator.logs('InternalError'), []);
  });
});

/** From when watchers of the API server see a pod of the neighbour Ready until consumers see it pass. */
class Registrations {
  readonly #signal: AbortSignal;
  readonly #ready = new Map<string, number>();
  readonly #visible = new Map<string, number>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get size(): number {
    return this.#ready.size;
  }

  /** Follows both until the signal aborts. */
  start(): void {
    void this.#again(() => this.#followPods());
    void this.#again(() => this.#followService());
  }

  /** Of the durations in ms; one that never came counts as infinite. */
  percentiles(...shares: readonly number[]): number[] {
    const sorted = [...this.#ready]
      .map(([uid, at]) => Math.round((this.#visible.get(uid) ?? Number.POSITIVE_INFINITY) - at))
      .sort((a, b) => a - b);
    return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!);
  }

  async #again(follow: () => Promise<void>): Promise<void> {
    while (!this.#signal.aborted) await follow().catch(() => delay(100));
  }

  async #followPods(): Promise<void> {
    const { api } = stage.kube;
    const list = await api.get<KubeList<Pod>>(neighbour.podsPath);
    let version = list.metadata.resourceVersion;
    while (!this.#signal.aborted) {
      for await (const { type, object } of api.watch<Pod>(neighbour.podsPath, version, this.#signal)) {
        version = object.metadata.resourceVersion ?? version;
        if (type !== 'ADDED' && type !== 'MODIFIED') continue;
        const { uid = '', name } = object.metadata;
        if (name.startsWith('web-') && isReady(object) && !this.#ready.has(uid)) {
          this.#ready.set(uid, performance.now());
        }
      }
    }
  }

  async #followService(): Promise<void> {
    for await (const entries of states(stage.consul, 'team-a-web', this.#signal)) {
      for (const entry of entries) {
        const uid = entry.Service.Meta['kube-pod-uid'] ?? '';
        if (isPassing(entry) && !this.#visible.has(uid)) this.#visible.set(uid, performance.now());
      }
    }
  }
}

/** The kubelet's probes, far more often, each over a connection of its own. */
class Probes {
  readonly failures: string[] = [];
  readonly #url: string;
  #count = 0;
  #slowestMs = 0;

  constructor(url: string) {
    this.#url = url;
  }

  get summary() {
    return { probes: this.#count, slowestProbeMs: Math.round(this.#slowestMs) };
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      for (const path of ['/healthz', '/readyz']) await this.#probe(path);
      await delay(1_000);
    }
  }

  async #probe(path: string): Promise<void> {
    const started = performance.now();
    this.#count += 1;
    try {
      // The chart's timeoutSeconds.
      const response = await fetch(`${this.#url}${path}`, {
        signal: AbortSignal.timeout(5_000),
        headers: { connection: 'close' },
      });
      if (!response.ok) this.failures.push(`${path}: ${response.status} ${await response.text()}`);
      else await response.text();
    } catch (thrown) {
      this.failures.push(`${path}: ${thrown} after ${Math.round(performance.now() - started)} ms`);
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - started);
  }
}

/** Two pods a second come, and as many go. */
async function comeAndGo(isOver: () => boolean): Promise<void> {
  const fields = { service: 'team-a-web', port: 'http' };
  for (let number = 0; !isOver(); number += 1) {
    const next = performance.now() + 500;
    await neighbour.addPod(`web-${number}`, fields);
    if (number >= 8) await neighbour.deletePod(`web-${number - 8}`);
    await delay(Math.max(0, next - performance.now()));
  }
}

const hostile = {
  metadata: (name: string, { labels = {}, annotations: all }: HostilePod) => ({
    name,
    labels,
    annotations: all,
  }),
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'main', image: 'main', ports: [{ name: 'http', containerPort: 8080 }] }],
  },
};

/** All of it, in turns; returns how much was sent. What the API server refuses itself does not reach the operator. */
async function attack(isOver: () => boolean): Promise<number> {
  let sent = 0;
  const add = (name: string, pod: HostilePod) =>
    stage.kube.api.post(attacker.podsPath, { metadata: hostile.metadata(name, pod), spec: hostile.spec });
  const patch = (name: string, changed: Readonly<Record<string, string | null>>) =>
    stage.kube.api.patchAs(`${attacker.podsPath}/${name}`, { metadata: { annotations: changed } }, 'merge');
  const everyMs = async (ms: number, act: (number: number) => Promise<unknown>) => {
    for (let number = 0; !isOver(); number += 1) {
      const next = performance.now() + ms;
      await act(number).then(
        () => (sent += 1),
        () => {},
      );
      await delay(Math.max(0, next - performance.now()));
    }
  };
  const labelled = labelledPod();
  await add('bulk', { annotations: annotations({ service: 'team-bulk', port: 'http' }) });
  for (const [index, each] of forbidden.entries()) await add(`forbidden-${index}`, { annotations: each });
  for (const [index, text] of longTexts.entries()) {
    await add(`long-${index}`, { annotations: annotations({ services: text }) });
  }
  await Promise.all([
    everyMs(4_000, async (number) => {
      await add(`labelled-${number}`, labelled);
      if (number > 1) await attacker.deletePod(`labelled-${number - 2}`);
    }),
    everyMs(400, (number) => {
      const index = number % longTexts.length;
      return patch(`long-${index}`, annotations({ services: `${longTexts[index]}\n# ${number}` }));
    }),
    everyMs(500, (number) => {
      const index = number % forbidden.length;
      return patch(`forbidden-${index}`, annotations({ weight: `${1 + (number % 100)}` }));
    }),
    everyMs(300, (number) => patch('bulk', { ...bulk(number), [Object.keys(bulk(number - 1))[0]!]: null })),
    everyMs(2_000, async (number) => {
      await add(`many-${number}`, { annotations: manyServices(number) });
      if (number >= 20) await attacker.deletePod(`many-${number - 20}`);
    }),
    everyMs(1_000, () => fetch(`${stage.operator.url}/metrics`).then((response) => response.text())),
  ]);
  return sent;
}

/** What is registered is what its namespace may register, and no probe leaves for another host. */
async function assertNothingForbidden(): Promise<void> {
  const services = await stage.consul.api.get<Record<string, string[]>>('/v1/catalog/services');
  for (const name of Object.keys(services)) {
    for (const { Service, Node } of await instances(stage.consul, name)) {
      const where = `${name} ${Service.ID} on ${Node.Node}`;
      const namespace = (Service.Meta as typeof Service.Meta | null)?.['kube-namespace'];
      if (name === 'consul' || name === 'billing') assert.equal(namespace, undefined, where);
      else if (namespace === 'team-a') assert.match(name, /^team-a-/, where);
      else assert.match(name, /^team-(?!a-)/, where);
      for (const tag of Service.Tags ?? []) assert.doesNotMatch(tag, /^(urlprefix-|traefik\.)/i, where);
      assert.doesNotMatch(JSON.stringify(Service), /\\u[dD][89a-fA-F]/, where);
    }
  }
  const checks =
    await stage.consul.api.get<{ CheckID: string; Definition: Readonly<Record<string, string>> }[]>(
      '/v1/health/state/any',
    );
  for (const { CheckID, Definition } of checks) {
    assert.doesNotMatch(JSON.stringify(Definition), /169\.254\.|127\.0\.0\.|\[::1\]/, CheckID);
  }
}
