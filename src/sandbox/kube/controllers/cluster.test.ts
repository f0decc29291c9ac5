import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { KubeApi } from '../kube-api.ts';
import { type KubeObject, valueAt } from '../object.ts';
import { resourceNamed } from '../resources.ts';
import { Cluster } from './cluster.ts';
import type { PodTiming } from './kubelet.ts';
import { conditionOf, isReady, type Pod } from './shapes.ts';
import type { Endpoint } from './slices.ts';

function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function startCluster(timing?: Partial<PodTiming>) {
  const clock = new VirtualClock();
  const api = new KubeApi({ clock, random: seeded() });
  const cluster = new Cluster({ api, clock, ...(timing === undefined ? {} : { timing: () => timing }) });
  for (const [index, zone] of ['a', 'b', 'c'].entries()) {
    cluster.nodes.add({ name: `node-${index + 1}`, address: `192.0.2.${index + 1}`, zone });
  }
  return { clock, api, cluster };
}

const deployment = (replicas: number, strategy: object = {}) => ({
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    strategy,
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'main', image: 'web:1', ports: [{ name: 'http', containerPort: 8080 }] }],
      },
    },
  },
});

const service = (spec: object = {}) => ({
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'web', port: 80, targetPort: 'http' }], ...spec },
});

const endpointsOf = (api: KubeApi) =>
  api.store
    .list('endpointslices.discovery.k8s.io', 'default')
    .flatMap((slice) => (slice['endpoints'] ?? []) as Endpoint[]);

const readyOf = (pods: readonly Pod[]) =>
  pods.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp).length;

describe('Cluster', () => {
  test('runs a deployment: pods spread over the nodes, each with an address of its own, and Ready', async () => {
    const { clock, api, cluster } = startCluster();
    cluster.create(deployment(6), 'deployments.apps');
    await clock.advance(5_000);
    const pods = cluster.pods('default', { app: 'web' });
    assert.equal(readyOf(pods), 6);
    assert.equal(new Set(pods.map(({ status }) => status.podIP)).size, 6);
    const nodes = pods.map(({ spec }) => spec.nodeName).sort();
    assert.deepEqual(nodes, ['node-1', 'node-1', 'node-2', 'node-2', 'node-3', 'node-3']);
    const status = api.store.get('deployments.apps', 'default', 'web')?.['status'];
    assert.equal(valueAt({ status }, 'status.readyReplicas'), 6);
    assert.equal(valueAt({ status }, 'status.unavailableReplicas'), 0);
  });

  test('is idle when nothing changes, but for the Leases of kubelets', async () => {
    const { clock, api, cluster } = startCluster();
    cluster.create(deployment(3), 'deployments.apps');
    cluster.create(service(), 'services');
    await clock.advance(10_000);
    const changed = new Set<string>();
    api.store.subscribe(({ storage }) => void changed.add(storage));
    assert.equal(clock.pending, 1);
    await clock.advance(3_600_000);
    assert.deepEqual([...changed], ['leases.coordination.k8s.io']);
  });

  test('a rollout never has fewer ready pods or more pods than the strategy allows', async () => {
    const { clock, api, cluster } = startCluster();
    const strategy = { rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } };
    cluster.create(deployment(5, strategy), 'deployments.apps');
    await clock.advance(5_000);
    const before = new Set(cluster.pods('default').map(({ metadata }) => metadata.uid));
    let [fewest, most] = [5, 5];
    using _ = api.store.subscribe(() => {
      const pods = cluster.pods('default');
      fewest = Math.min(fewest, readyOf(pods));
      most = Math.max(most, pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    });
    cluster.restart('default', 'web');
    await clock.advance(30_000);
    const after = cluster.pods('default');
    assert.equal(readyOf(after), 5);
    assert.ok(after.every(({ metadata }) => !before.has(metadata.uid)));
    assert.ok(fewest >= 4, `${fewest} ready`);
    assert.ok(fewest < 5 || most > 5, 'nothing moved');
    assert.ok(most <= 7, `${most} pods`);
  });

  test('a rollout waits for pods that do not become ready', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(deployment(3, { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }), 'deployments.apps');
    await clock.advance(5_000);
    const before = cluster.pods('default').map(({ metadata }) => metadata.name);
    using _ = api.store.subscribe(({ storage, object, previous }) => {
      const bound = object !== undefined && valueAt(previous, 'spec.nodeName') === undefined;
      if (storage !== 'pods' || !bound || valueAt(object, 'spec.nodeName') === undefined) return;
      cluster.kubelets.setReadiness('default', object.metadata.name, { ready: false });
    });
    cluster.restart('default', 'web');
    await clock.advance(60_000);
    const pods = cluster.pods('default');
    assert.equal(pods.length, 4);
    assert.deepEqual(
      pods.filter(isReady).map(({ metadata }) => metadata.name),
      before,
    );
  });

  test('scaling to zero removes every pod, gracefully', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(deployment(3), 'deployments.apps');
    await clock.advance(5_000);
    const seen: string[] = [];
    using _ = api.store.subscribe(({ storage, object, previous }) => {
      if (storage !== 'pods') return;
      if (object === undefined) seen.push('gone');
      else if (object.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp)
        seen.push('marked');
    });
    cluster.scale('default', 'web', 0);
    await clock.advance(100);
    assert.deepEqual(seen, ['marked', 'marked', 'marked']);
    await clock.advance(5_000);
    assert.equal(cluster.pods('default').length, 0);
    assert.equal(seen.filter((what) => what === 'gone').length, 3);
  });

  test('slices follow the pods: address, port by name, zone, readiness, termination', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(service(), 'services');
    cluster.create(deployment(2), 'deployments.apps');
    await clock.advance(5_000);
    const [slice] = api.store.list('endpointslices.discovery.k8s.io', 'default');
    assert.deepEqual(slice?.['ports'], [{ name: 'web', port: 8080, protocol: 'TCP' }]);
    assert.equal(slice?.metadata.labels?.['kubernetes.io/service-name'], 'web');
    const pods = cluster.pods('default');
    const byName = (name: string) => endpointsOf(api).find(({ targetRef }) => targetRef.name === name);
    for (const { metadata, status, spec } of pods) {
      const endpoint = byName(metadata.name);
      assert.deepEqual(endpoint?.addresses, [status.podIP]);
      assert.deepEqual(endpoint?.conditions, { ready: true, serving: true, terminating: false });
      assert.equal(endpoint?.nodeName, spec.nodeName);
      assert.match(endpoint?.zone ?? '', /^[abc]$/);
      assert.equal(endpoint?.targetRef.uid, metadata.uid);
    }
    const { name } = pods[0]!.metadata;
    cluster.kubelets.setReadiness('default', name, {
      ready: false,
      reason: 'ProbeFailed',
      message: 'HTTP 500',
    });
    await clock.advance(100);
    assert.deepEqual(byName(name)?.conditions, { ready: false, serving: false, terminating: false });
    const pod = api.store.get('pods', 'default', name) as Pod;
    assert.equal(conditionOf(pod, 'Ready')?.message, 'HTTP 500');
    cluster.kubelets.setReadiness('default', name, { ready: true });
    api.registry.delete(resourceNamed('pods'), 'default', name);
    await clock.advance(100);
    assert.deepEqual(byName(name)?.conditions, { ready: false, serving: true, terminating: true });
    await clock.advance(5_000);
    assert.equal(byName(name), undefined);
    assert.equal(endpointsOf(api).length, 2);
  });

  test('more than a hundred endpoints take several slices, and stay in theirs', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(service(), 'services');
    cluster.create(deployment(230), 'deployments.apps');
    await clock.advance(20_000);
    const sizes = api.store
      .list('endpointslices.discovery.k8s.io', 'default')
      .map((slice) => (slice['endpoints'] as Endpoint[]).length);
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      230,
    );
    assert.ok(
      sizes.every((size) => size <= 100),
      String(sizes),
    );
    assert.equal(new Set(endpointsOf(api).map(({ targetRef }) => targetRef.uid)).size, 230);
  });

  test('a pod with a readiness gate is Ready only once its condition is True', async () => {
    const { clock, cluster, api } = startCluster();
    const pods = resourceNamed('pods');
    api.registry.create(pods, 'default', {
      metadata: { name: 'gated' },
      spec: {
        containers: [{ name: 'main', image: 'web:1' }],
        readinessGates: [{ conditionType: 'example.com/gate' }],
      },
    });
    await clock.advance(5_000);
    const pod = () => cluster.pods('default')[0]!;
    assert.equal(conditionOf(pod(), 'ContainersReady')?.status, 'True');
    assert.equal(conditionOf(pod(), 'Ready')?.reason, 'ReadinessGatesNotReady');
    const conditions = [...(pod().status.conditions ?? []), { type: 'example.com/gate', status: 'True' }];
    const target = { resource: pods, namespace: 'default', name: 'gated', subresource: 'status' } as const;
    api.registry.update(target, { ...pod(), status: { ...pod().status, conditions } });
    await clock.advance(100);
    assert.equal(isReady(pod()), true);
  });

  test('a node that falls silent is Unknown after 40 s, its pods not Ready, later deleted but not gone', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(deployment(3), 'deployments.apps');
    await clock.advance(5_000);
    cluster.nodes.fail('node-1');
    await clock.advance(39_000);
    assert.equal(readyOf(cluster.pods('default')), 3);
    await clock.advance(2_000);
    const node = api.store.get('nodes', undefined, 'node-1') as KubeObject;
    const [condition] = valueAt(node, 'status.conditions') as { status: string; reason: string }[];
    assert.deepEqual([condition?.status, condition?.reason], ['Unknown', 'NodeStatusUnknown']);
    assert.equal(readyOf(cluster.pods('default')), 2);
    await clock.advance(301_000);
    const pods = cluster.pods('default');
    assert.equal(readyOf(pods), 3);
    const stuck = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    assert.deepEqual(
      stuck.map(({ spec }) => spec.nodeName),
      ['node-1'],
    );
    cluster.nodes.recover('node-1');
    await clock.advance(5_000);
    assert.equal(cluster.pods('default').length, 3);
  });

  test('a node that returns in time has its pods Ready again', async () => {
    const { clock, cluster } = startCluster();
    cluster.create(deployment(3), 'deployments.apps');
    await clock.advance(5_000);
    cluster.nodes.fail('node-1');
    await clock.advance(60_000);
    cluster.nodes.recover('node-1');
    await clock.advance(1_000);
    assert.equal(readyOf(cluster.pods('default')), 3);
  });

  test('deleting a deployment removes what it owns; deleting a namespace all that is in it', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(deployment(2), 'deployments.apps');
    cluster.create({ ...deployment(2), metadata: { name: 'web', namespace: 'shop' } }, 'deployments.apps');
    cluster.create({ ...service(), metadata: { name: 'web', namespace: 'shop' } }, 'services');
    await clock.advance(5_000);
    api.registry.delete(resourceNamed('deployments.apps'), 'default', 'web');
    await clock.advance(5_000);
    assert.equal(cluster.pods('default').length, 0);
    assert.deepEqual(api.store.list('replicasets.apps', 'default'), []);
    assert.equal(cluster.pods('shop').length, 2);
    api.registry.delete(resourceNamed('namespaces'), '', 'shop');
    await clock.advance(10_000);
    for (const storage of [
      'namespaces',
      'pods',
      'services',
      'replicasets.apps',
      'endpointslices.discovery.k8s.io',
    ]) {
      assert.deepEqual(
        api.store.list(storage).filter(({ metadata }) => metadata.namespace === 'shop'),
        [],
      );
    }
    assert.equal(api.store.get('namespaces', undefined, 'shop'), undefined);
  });

  test('a foreground deletion removes the dependants first, orphaning leaves them', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(deployment(2), 'deployments.apps');
    await clock.advance(5_000);
    const deployments = resourceNamed('deployments.apps');
    api.registry.delete(deployments, 'default', 'web', { propagationPolicy: 'Foreground' });
    await clock.advance(500);
    assert.ok(api.store.get('deployments.apps', 'default', 'web'), 'waits for its pods');
    await clock.advance(10_000);
    assert.equal(api.store.get('deployments.apps', 'default', 'web'), undefined);
    assert.equal(cluster.pods('default').length, 0);
    cluster.create(deployment(2), 'deployments.apps');
    await clock.advance(5_000);
    api.registry.delete(deployments, 'default', 'web', { propagationPolicy: 'Orphan' });
    await clock.advance(10_000);
    assert.equal(api.store.get('deployments.apps', 'default', 'web'), undefined);
    assert.equal(cluster.pods('default').length, 2);
    assert.equal(api.store.list('replicasets.apps', 'default')[0]?.metadata.ownerReferences, undefined);
  });

  test('kubelets renew their Leases while they are heard', async () => {
    const { clock, api, cluster } = startCluster();
    const renewed = (name: string) => {
      const lease = api.store.get('leases.coordination.k8s.io', 'kube-node-lease', name)!;
      return (lease['spec'] as { renewTime: string }).renewTime;
    };
    await clock.advance(25_000);
    assert.equal(renewed('node-1'), '2026-01-01T00:00:20.000000Z');
    cluster.nodes.fail('node-1');
    await clock.advance(20_000);
    assert.equal(renewed('node-1'), '2026-01-01T00:00:20.000000Z');
    assert.equal(renewed('node-2'), '2026-01-01T00:00:40.000000Z');
    cluster[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });

  test('kubelets end pods that the API server does not have, as soon as they are heard', async () => {
    const { clock, api, cluster } = startCluster({ stopMs: 2_000 });
    cluster.create(deployment(3), 'deployments.apps');
    await clock.advance(5_000);
    const [heard, silent] = cluster.pods('default');
    cluster.nodes.fail(silent!.spec.nodeName!);
    for (const pod of [heard!, silent!]) api.store.delete('pods', 'default', pod.metadata.name);
    await clock.advance(1_000);
    assert.ok(cluster.kubelets.runs(heard!.metadata.uid), 'it has its grace');
    await clock.advance(2_000);
    assert.ok(!cluster.kubelets.runs(heard!.metadata.uid));
    assert.ok(cluster.kubelets.runs(silent!.metadata.uid), 'its kubelet has not heard of it');
    cluster.nodes.recover(silent!.spec.nodeName!);
    assert.ok(!cluster.kubelets.runs(silent!.metadata.uid));
  });

  test('the pods of a node that is gone are failed and collected', async () => {
    const { clock, api, cluster } = startCluster();
    cluster.create(deployment(6), 'deployments.apps');
    await clock.advance(5_000);
    const name = cluster.pods('default')[0]!.spec.nodeName!;
    const seen: string[] = [];
    api.store.subscribe(({ storage, object, previous }) => {
      const pod = (object ?? previous) as Pod;
      if (storage !== 'pods' || pod.spec.nodeName !== name) return;
      seen.push(object === undefined ? 'gone' : `${pod.status.phase}`);
    });
    cluster.nodes.remove(name);
    await clock.advance(50_000);
    assert.deepEqual(seen, [], 'the collector waits');
    await clock.advance(20_000);
    assert.deepEqual(seen.filter((each) => each === 'gone').length, 2);
    assert.equal(seen[0], 'Failed');
    const pods = cluster.pods('default');
    assert.equal(pods.length, 6);
    assert.ok(pods.every(({ spec }) => spec.nodeName !== name));
  });

  test('carries on after the store was restored from a snapshot', async () => {
    const { clock, cluster, api } = startCluster();
    cluster.create(service(), 'services');
    cluster.create(deployment(3), 'deployments.apps');
    await clock.advance(5_000);
    const snapshot = api.store.snapshot();
    cluster.scale('default', 'web', 5);
    await clock.advance(5_000);
    api.faults.restore(snapshot);
    assert.equal(cluster.pods('default').length, 3);
    cluster.scale('default', 'web', 4);
    await clock.advance(5_000);
    assert.equal(readyOf(cluster.pods('default')), 4);
    assert.equal(new Set(cluster.pods('default').map(({ status }) => status.podIP)).size, 4);
    assert.equal(endpointsOf(api).length, 4);
  });

  test('repeats itself exactly: same clock, same randomness, same events', async () => {
    const record = async () => {
      const { clock, cluster, api } = startCluster();
      const events: string[] = [];
      api.store.subscribe(({ revision, object, previous }) => {
        events.push(JSON.stringify([revision, object ?? previous]));
      });
      cluster.create(service(), 'services');
      cluster.create(deployment(4), 'deployments.apps');
      await clock.advance(5_000);
      cluster.restart('default', 'web');
      await clock.advance(20_000);
      return events;
    };
    assert.deepEqual(await record(), await record());
  });

  test('dispose leaves no timer behind', async () => {
    const { clock, cluster } = startCluster();
    cluster.create(deployment(4), 'deployments.apps');
    await clock.advance(100);
    cluster.nodes.fail('node-2');
    cluster[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });
});
