import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seeded } from '../../../test/support/seeded-random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Cluster } from '../../sandbox/kube/controllers/cluster.ts';
import { KubeApi } from '../../sandbox/kube/kube-api.ts';
import { expectedPassing } from './expected-passing.ts';
import { Propagation } from './propagation.ts';
import type { ServiceView } from './service-view.ts';
import { deploymentOf, namespace, serviceOf, workloads } from './workloads.ts';

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

describe('expectedPassing()', () => {
  test('counts Ready pods on Ready nodes that are not terminating', async () => {
    const { clock, kube, cluster } = startWorld();
    cluster.create(deploymentOf(web, 'v1'), 'deployments.apps');
    await clock.advance(100);
    assert.equal(expectedPassing(kube.store, web).size, 0, 'not Ready yet');
    await clock.advance(5_000);
    assert.equal(expectedPassing(kube.store, web).size, 4);
    cluster.kubelets.setReadiness(namespace, cluster.pods(namespace)[0]!.metadata.name, { ready: false });
    assert.equal(expectedPassing(kube.store, web).size, 3);
    cluster.scale(namespace, 'web', 2);
    await clock.advance(100);
    assert.equal(expectedPassing(kube.store, web).size, 2);
  });

  test('leaves the word to the slices where the Service carries the annotation', async () => {
    const { clock, kube, cluster } = startWorld();
    cluster.create(deploymentOf(search, 'v1'), 'deployments.apps');
    await clock.advance(5_000);
    assert.equal(expectedPassing(kube.store, search).size, 0, 'no slice yet');
    cluster.create(serviceOf(search), 'services');
    await clock.advance(5_000);
    assert.equal(expectedPassing(kube.store, search).size, 2);
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
