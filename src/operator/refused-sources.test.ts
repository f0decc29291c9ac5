import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const namespaced = { kubernetes: { namespaces: ['shop', 'old'] }, cluster: { uid: 'uid-1' } };

/** The API server refuses paths that begin with one of these. */
function refuse(cluster: SmallCluster, ...beginnings: readonly string[]): void {
  cluster.kube.faults.intercept = ({ path }) =>
    beginnings.some((beginning) => path.startsWith(beginning))
      ? {
          kind: 'answer',
          status: 403,
          body: JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message: 'not allowed' }),
        }
      : undefined;
}

const allOf = (namespace: string) => [
  `/api/v1/namespaces/${namespace}/`,
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/`,
];

function putService(cluster: SmallCluster, name: string, namespace: string, podUid = ''): void {
  cluster.kube.addNamespace(namespace);
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, annotations: { 'kube-registrar.io/service': 'true' } },
    spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  });
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['192.0.2.7'],
        conditions: { ready: true },
        ...(podUid === '' ? {} : { nodeName: 'n1', targetRef: { kind: 'Pod', name: 'db-1', uid: podUid } }),
      },
    ],
  });
}

describe('a source that the API server refuses', () => {
  test('in one namespace holds up no other, and what is registered from it stays until it can be read', async () => {
    const cluster = new SmallCluster();
    for (let number = 1; number <= 15; number += 1) {
      cluster.putPod(`old-${number}`, { service: 'old' }, { namespace: 'old' });
    }
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop' });
    const first = cluster.start(namespaced);
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('old').length, 15);
    await first.stop();

    refuse(cluster, ...allOf('old'));
    // Without the guard, too: nothing is known to be gone.
    const operator = cluster.start({ ...namespaced, guard: { removals: false } });
    await cluster.clock.advance(1_000);
    cluster.putPod('web-2', { service: 'web' }, { namespace: 'shop' });
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('web').length, 2, 'another namespace waits for nothing');
    await cluster.clock.advance(600_000);
    assert.equal(cluster.passing('old').length, 15);
    assert.deepEqual(operator.operator.notReady(), []);
    assert.deepEqual(
      operator.operator.degraded().map((text) => text.replace(/ \(.*/, '')),
      ['pods', 'services', 'endpointslices'].map((kind) => `${kind} in old: may not be read`),
    );
    assert.deepEqual(
      operator.operator.status().reflectors.map(({ namespace, state }) => `${namespace} ${state}`),
      [...Array(3).fill('shop watching'), ...Array(3).fill('old refused')],
    );
    assert.ok(operator.log.some(({ fields }) => fields['reason'] === 'ReflectorFailed' && fields['hint']));

    const { stdout } = await cluster.run(
      [
        ...['explain', 'pod/old-1', '-n', 'old', '--watch-namespace', 'shop', '--watch-namespace', 'old'],
        ...['--cluster-name', 'kubernetes'],
      ],
      { environment: { KUBE_REGISTRAR_CLUSTER_UID: 'uid-1' } },
    );
    assert.match(stdout, /pods in old cannot be read: the operator does not know whether it exists/);
    assert.match(stdout, /is kept as it was: pods in old cannot be read/);

    cluster.kube.store.delete('pods', 'old', 'old-1');
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(120_000);
    assert.equal(cluster.passing('old').length, 14, 'now it is known to be gone');
    assert.deepEqual(operator.operator.degraded(), []);
    await operator.stop();
  });

  test('namespaces without any right let nobody believe that the cluster is empty', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop' });
    const first = cluster.start(namespaced);
    await cluster.clock.advance(1_000);
    await first.stop();
    refuse(cluster, ...allOf('old'), ...allOf('shop'));
    const operator = cluster.start(namespaced);
    await cluster.clock.advance(600_000);
    assert.equal(operator.operator.notReady().filter((text) => text.startsWith('pods in')).length, 2);
    assert.equal(cluster.passing('web').length, 1);
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(60_000);
    assert.deepEqual(operator.operator.notReady(), []);
    await operator.stop();
  });

  test('EndpointSlices alone, in the whole cluster, leave pods to be registered and endpoints as they are', async () => {
    const cluster = new SmallCluster();
    putService(cluster, 'db', 'shop');
    const first = cluster.start();
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('db').length, 1);
    await first.stop();
    refuse(cluster, '/apis/discovery.k8s.io/');
    const operator = cluster.start();
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop' });
    await cluster.clock.advance(300_000);
    assert.equal(cluster.passing('web').length, 1);
    assert.equal(cluster.passing('db').length, 1);
    assert.deepEqual(operator.operator.notReady(), []);
    const { exitCode, stdout, stderr } = await cluster.run(['plan']);
    assert.equal(exitCode, 0, stdout);
    assert.match(stderr, /warning: endpointslices: may not be read .*; its registrations stay unchanged\n/);
    await operator.stop();
  });

  test('pods alone: an endpoint with a pod behind it is not made of half of what it needs', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('other-1', { service: 'other' }, { namespace: 'shop' });
    cluster.putPod('db-1', { service: 'db', port: 'http', tags: 'a' }, { namespace: 'old' });
    const { uid } = cluster.kube.store.get('pods', 'old', 'db-1')!.metadata;
    putService(cluster, 'db', 'old', uid);
    const first = cluster.start(namespaced);
    await cluster.clock.advance(1_000);
    await first.stop();
    const before = cluster.consul.outsider.services('kubernetes-n1');
    const { transactions } = cluster.consul.stats;
    refuse(cluster, '/api/v1/namespaces/old/pods');
    const operator = cluster.start(namespaced);
    await cluster.clock.advance(300_000);
    assert.deepEqual(cluster.consul.outsider.services('kubernetes-n1'), before);
    assert.equal(cluster.consul.stats.transactions, transactions, 'nothing is written');
    await operator.stop();
  });
});
