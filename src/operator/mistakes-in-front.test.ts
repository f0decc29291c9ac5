import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putPodSlice } from '../../test/support/pod-slice.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

type Annotations = Readonly<Record<string, string>>;

const prefixed = (annotations: Annotations): Annotations =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]));

/** The Service `web` in front of the pod `web`, and its EndpointSlice. */
function putService(cluster: SmallCluster, annotations: Annotations): void {
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', annotations: prefixed(annotations) },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  putPodSlice(cluster);
}

/** The one instance there is: its tags, and the Service that asks for it. */
function only({ consul }: SmallCluster): readonly unknown[] {
  const [one, ...others] = consul.outsider.services('kubernetes-n1');
  assert.deepEqual(others, []);
  return one === undefined ? [] : [one.Service, one.Tags, one.Meta?.['kube-service']];
}

test('a mistake in a Service in front of a pod that is registered by default takes nothing away', async () => {
  const cluster = new SmallCluster();
  cluster.putPod('web', {});
  putService(cluster, {});
  const running = cluster.start({ sync: { default: 'pods' } });
  await cluster.clock.advance(5_000);
  assert.deepEqual(only(cluster), ['web', [], undefined]);
  putService(cluster, { service: 'true', port: 'none' });
  await cluster.clock.advance(600_000);
  assert.deepEqual(only(cluster), ['web', [], undefined]);
  assert.equal(cluster.passing('web').length, 1);
  cluster.putPod('web', {}, { ready: false });
  await cluster.clock.advance(1_000);
  assert.equal(cluster.passing('web').length, 0, 'its health is followed');
  cluster.putPod('web', {});
  putService(cluster, { service: 'true', tags: 'right' });
  await cluster.clock.advance(1_000);
  assert.deepEqual(only(cluster), ['web', ['right'], 'web']);
  putService(cluster, { service: 'true', port: 'none' });
  await cluster.clock.advance(600_000);
  assert.deepEqual(only(cluster), ['web', ['right'], 'web'], 'what the Service got stays as well');
  await running.stop();
});

test('a mistake in a pod takes nothing away that the Service in front of it got', async () => {
  const cluster = new SmallCluster();
  cluster.putPod('web', {});
  putService(cluster, { service: 'true', tags: 'of-service' });
  const running = cluster.start();
  await cluster.clock.advance(5_000);
  assert.deepEqual(only(cluster), ['web', ['of-service'], 'web']);
  cluster.putPod('web', { service: 'web', port: 'none' });
  await cluster.clock.advance(600_000);
  assert.deepEqual(only(cluster), ['web', ['of-service'], 'web']);
  assert.equal(cluster.passing('web').length, 1);
  cluster.putPod('web', { service: 'web', tags: 'of-pod' });
  await cluster.clock.advance(1_000);
  assert.deepEqual(only(cluster), ['web', ['of-pod'], undefined]);
  await running.stop();
});
