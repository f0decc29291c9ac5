/**
 * What somebody else does in a real Consul: found and repaired at 5,000 instances, by the watch alone, for the
 * full comparison is put off beyond the test's patience. How long each took is told beside it; the budget is 5 s
 * on a machine that does nothing else. The operator is the whole of it, over real connections, in this process;
 * only the API server is the one in memory.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { configSchema } from '../../src/config/schema.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import { KubeApi } from '../../src/sandbox/kube/kube-api.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, recorder } from '../support/log-recorder.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';

const patience = { timeoutMs: 60_000 };
/** Nothing here is found by the periodic comparison. */
const sync = { fullComparisonInterval: '1h' };

interface PodFields {
  readonly node: number;
  readonly number: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A cluster in memory with an operator that writes to the real Consul. */
class Registrar implements AsyncDisposable {
  readonly kube = new KubeApi({ clock: systemClock });
  readonly log: LogLine[] = [];
  /** Drift counted, by kind. */
  readonly drift: Record<string, number> = {};
  readonly cluster: string;
  readonly #consul: string;
  readonly #config: object;
  readonly #abort = new AbortController();
  #done: Promise<unknown> = Promise.resolve();

  constructor(cluster: string, consul: string, config: object = {}) {
    this.cluster = cluster;
    this.#consul = consul;
    this.#config = config;
  }

  putNode(node: number): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `n${node}` },
      status: {
        addresses: [{ type: 'InternalIP', address: `10.0.0.${node}` }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }

  putPod({ node, number, annotations }: PodFields): void {
    const ip = `10.${node}.${number >> 8}.${number & 255}`;
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${node}-${number}`, namespace: 'default', annotations },
      spec: { nodeName: `n${node}`, containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] },
      status: {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }

  start(): Operator {
    const consul = new HttpTransport({ origin: this.#consul, connections: 45 });
    const count = ({ kind }: { kind: string }) => {
      this.drift[kind] = (this.drift[kind] ?? 0) + 1;
    };
    const operator = new Operator({
      config: configSchema.parse({ cluster: { name: this.cluster }, ...this.#config }),
      clock: systemClock,
      random: systemRandom,
      logger: recorder(this.log),
      metrics: { ...noopMetrics, drift: { ...noopMetrics.drift, inc: count } },
      version: 'test',
      kube: this.kube.transport(),
      consul,
      token: () => undefined,
    });
    this.#done = operator.run(this.#abort.signal).finally(() => consul.close());
    return operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}

interface ServiceRow {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[] | null;
  readonly Address: string;
  readonly Port: number;
  readonly Meta: Readonly<Record<string, string>>;
  readonly ModifyIndex: number;
}

let consul: Consul;

before(async () => {
  consul = await startConsul();
});

after(() => consul?.stop());

const servicesOf = async (node: string): Promise<readonly ServiceRow[]> =>
  (await consul.api.get<{ Services: ServiceRow[] | null }>(`/v1/catalog/node-services/${node}`)).Services ??
  [];

/** Everything on a node but its indexes: equal text is an equal node. */
async function contentOf(node: string): Promise<string> {
  const [services, checks] = await Promise.all([
    consul.api.get<object>(`/v1/catalog/node-services/${node}`),
    consul.api.get<object>(`/v1/health/node/${node}`),
  ]);
  return JSON.stringify([services, checks], (key, value) => (/Index$/.test(key) ? undefined : value));
}

const txn = (operation: object) => consul.api.put('/v1/txn', JSON.stringify([operation]));
const register = (body: object) => consul.api.put('/v1/catalog/register', JSON.stringify(body));
const deregister = (body: object) => consul.api.put('/v1/catalog/deregister', JSON.stringify(body));
const raftIndex = async (): Promise<number> =>
  Number(
    (await consul.api.get<{ Stats: { raft: { last_log_index: string } } }>('/v1/agent/self')).Stats.raft
      .last_log_index,
  );

describe('5,000 instances on 50 nodes', () => {
  let registrar: Registrar;
  let operator: Operator;

  before(async () => {
    registrar = new Registrar('big', consul.url, { sync });
    for (let node = 0; node < 50; node += 1) {
      registrar.putNode(node);
      for (let number = 0; number < 100; number += 1) {
        const annotations = { 'kube-registrar.io/service': `svc-${number}`, 'kube-registrar.io/tags': 'a,b' };
        registrar.putPod({ node, number, annotations });
      }
    }
    operator = registrar.start();
    await eventually(
      async () => {
        assert.equal(operator.notReady().length, 0);
        assert.equal(operator.status().queue.depth + operator.status().queue.inFlight, 0);
        const rows = await consul.api.get<unknown[]>(
          `/v1/catalog/service/svc-99?filter=${encodeURIComponent('NodeMeta["kube-node"] != ""')}`,
        );
        assert.equal(rows.length, 50);
      },
      { ...patience, what: '5,000 instances are registered' },
    );
    // The watches have come to rest after our own writes.
    await sleep(4_000);
  });

  after(() => registrar?.[Symbol.asyncDispose]());

  /** Somebody acts on a node of its own; it becomes what it was. */
  const repairs = (
    what: string,
    node: string,
    drift: string,
    act: (at: { readonly node: string; readonly row: ServiceRow }) => Promise<unknown>,
  ) =>
    test(`${what}: repaired`, async (t) => {
      const name = `big-${node}`;
      const [row] = await servicesOf(name);
      const wanted = await contentOf(name);
      const counted = { ...registrar.drift };
      await act({ node: name, row: row! });
      const startedAt = performance.now();
      await eventually(async () => assert.equal(await contentOf(name), wanted), {
        ...patience,
        what: 'the node is as it was',
      });
      t.diagnostic(`repaired after ${Math.round(performance.now() - startedAt)} ms`);
      const line = registrar.log.find(
        ({ fields }) => fields['reason'] === 'Drift' && fields['node'] === name,
      );
      assert.ok(line, 'it is logged');
      assert.equal(`${line.fields['entry']} ${line.fields['what']}`, drift);
      const kind = drift.split(' ')[1]!;
      assert.ok((registrar.drift[kind] ?? 0) > (counted[kind] ?? 0), 'it is counted');
    });

  const set = (node: string, row: ServiceRow, change: object) =>
    txn({
      Service: {
        Verb: 'set',
        Node: node,
        Service: { ...row, CreateIndex: 0, ModifyIndex: 0, Proxy: undefined, Connect: undefined, ...change },
      },
    });

  repairs('an instance removed', 'n1', 'instance missing', ({ node, row }) =>
    deregister({ Node: node, ServiceID: row.ID }),
  );
  repairs('tags edited', 'n2', 'instance changed', ({ node, row }) => set(node, row, { Tags: ['theirs'] }));
  repairs('meta edited', 'n3', 'instance changed', ({ node, row }) =>
    set(node, row, { Meta: { ...row.Meta, x: 'y' } }),
  );
  repairs('an address and a port edited', 'n4', 'instance changed', ({ node, row }) =>
    set(node, row, { Address: '10.6.6.6', Port: 1 }),
  );
  repairs('weights edited', 'n5', 'instance changed', ({ node, row }) =>
    set(node, row, { Weights: { Passing: 9, Warning: 9 } }),
  );
  repairs('a check flipped', 'n6', 'check changed', ({ node, row }) =>
    txn({
      Check: {
        Verb: 'set',
        Check: { Node: node, CheckID: `${row.ID}:readiness`, ServiceID: row.ID, Status: 'critical' },
      },
    }),
  );
  repairs('a check removed', 'n7', 'check missing', ({ node, row }) =>
    deregister({ Node: node, CheckID: `${row.ID}:readiness` }),
  );
  repairs('a node deleted with its 100 instances', 'n8', 'node missing', ({ node }) =>
    deregister({ Node: node }),
  );
  repairs('a node check flipped', 'n9', 'check changed', ({ node }) =>
    txn({ Check: { Verb: 'set', Check: { Node: node, CheckID: 'kubernetes-node', Status: 'critical' } } }),
  );
  repairs("a node's stamp wiped", 'n10', 'node changed', ({ node }) =>
    register({ Node: node, Address: '10.6.6.6' }),
  );

  test('a foreign service on an owned node is reported, and left alone', async () => {
    await register({
      Node: 'big-n11',
      SkipNodeUpdate: true,
      Address: '10.0.0.11',
      Service: { ID: 'db-1', Service: 'db', Port: 5432 },
    });
    await eventually(
      () =>
        assert.ok(
          registrar.log.some(
            ({ fields }) => fields['reason'] === 'ForeignInstance' && fields['instance'] === 'db-1',
          ),
        ),
      { ...patience, what: 'the foreign service is told' },
    );
    assert.ok(registrar.drift['unexpected']! > 0);
    assert.ok((await servicesOf('big-n11')).some(({ ID }) => ID === 'db-1'));
  });

  test('is found while we write ourselves, on the same node', async (t) => {
    const [row] = await servicesOf('big-n12');
    const isOver = new AbortController();
    const churn = (async () => {
      for (let turn = 0; !isOver.signal.aborted; turn += 1) {
        const annotations = { 'kube-registrar.io/service': 'churn', 'kube-registrar.io/tags': `t${turn}` };
        for (let node = 0; node < 50; node += 10) registrar.putPod({ node, number: 200, annotations });
        registrar.putPod({ node: 12, number: 200, annotations });
        await sleep(50);
      }
    })();
    try {
      await sleep(1_500);
      await set('big-n12', row!, { Tags: ['theirs'] });
      const startedAt = performance.now();
      await eventually(
        async () =>
          assert.deepEqual((await servicesOf('big-n12')).find(({ ID }) => ID === row!.ID)?.Tags, row!.Tags),
        { ...patience, what: 'the tags are repaired' },
      );
      t.diagnostic(`repaired after ${Math.round(performance.now() - startedAt)} ms`);
    } finally {
      isOver.abort();
      await churn;
    }
  });

  test('our own writes are no drift, and nothing is written when nothing happens', async () => {
    assert.equal(
      registrar.log.filter(
        ({ fields }) => fields['reason'] === 'Drift' && !/^big-n([1-9]|1[0-2])$/.test(String(fields['node'])),
      ).length,
      0,
    );
    let before = await raftIndex();
    await eventually(
      async () => {
        const { depth, inFlight } = operator.status().queue;
        const last = before;
        before = await raftIndex();
        assert.equal(depth + inFlight, 0);
        assert.equal(before, last);
      },
      { ...patience, intervalMs: 1_000, what: 'what was to be written is written' },
    );
    await sleep(3_000);
    assert.ok((await raftIndex()) - before <= 2, 'but for what Consul writes itself');
  });

  test('a restored snapshot is repaired', async (t) => {
    const dir = await dataDir('snapshot');
    t.after(() => rm(dir, { recursive: true, force: true }));
    const file = join(dir, 'snapshot');
    await consul.saveSnapshot(file);
    const annotations = { 'kube-registrar.io/service': 'after-snapshot' };
    for (let node = 20; node < 30; node += 1) registrar.putPod({ node, number: 300, annotations });
    const passing = () => consul.api.get<unknown[]>('/v1/health/service/after-snapshot?passing');
    await eventually(async () => assert.equal((await passing()).length, 10), {
      ...patience,
      what: 'registered',
    });
    await sleep(2_500);
    const missing = () => registrar.drift['missing'] ?? 0;
    const before = missing();
    await consul.restoreSnapshot(file);
    // Counted, not read from Consul: some are often back before a reading could show that they were gone.
    await eventually(
      async () => {
        assert.ok(missing() - before >= 10, 'each is counted');
        assert.equal((await passing()).length, 10);
      },
      { ...patience, what: 'found missing and registered again' },
    );
    // And the watch goes on from where Consul is now.
    const [row] = await servicesOf('big-n31');
    await deregister({ Node: 'big-n31', ServiceID: row!.ID });
    await eventually(async () => assert.ok((await servicesOf('big-n31')).some(({ ID }) => ID === row!.ID)), {
      ...patience,
      what: 'repaired after the restore',
    });
  });
});

describe('in company', () => {
  test('two registrars of one cluster that want different tags do not write for ever', async () => {
    const two = { annotationPrefix: 'two.example' };
    const config = { cluster: { name: 'fight', uid: 'f1987000-0000-4000-8000-000000000001' } };
    await using a = new Registrar('fight', consul.url, config);
    await using b = new Registrar('fight', consul.url, { ...config, ...two });
    for (const registrar of [a, b]) {
      registrar.putNode(1);
      registrar.kube.store.apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'p',
          namespace: 'default',
          uid: 'f1987000-0000-4000-8000-00000000000f',
          annotations: {
            'kube-registrar.io/service': 'fight',
            'kube-registrar.io/tags': 'one',
            'two.example/service': 'fight',
            'two.example/tags': 'two',
          },
        },
        spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] },
        status: {
          phase: 'Running',
          podIP: '10.1.1.1',
          podIPs: [{ ip: '10.1.1.1' }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      });
    }
    const operators = [a.start(), b.start()];
    await eventually(
      () =>
        assert.ok(
          operators.some((each) => each.status().problems.some(({ reason }) => reason === 'Conflict')),
        ),
      {
        ...patience,
        what: 'the fight is noticed',
      },
    );
    const writes = () =>
      [a, b].reduce(
        (sum, { log }) => sum + log.filter(({ fields }) => fields['reason'] === 'Updated').length,
        0,
      );
    await sleep(1_000);
    const before = writes();
    await sleep(5_000);
    assert.ok(writes() - before <= 2, `${writes() - before} writes in 5 s`);
  });

  test('two clusters on one Consul under churn never touch each other', async () => {
    await using a = new Registrar('east', consul.url);
    await using b = new Registrar('west', consul.url);
    const both = [a, b];
    for (const registrar of both) {
      for (let node = 1; node <= 3; node += 1) registrar.putNode(node);
      registrar.start();
    }
    const annotations = (turn: number) => ({
      'kube-registrar.io/service': 'shared',
      'kube-registrar.io/tags': `t${turn}`,
    });
    for (let turn = 0; turn < 60; turn += 1) {
      for (const registrar of both) {
        const number = turn % 7;
        const node = 1 + (turn % 3);
        if (turn % 5 === 4) registrar.kube.store.delete('pods', 'default', `pod-${node}-${number}`);
        else registrar.putPod({ node, number, annotations: annotations(turn) });
      }
      await sleep(50);
    }
    const wanted = (registrar: Registrar) =>
      registrar.kube.store
        .list('pods')
        .map(
          (pod) =>
            `${registrar.cluster} ${pod.metadata.name} ${pod.metadata.annotations?.['kube-registrar.io/tags']}`,
        )
        .sort();
    await eventually(
      async () => {
        const rows = await consul.api.get<{ ServiceMeta: Record<string, string>; ServiceTags: string[] }[]>(
          '/v1/catalog/service/shared',
        );
        const there = rows.map(
          ({ ServiceMeta: meta, ServiceTags: tags }) =>
            `${meta['kube-cluster']} ${meta['kube-pod']} ${tags.join()}`,
        );
        assert.deepEqual(there.sort(), [...wanted(a), ...wanted(b)].sort());
      },
      { ...patience, what: 'both clusters are what they should be' },
    );
    for (const { log, cluster } of both) {
      const told = log.filter(({ fields }) =>
        ['Drift', 'Conflict', 'ForeignInstance'].includes(String(fields['reason'])),
      );
      assert.deepEqual(told, [], 'neither notices the other');
      const nodes = new Set(
        log.flatMap(({ fields }) => (typeof fields['node'] === 'string' ? [fields['node']] : [])),
      );
      assert.ok(
        [...nodes].every((node) => node.startsWith(cluster)),
        [...nodes].join(),
      );
    }
  });
});
