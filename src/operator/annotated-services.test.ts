import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const node = 'kubernetes-n1';

/** A Service `web`, with an EndpointSlice of these pods; without any, it has none. */
function putService(
  cluster: SmallCluster,
  annotations: Readonly<Record<string, string>>,
  pods: readonly string[],
  conditions: object = { ready: true, serving: true, terminating: false },
): void {
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'default',
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
      ),
    },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: pods.map((name) => {
      const pod = cluster.kube.store.get('pods', 'default', name) as unknown as {
        metadata: { uid: string };
        status: { podIP: string };
      };
      const targetRef = { kind: 'Pod', name, namespace: 'default', uid: pod.metadata.uid };
      return { addresses: [pod.status.podIP], conditions, nodeName: 'n1', targetRef };
    }),
  });
}

describe('an annotated Service, in the operator', () => {
  test('a pod that opts out with "false" goes at once, and comes back', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', {});
    cluster.putPod('b', {});
    putService(cluster, { service: 'true' }, ['a', 'b']);
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    assert.equal(cluster.passing('web').length, 2);
    cluster.putPod('a', { service: 'false' });
    await cluster.clock.advance(1_000);
    assert.equal(cluster.consul.outsider.services(node).length, 1);
    const [gone] = running.log.filter(({ fields }) => fields['reason'] === 'Deregistered');
    assert.equal(gone?.fields['because'], 'withdrawn');
    const { stdout } = await cluster.run(['explain', 'pod/a', '-n', 'default']);
    assert.match(stdout, /service is "false": neither its own annotations nor a Service asks for it/);
    cluster.putPod('a', {});
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('web').length, 2);
    await running.stop();
  });

  test('with publishNotReadyAddresses, what is not ready is critical and says why', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', {}, { ready: false });
    putService(cluster, { service: 'true' }, ['a'], { ready: true, serving: false, terminating: false });
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    const check = cluster.consul.outsider.checks(node).find(({ ServiceID }) => ServiceID !== '');
    assert.deepEqual([check?.Status, check?.Output], ['critical', 'ContainersNotReady: probe failed']);
    await running.stop();
  });

  test('a mistake is reported also without endpoints, once, and ends with its correction', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', {});
    putService(cluster, { service: 'true', port: 'htp' }, []);
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    const told = (reason: string) => running.log.filter(({ fields }) => fields['reason'] === reason);
    assert.deepEqual(
      told('InvalidAnnotation').map(({ fields }) => [fields['service'], fields['field']]),
      [['default/web', 'port']],
    );
    const { stdout } = await cluster.run(['explain', 'service/web', '-n', 'default']);
    assert.match(stdout, /error: kube-registrar\.io\/port: port "htp" is not a port of the Service/);
    putService(cluster, { service: 'true', port: 'htp' }, ['a']);
    await cluster.clock.advance(10_000);
    assert.deepEqual([told('InvalidAnnotation').length, told('Cleared').length], [1, 0]);
    putService(cluster, { service: 'true', port: 'http' }, ['a']);
    await cluster.clock.advance(10_000);
    assert.deepEqual([told('InvalidAnnotation').length, told('Cleared').length], [1, 1]);
    assert.equal(cluster.passing('web').length, 1);
    await running.stop();
  });
});
