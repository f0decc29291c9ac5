import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seeded } from '../../../test/support/seeded-random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Cluster } from '../../sandbox/kube/controllers/cluster.ts';
import { isDeleting, isReady, type Node, type Pod } from '../../sandbox/kube/controllers/shapes.ts';
import type { Endpoint } from '../../sandbox/kube/controllers/slices.ts';
import { KubeApi } from '../../sandbox/kube/kube-api.ts';
import type { ObjectStore } from '../../sandbox/kube/store.ts';
import { Propagation } from './propagation.ts';
import type { ServiceView } from './service-view.ts';
import { deploymentOf, namespace, serviceOf, type Workload, workloads } from './workloads.ts';

const { web, search } = workloads();

function startWorld() {
  const clock = new VirtualClock();
  const kube = new KubeApi({ clock, random: seeded(1) });
  const cluster = new Cluster({ api: kube, clock });
  cluster.nodes.add({ name: 'node-1', address: '192.0.2.1' });
  const propagation = new Propagation(kube.store, clock, [web, search]);
  const view = (status: 'passing' | 'critical'): ServiceView =>
    [...cluster.pods(namespace, { app: 'web' })].map(({ metadata: { name, uid } }) => ({
      service: 'web',
      id: name,
      pod: name,
      podUid: uid,
      node: 'node-1',
      address: '',
      tags: [],
      status,
      reason: '',
    }));
  return { clock, kube, cluster, propagation, view };
}

/** The same from a look at everything: what the pods, nodes and slices say now. */
function expectedOf(store: ObjectStore, { app, via }: Workload): readonly string[] {
  const slices = store.list('endpointslices.discovery.k8s.io', namespace);
  const served = new Set(
    slices
      .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === app)
      .flatMap((slice) => slice['endpoints'] as readonly Endpoint[])
      .flatMap(({ conditions, targetRef }) => (conditions.ready ? [targetRef.uid] : [])),
  );
  return (store.list('pods', namespace) as readonly Pod[])
    .filter((pod) => {
      const node = store.get('nodes', undefined, pod.spec.nodeName ?? '') as Node | undefined;
      const isServed = via === 'pods' ? isReady(pod) : served.has(pod.metadata.uid);
      const isHere = pod.metadata.labels?.['app'] === app && !isDeleting(pod);
      return isHere && isServed && node !== undefined && isReady(node);
    })
    .map(({ metadata }) => metadata.uid)
    .sort();
}

describe('the pods that are expected to pass', () => {
  test('are Ready, on Ready nodes, and not terminating', async () => {
    const { clock, cluster, propagation } = startWorld();
    const count = () => propagation.expected('web').size;
    cluster.create(deploymentOf(web, 'v1'), 'deployments.apps');
    await clock.advance(100);
    assert.equal(count(), 0, 'not Ready yet');
    await clock.advance(5_000);
    assert.equal(count(), 4);
    cluster.kubelets.setReadiness(namespace, cluster.pods(namespace)[0]!.metadata.name, { ready: false });
    assert.equal(count(), 3);
    cluster.scale(namespace, 'web', 2);
    await clock.advance(100);
    assert.equal(count(), 2);
    cluster.nodes.fail('node-1');
    await clock.advance(41_000);
    assert.equal(count(), 0);
  });

  test('are those in the slices where the Service carries the annotation', async () => {
    const { clock, cluster, propagation } = startWorld();
    cluster.create(deploymentOf(search, 'v1'), 'deployments.apps');
    await clock.advance(5_000);
    assert.equal(propagation.expected('search').size, 0, 'no slice yet');
    cluster.create(serviceOf(search), 'services');
    await clock.advance(5_000);
    assert.equal(propagation.expected('search').size, 2);
  });

  test('are the same after any changes as a look at everything finds', async () => {
    const { clock, kube, cluster, propagation } = startWorld();
    const random = seeded(5);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
    cluster.nodes.add({ name: 'node-2', address: '192.0.2.2' });
    for (const workload of [web, search]) cluster.create(deploymentOf(workload, 'v1'), 'deployments.apps');
    cluster.create(serviceOf(search), 'services');
    const started = () => cluster.pods(namespace).filter(({ status }) => status.podIP !== undefined);
    const aPod = () => pick(started()).metadata.name;
    const changes: readonly (() => void)[] = [
      () => cluster.kubelets.setReadiness(namespace, aPod(), { ready: random() < 0.5 }),
      () => cluster.scale(namespace, pick(['web', 'search']), 1 + Math.floor(random() * 6)),
      () => kube.store.delete('pods', namespace, aPod()),
      () => cluster.nodes.fail('node-2'),
      () => cluster.nodes.recover('node-2'),
    ];
    let most = 0;
    for (let round = 0; round < 120; round += 1) {
      if (started().length > 0) pick(changes)();
      await clock.advance(random() < 0.3 ? 50_000 : 700);
      for (const workload of [web, search]) {
        const expected = [...propagation.expected(workload.service)].sort();
        assert.deepEqual(expected, expectedOf(kube.store, workload), `round ${round}`);
        most = Math.max(most, expected.length);
      }
    }
    assert.ok(most > 3, `never more than ${most}`);
  });
});

describe('Propagation', () => {
  test('measures from the change in the API server to the consumer that was notified', async () => {
    const { clock, cluster, propagation, view } = startWorld();
    cluster.create(deploymentOf({ ...web, replicas: 1 }, 'v1'), 'deployments.apps');
    await clock.advance(5_000);
    const [pod] = cluster.pods(namespace);
    propagation.seen('web', view('passing'), clock.now());
    const measured = propagation.latencies.length;

    cluster.kubelets.setReadiness(namespace, pod!.metadata.name, { ready: false });
    const changedAt = clock.now();
    await clock.advance(20);
    propagation.seen('web', view('passing'), clock.now());
    assert.equal(propagation.latencies.length, measured, 'the consumer does not know yet');
    propagation.seen('search', [], clock.now());
    assert.equal(propagation.latencies.length, measured, 'that was another service');
    await clock.advance(10);
    propagation.seen('web', view('critical'), clock.now());
    assert.deepEqual(propagation.latencies.slice(measured), [clock.now() - changedAt]);
    propagation.seen('web', view('critical'), clock.now());
    assert.equal(propagation.latencies.length, measured + 1, 'once');
  });

  test('does not wait for a change that was taken back before anybody saw it', async () => {
    const { clock, cluster, propagation, view } = startWorld();
    cluster.create(deploymentOf({ ...web, replicas: 1 }, 'v1'), 'deployments.apps');
    await clock.advance(5_000);
    propagation.seen('web', view('passing'), clock.now());
    const measured = propagation.latencies.length;
    const { name } = cluster.pods(namespace)[0]!.metadata;
    cluster.kubelets.setReadiness(namespace, name, { ready: false });
    cluster.kubelets.setReadiness(namespace, name, { ready: true });
    await clock.advance(60_000);
    propagation.seen('web', view('passing'), clock.now());
    assert.equal(propagation.latencies.length, measured);
  });
});
