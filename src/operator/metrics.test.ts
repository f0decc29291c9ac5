import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import {
  gatewayObject,
  gatewayStatus,
  ingressObject,
  ingressStatus,
  routeObject,
  routeStatus,
} from '../../test/support/route-objects.ts';
import { SmallCluster, type StartOptions } from '../../test/support/small-cluster.ts';
import { catalogue, metricPrefix } from '../metrics/catalogue.ts';
import { prometheusMetrics } from '../metrics/prometheus.ts';

/** Metrics that a test below has seen move, in either direction. */
const moved = new Set<string>();

/** A cluster with an operator whose metrics are read as Prometheus reads them. */
class Measured {
  readonly cluster = new SmallCluster();
  readonly #prometheus = prometheusMetrics({ version: 'test', processMetrics: false });

  async start(config: object = {}, options: StartOptions = {}) {
    const running = this.cluster.start(config, { ...options, metrics: this.#prometheus.metrics });
    await this.pass(2_000);
    return running;
  }

  async pass(ms: number): Promise<void> {
    await this.cluster.clock.advance(ms);
  }

  /** The value of a series by its name without the prefix: `held_operations{by="guard",kind="removal"}`; none = undefined. */
  async value(series: string): Promise<number | undefined> {
    const name = `${metricPrefix}${series} `;
    const line = (await this.#prometheus.text()).split('\n').find((each) => each.startsWith(name));
    return line === undefined ? undefined : Number(line.slice(name.length));
  }

  /** Each series before and after what happens: `{ series: [before, after] }`. */
  async expect(
    expected: Readonly<Record<string, readonly [number | undefined, number | undefined]>>,
    happens: () => Promise<unknown>,
  ): Promise<void> {
    const read = async () =>
      Promise.all(Object.keys(expected).map(async (series) => [series, await this.value(series)] as const));
    const before = Object.fromEntries(await read());
    await happens();
    const seen = Object.fromEntries(
      (await read()).map(([series, value]) => [series, [before[series], value]] as const),
    );
    assert.deepEqual(seen, expected);
    for (const [series, [from, to]] of Object.entries(expected)) if (from !== to) moved.add(nameOf(series));
  }

  /** A series grows by more than `by` through what happens. */
  async grows(series: string, by: number, happens: () => Promise<unknown>): Promise<void> {
    const before = (await this.value(series)) ?? 0;
    await happens();
    const grown = ((await this.value(series)) ?? 0) - before;
    assert.ok(grown > by, `${series} grew by ${grown}`);
    moved.add(nameOf(series));
  }
}

const nameOf = (series: string): string => series.replace(/\{.*/, '').replace(/_(sum|count)$/, '');
const leaderElection = { enabled: true };

describe('metrics', () => {
  test('instances and operations follow what is registered', async () => {
    const it = new Measured();
    it.cluster.putPod('web-1', { service: 'web' });
    const operator = await it.start();
    const [passing, critical] = ['passing', 'critical'].map((s) => `instances{service="web",status="${s}"}`);
    const committed = (verb: string) => `operations_total{verb="${verb}",result="committed"}`;
    await it.expect(
      { [passing!]: [1, 2], [critical!]: [0, 0], [committed('put-instance')]: [1, 2] },
      async () => {
        it.cluster.putPod('web-2', { service: 'web' });
        await it.pass(500);
      },
    );
    await it.expect(
      { [passing!]: [2, 1], [critical!]: [0, 1], [committed('put-check')]: [0, 1] },
      async () => {
        it.cluster.putPod('web-2', { service: 'web' }, { ready: false });
        await it.pass(500);
      },
    );
    await it.expect(
      {
        [passing!]: [1, undefined],
        [committed('delete-node')]: [0, 1],
        'removals_total{because="withdrawn"}': [0, 1],
      },
      async () => {
        for (const name of ['web-1', 'web-2']) it.cluster.putPod(name, {});
        await it.pass(60_000);
      },
    );
    await operator.stop();
  });

  test('propagation and transactions take as long as Consul', async () => {
    const it = new Measured();
    const operator = await it.start();
    it.cluster.consul.intercept = ({ path }) =>
      path.startsWith('/v1/txn') ? { kind: 'delay', ms: 3_000 } : undefined;
    const change = async () => {
      it.cluster.putPod(`web-${it.cluster.clock.now()}`, { service: 'web' });
      await it.pass(10_000);
    };
    await it.grows('txn_seconds_sum', 2.9, change);
    await it.grows('propagation_seconds_sum', 2.9, change);
    await it.grows('propagation_seconds_count', 0, change);
    await operator.stop();
  });

  test('operations tell what Consul refused from what it did not answer', async () => {
    const it = new Measured();
    const operator = await it.start();
    const answer = (status: number, body: string) => {
      it.cluster.consul.intercept = ({ path }) =>
        path.startsWith('/v1/txn') ? { kind: 'answer', status, body } : undefined;
    };
    it.cluster.putPod('web-0', { service: 'web' });
    await it.pass(5_000);
    answer(500, 'No cluster leader');
    await it.grows('operations_total{verb="put-instance",result="failed"}', 0, async () => {
      it.cluster.putPod('web-1', { service: 'web' });
      await it.pass(5_000);
    });
    answer(409, '{"Errors":[{"OpIndex":0,"What":"no"}]}');
    await it.grows('operations_total{verb="put-instance",result="refused"}', 0, () => it.pass(30_000));
    await operator.stop();
  });

  test('Consul is up, and down, and up again, whether it is written to or only read', async () => {
    const it = new Measured();
    const operator = await it.start();
    const outage = (on: boolean) => async () => {
      it.cluster.consul.intercept = on
        ? () => ({ kind: 'answer', status: 500, body: 'No cluster leader' })
        : undefined;
      await it.pass(130_000);
    };
    await it.expect({ consul_up: [1, 0] }, outage(true));
    await it.expect({ consul_up: [0, 1] }, outage(false));
    const said = operator.log.map(({ fields }) => fields['reason']);
    assert.equal(said.filter((reason) => reason === 'ConsulUnavailable').length, 1);
    assert.equal(said.filter((reason) => reason === 'ConsulAvailable').length, 1);
    await operator.stop();
  });

  test('the queue grows and gets older while Consul does not answer', async () => {
    const it = new Measured();
    const operator = await it.start();
    it.cluster.consul.intercept = () => ({ kind: 'answer', status: 500, body: 'No cluster leader' });
    it.cluster.putPod('web-1', { service: 'web' });
    await it.pass(1_000);
    await it.grows('queue_oldest_seconds', 3, async () => {
      await it.grows('queue_depth', 0, async () => {
        await it.pass(5_000);
        it.cluster.putPod('web-2', { service: 'web' }, { node: 'n2' });
        it.cluster.putPod('web-3', { service: 'web' }, { node: 'n1' });
        await it.pass(4_000);
      });
    });
    await operator.stop();
  });

  test('drift is counted by what somebody did', async () => {
    const it = new Measured();
    it.cluster.putPod('web-1', { service: 'web' });
    const operator = await it.start();
    const { outsider } = it.cluster.consul;
    const node = 'kubernetes-n1';
    const [instance] = outsider.services(node);
    await it.expect({ 'drift_total{kind="changed"}': [0, 1] }, async () => {
      outsider.putService(node, { ID: instance!.ID, Tags: ['mine'] });
      await it.pass(5_000);
    });
    await it.expect({ 'drift_total{kind="unexpected"}': [0, 1] }, async () => {
      outsider.putCheck({ Node: node, CheckID: 'mine', Status: 'passing' });
      await it.pass(5_000);
    });
    await it.grows('drift_total{kind="missing"}', 0, async () => {
      outsider.removeNode(node);
      await it.pass(5_000);
    });
    await operator.stop();
  });

  test("wakes say whether nodes were read: not after the operator's own write", async () => {
    const it = new Measured();
    it.cluster.putPod('web-1', { service: 'web' });
    const operator = await it.start();
    await it.pass(20_000);
    const [reading, nothing] = ['reading', 'nothing'].map((to) => `consul_wakes_total{led_to="${to}"}`);
    const read = await it.value(reading!);
    const own = (await it.value(nothing!))!;
    await it.expect({ [reading!]: [read, read], [nothing!]: [own, own + 1] }, async () => {
      it.cluster.putPod('web-1', { service: 'web' }, { ready: false });
      await it.pass(1_000);
    });
    await it.grows(reading!, 0, async () => {
      const { outsider } = it.cluster.consul;
      const [check] = outsider.checks('kubernetes-n1');
      outsider.putCheck({ Node: 'kubernetes-n1', CheckID: check!.CheckID, Output: 'mine' });
      await it.pass(1_000);
    });
    await operator.stop();
  });

  test('an entry that somebody keeps changing is contended', async () => {
    const it = new Measured();
    it.cluster.putPod('web-1', { service: 'web' });
    const operator = await it.start();
    const { outsider } = it.cluster.consul;
    const [instance] = outsider.services('kubernetes-n1');
    await it.grows('contended_entries{entry="instance"}', 0, async () => {
      for (let turn = 0; turn < 6; turn++) {
        outsider.putService('kubernetes-n1', { ID: instance!.ID, Tags: [`mine-${turn}`] });
        await it.pass(3_000);
      }
    });
    await operator.stop();
  });

  test('what is held is shown until it is released', async () => {
    const it = new Measured();
    const guard = { removalMinimum: 0, removalRatio: 0 };
    for (const name of ['web-1', 'web-2']) it.cluster.putPod(name, { service: 'web' });
    await (await it.start({ guard })).stop();
    it.cluster.kube.store.delete('pods', 'default', 'web-1');
    const operator = await it.start({ guard });
    await it.pass(10_000);
    assert.equal(await it.value('held_operations{by="guard",kind="removal"}'), 1);
    await it.expect(
      {
        'held_operations{by="guard",kind="removal"}': [1, 0],
        'held_until_seconds{kind="removal"}': [888, 0],
        'removals_total{because="released"}': [0, 1],
      },
      async () => {
        operator.operator.release({ all: true, nodes: [], services: [] });
        await it.pass(5_000);
      },
    );
    await operator.stop();
  });

  test('problems come and go', async () => {
    const it = new Measured();
    const operator = await it.start();
    const invalid = 'problems{reason="InvalidAnnotation"}';
    await it.expect({ [invalid]: [0, 1] }, async () => {
      it.cluster.putPod('web-1', { service: 'web', port: 'no such' });
      await it.pass(1_000);
    });
    await it.expect({ [invalid]: [1, 0] }, async () => {
      it.cluster.putPod('web-1', { service: 'web' });
      await it.pass(1_000);
    });
    await operator.stop();
  });

  test('Events that cannot be written are counted', async () => {
    const it = new Measured();
    const operator = await it.start();
    it.cluster.kube.faults.intercept = ({ path }) =>
      path.includes('/events') ? { kind: 'answer', status: 403 } : undefined;
    await it.grows('events_dropped_total{because="forbidden"}', 0, async () => {
      it.cluster.putPod('web-1', { service: 'web' });
      await it.pass(5_000);
    });
    await operator.stop();
  });

  test('reflectors show what they are about', async () => {
    const it = new Measured();
    const operator = await it.start();
    const pods = 'resource="pods",namespace=""';
    await it.expect({ [`store_objects{${pods}}`]: [0, 1] }, async () => {
      it.cluster.putPod('web-1', { service: 'web' });
      await it.pass(500);
    });
    await it.expect({ [`reflector_idle_aborts_total{${pods}}`]: [0, 1] }, async () => {
      it.cluster.kube.faults.stallWatches();
      await it.grows(`reflector_last_event_age_seconds{${pods}}`, 30, () => it.pass(60_000));
      await it.pass(60_000);
      it.cluster.kube.faults.resumeWatches();
    });
    await it.expect(
      { [`reflector_lists_total{${pods}}`]: [1, 2], [`reflector_relists_total{${pods}}`]: [0, 1] },
      async () => {
        const { faults } = it.cluster.kube;
        faults.intercept = ({ path }) => {
          if (!path.startsWith('/api/v1/pods')) return undefined;
          faults.intercept = undefined;
          return { kind: 'answer', status: 410 };
        };
        faults.cutWatches('reset');
        await it.pass(60_000);
      },
    );
    await it.expect(
      {
        [`reflector_failing{${pods}}`]: [0, 1],
        [`reflector_state{${pods},state="watching"}`]: [1, 0],
        [`reflector_state{${pods},state="refused"}`]: [0, 1],
      },
      async () => {
        it.cluster.kube.faults.intercept = () => ({ kind: 'answer', status: 403 });
        it.cluster.kube.faults.cutWatches('reset');
        await it.pass(60_000);
      },
    );
    await operator.stop();
  });

  test('leadership, its fence and its hand-over show', async () => {
    const it = new Measured();
    const first = it.cluster.start({ leaderElection }, { pod: 'a' });
    await it.pass(2_000);
    const second = await it.start({ leaderElection }, { pod: 'b' });
    await it.expect({ leader: [0, 1], writes_fenced: [0, 1], lease_transitions: [0, 1] }, async () => {
      await first.stop();
      await it.pass(5_000);
    });
    await second.stop();
  });

  test('the last full comparison is dated', async () => {
    const it = new Measured();
    const operator = await it.start();
    await it.grows('last_full_sync_timestamp_seconds', 50, () => it.pass(70_000));
    await operator.stop();
  });

  after(() => {
    // Logins and the build are not the operator's: cli/consul-access.ts, and a constant.
    const elsewhere = [catalogue.aclLogins.name, catalogue.buildInfo.name];
    const still = Object.values(catalogue)
      .map(({ name }) => name as string)
      .filter((name) => !moved.has(name) && !(elsewhere as string[]).includes(name));
    assert.deepEqual(still, [], 'metrics that no test has seen move');
  });

  test('objects and problems of every source are counted, each in its own series', async () => {
    const it = new Measured();
    const { kube } = it.cluster;
    const named = { name: 'shop', annotations: { 'kube-registrar.io/drain': 'slowly' } };
    kube.store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: named });
    const part = { namespace: 'shop' };
    kube.store.apply({ ...ingressObject({ service: 'a_b' }, part), status: ingressStatus('203.0.113.7') });
    kube.store.apply({ ...gatewayObject(part), status: gatewayStatus(['203.0.113.9']) });
    kube.store.apply({ ...routeObject({ service: 'route' }, part), status: routeStatus() });
    kube.store.apply(routeObject({ service: 'rpc' }, { ...part, kind: 'GRPCRoute' }));
    kube.faults.intercept = ({ path }) =>
      path.includes('/tlsroutes') ? { kind: 'answer', status: 404 } : undefined;
    const sync = { sources: ['ingresses', 'gateways'], namespaceAnnotations: ['drain'] };
    const { operator } = await it.start({ sync });
    await it.pass(5_000);
    const objects = async (resource: string) =>
      it.value(`store_objects{resource="${resource}",namespace=""}`);
    for (const resource of ['ingresses', 'gateways', 'httproutes', 'grpcroutes'])
      assert.equal(await objects(resource), 1, resource);
    assert.equal(await objects('tlsroutes'), 0);
    assert.ok(((await objects('namespaces')) ?? 0) >= 5);
    const state = (resource: string, name: string) =>
      it.value(`reflector_state{resource="${resource}",namespace="",state="${name}"}`);
    assert.equal(await state('tlsroutes', 'not-installed'), 1);
    assert.equal(await state('namespaces', 'watching'), 1);
    assert.equal(await it.value('instances{service="route",status="passing"}'), 1);
    assert.equal(await it.value('problems{reason="InvalidAnnotation"}'), 2);
    assert.equal(await it.value('problems{reason="RegistrationFailed"}'), 1);
    const { problems, reflectors, services } = operator.status();
    assert.deepEqual(
      problems.map(({ object }) => `${object.kind} ${object.namespace} ${object.name}`).sort(),
      ['GRPCRoute shop web', 'Ingress shop web', 'Namespace  shop'],
    );
    assert.deepEqual(
      services.map(({ name }) => name),
      ['route'],
    );
    const known: readonly string[] = catalogue.storeObjects.labels.resource;
    for (const { resource } of reflectors) assert.ok(known.includes(resource), resource);
  });
});
