import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isConsulWrite } from '../../test/support/consul-writes.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { Cluster } from '../sandbox/kube/controllers/cluster.ts';
import { conditionOf, isReady, type Pod } from '../sandbox/kube/controllers/shapes.ts';

const gate = 'kube-registrar.io/registered';

/** A small cluster with its controllers, and the Deployment `web` of three gated pods. */
class GatedCluster extends SmallCluster {
  readonly cluster = new Cluster({ api: this.kube, clock: this.clock });

  constructor() {
    super();
    this.cluster.nodes.add({ name: 'node-1', address: '192.0.2.1', zone: 'a' });
    this.cluster.nodes.add({ name: 'node-2', address: '192.0.2.2', zone: 'b' });
  }

  deploy(annotations: Readonly<Record<string, string>>, gates: readonly string[] = [gate]): void {
    const template = {
      metadata: {
        labels: { app: 'web' },
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
        ),
      },
      spec: {
        readinessGates: gates.map((conditionType) => ({ conditionType })),
        containers: [{ name: 'main', image: 'web:1', ports: [{ name: 'http', containerPort: 8080 }] }],
      },
    };
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    const spec = { replicas: 3, selector: { matchLabels: { app: 'web' } }, strategy, template };
    this.cluster.create({ kind: 'Deployment', metadata: { name: 'web' }, spec }, 'deployments.apps');
  }

  /** Pods that are not ending. */
  get pods(): readonly Pod[] {
    return this.cluster.pods('default').filter(({ metadata }) => !metadata.deletionTimestamp);
  }

  get ready(): number {
    return this.pods.filter(isReady).length;
  }

  reasons(): (string | undefined)[] {
    return this.pods.map((pod) => conditionOf(pod, gate)?.reason);
  }
}

describe('the readiness gate', () => {
  test('opens once the instance passes in Consul', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' });
    await it.clock.advance(60_000);
    assert.equal(it.ready, 0, 'nobody opens it');
    const operator = it.start();
    await it.clock.advanceUntil(() => it.ready > 0, 10_000);
    assert.ok(it.passing('web').length > 0, 'in Consul before it is Ready');
    await it.clock.advance(10_000);
    assert.equal(it.ready, 3);
    assert.deepEqual(it.reasons(), ['Registered', 'Registered', 'Registered']);
    await operator.stop();
    assert.equal(operator.log.filter(({ fields }) => fields['reason'] === 'GateOpened').length, 3);
  });

  for (const namespaces of [[], ['default']]) {
    const mode = namespaces.length === 0 ? '' : ', also where nodes cannot be watched';
    test(`a pod with an open gate fails when its node is not heard of any more${mode}`, async () => {
      const it = new GatedCluster();
      it.deploy({ service: 'web' });
      const operator = it.start({ kubernetes: { namespaces }, cluster: { uid: 'c1' } });
      await it.clock.advance(30_000);
      assert.equal(it.passing('web').length, 3);
      const node = it.pods[0]!.spec.nodeName!;
      const there = it.pods.filter(({ spec }) => spec.nodeName === node).length;
      it.cluster.nodes.fail(node);
      await it.clock.advance(60_000);
      assert.equal(it.passing('web').length, 3 - there);
      // Whoever removes the node leaves the pods for a while; only their own condition shows it.
      it.kube.store.delete('nodes', undefined, node);
      await it.clock.advance(60_000);
      assert.equal(it.passing('web').length, 3 - there);
      await operator.stop();
    });
  }

  test('a rollout stops while Consul is away, and goes on after it', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' });
    const operator = it.start();
    await it.clock.advance(30_000);
    assert.equal(it.ready, 3);
    const before = new Set(it.pods.map(({ metadata }) => metadata.uid));
    const old = () => it.pods.filter(({ metadata }) => before.has(metadata.uid)).length;

    it.consul.intercept = () => ({ kind: 'answer', status: 500, body: 'No cluster leader' });
    it.cluster.restart('default', 'web');
    await it.clock.advance(600_000);
    assert.equal(old(), 3, 'every old pod serves on');
    assert.equal(it.pods.length, 4, 'one new one waits');
    assert.equal(it.ready, 3);

    it.consul.intercept = undefined;
    let fewest = 3;
    await it.clock.advanceUntil(() => {
      fewest = Math.min(fewest, it.passing('web').length);
      return old() === 0 && it.ready === 3;
    }, 120_000);
    assert.equal(fewest, 3, 'consumers had three at any time');
    await operator.stop();
  });

  test('opens for pods that ask for nothing, or for nothing that can be registered', async () => {
    for (const annotations of [{}, { service: 'false' }, { service: 'not a name' }]) {
      const it = new GatedCluster();
      it.deploy(annotations);
      const operator = it.start();
      await it.clock.advance(60_000);
      assert.deepEqual(it.reasons(), ['NotAsked', 'NotAsked', 'NotAsked']);
      assert.equal(it.ready, 3);
      await operator.stop();
    }
  });

  test('opens when the annotation is taken away while the pod waits', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' });
    const operator = it.start();
    it.consul.intercept = (request) =>
      isConsulWrite(request) ? { kind: 'answer', status: 500, body: 'No cluster leader' } : undefined;
    await it.clock.advance(60_000);
    assert.equal(it.ready, 0);
    for (const pod of it.pods) {
      it.kube.store.apply({ ...pod, metadata: { ...pod.metadata, annotations: {} } });
    }
    await it.clock.advance(20_000);
    assert.deepEqual(it.reasons(), ['NotAsked', 'NotAsked', 'NotAsked']);
    await operator.stop();
  });

  test('waits for the Service that asks for the pod', async () => {
    const it = new GatedCluster();
    const annotations = { 'kube-registrar.io/service': 'true' };
    const spec = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] };
    it.cluster.create({ kind: 'Service', metadata: { name: 'web', annotations }, spec }, 'services');
    it.deploy({});
    const operator = it.start();
    await it.clock.advance(30_000);
    assert.deepEqual(it.reasons(), ['Registered', 'Registered', 'Registered']);
    assert.equal(it.passing('web').length, 3);
    await operator.stop();
  });

  test('waits for what is registered by default, and for nothing that opts out', async () => {
    for (const [kind, annotations, reason] of [
      ['pods', {}, 'Registered'],
      ['services', {}, 'Registered'],
      ['pods', { service: 'false' }, 'NotAsked'],
      ['services', { service: 'false' }, 'NotAsked'],
    ] as const) {
      const it = new GatedCluster();
      const spec = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] };
      it.cluster.create({ kind: 'Service', metadata: { name: 'web' }, spec }, 'services');
      it.deploy(annotations);
      const operator = it.start({ sync: { default: kind } });
      it.consul.intercept = (request) =>
        isConsulWrite(request) ? { kind: 'answer', status: 500, body: 'No cluster leader' } : undefined;
      await it.clock.advance(60_000);
      assert.equal(it.ready, reason === 'Registered' ? 0 : 3, `${kind}, while nothing can be written`);
      it.consul.intercept = undefined;
      await it.clock.advance(60_000);
      assert.deepEqual(it.reasons(), [reason, reason, reason]);
      assert.equal(it.passing('web').length, reason === 'Registered' ? 3 : 0);
      await operator.stop();
    }
  });

  test('opens where the rules of the configuration leave the pod out', async () => {
    for (const sync of [
      { default: 'pods', namespaces: { exclude: ['default'] } },
      { default: 'pods', labelSelector: 'consul=yes' },
      { default: 'none', namespaces: { exclude: ['default'] } },
    ]) {
      const it = new GatedCluster();
      it.deploy(sync.default === 'none' ? { service: 'web' } : {});
      const operator = it.start({ sync });
      await it.clock.advance(60_000);
      assert.deepEqual(it.reasons(), ['NotAsked', 'NotAsked', 'NotAsked']);
      assert.deepEqual(it.passing('web'), []);
      await operator.stop();
    }
  });

  test('with the policy dry-run it opens and says why', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' });
    const operator = it.start({ sync: { policy: 'dry-run' } });
    await it.clock.advance(30_000);
    assert.deepEqual(it.reasons(), ['DryRun', 'DryRun', 'DryRun']);
    assert.deepEqual(it.passing('web'), []);
    await operator.stop();
  });

  test('without the right says so once, and opens when it is given', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' });
    let patches = 0;
    it.kube.faults.intercept = ({ method, path }) => {
      if (method !== 'PATCH' || !path.endsWith('/status')) return undefined;
      patches += 1;
      return { kind: 'answer', status: 403 };
    };
    const operator = it.start();
    await it.clock.advance(30_000);
    assert.equal(it.ready, 0);
    assert.ok(patches <= 3, `${patches} requests`);
    const lines = operator.log.filter(({ fields }) => fields['reason'] === 'GateNotOpened');
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]?.fields['hint']), /patch on pods\/status/);
    it.kube.faults.intercept = undefined;
    await it.clock.advance(65_000);
    assert.equal(it.ready, 3);
    await operator.stop();
  });

  test('pods without the gate are never patched, and leave no timer', async () => {
    const it = new GatedCluster();
    it.deploy({ service: 'web' }, []);
    let patches = 0;
    it.kube.faults.intercept = ({ method, path }) => {
      if (method === 'PATCH' && path.includes('/pods/')) patches += 1;
      return undefined;
    };
    const operator = it.start();
    await it.clock.advance(30_000);
    assert.equal(it.passing('web').length, 3);
    assert.equal(patches, 0);
    await operator.stop();
  });

  test('the patch of a pod that was replaced by another of its name is refused', async () => {
    const it = new GatedCluster();
    it.putPod('web-1', { service: 'web' });
    const pod = it.kube.store.get('pods', 'default', 'web-1')!;
    const spec = { ...(pod['spec'] as object), readinessGates: [{ conditionType: gate }] };
    it.kube.store.apply({ ...pod, spec });
    let patched = false;
    it.kube.faults.intercept = ({ method, path }) => {
      if (method !== 'PATCH' || !path.endsWith('/status') || patched) return undefined;
      patched = true;
      it.kube.store.delete('pods', 'default', 'web-1');
      const { uid: _, ...metadata } = pod.metadata;
      it.kube.store.apply({ ...pod, metadata: { ...metadata, annotations: {} }, spec });
      return undefined;
    };
    const operator = it.start();
    await it.clock.advanceUntil(() => patched, 10_000);
    await it.clock.advance(3_000);
    const { status } = it.kube.store.get('pods', 'default', 'web-1') as Pod;
    assert.ok(!status?.conditions?.some(({ type }) => type === gate), 'not by the patch of the other one');
    await operator.stop();
  });
});
