import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isConsulWrite } from '../../test/support/consul-writes.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

/** What `kubectl describe` shows of an object: reasons, in the order they were first reported, and notes. */
function described(cluster: SmallCluster, name: string) {
  const { uid } = (cluster.kube.store.get('pods', 'default', name) ??
    cluster.kube.store.get('services', 'default', name))!.metadata;
  return (cluster.kube.store.list('events') as unknown as StoredEvent[])
    .filter(({ involvedObject }) => involvedObject.uid === uid)
    .map(({ type, reason, message, series }) => ({ type, reason, message, count: series?.count ?? 1 }));
}

interface StoredEvent {
  readonly involvedObject: { readonly uid: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly series?: { readonly count: number };
}

describe('Events', () => {
  test('the start reports nothing that always was; a new pod gets an Event when it is registered', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    cluster.putPod('web-2', { service: 'web' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(described(cluster, 'web-1'), []);
    const [registered, ...more] = described(cluster, 'web-2');
    assert.deepEqual(more, []);
    assert.deepEqual([registered?.type, registered?.reason], ['Normal', 'Registered']);
    assert.match(
      registered!.message,
      /^Registered in Consul as service "web" at 10\.1\.0\.2:8080 on node "kubernetes-n1" after \d+ ms$/,
    );
    await operator.stop();
  });

  test('a pod taken out of Consul gets an Event, a pod that ends does not', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    cluster.putPod('web-2', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    cluster.putPod('web-1', {});
    cluster.kube.store.delete('pods', 'default', 'web-2');
    await cluster.clock.advance(60_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(
      described(cluster, 'web-1').map(({ reason, message }) => [reason, message]),
      [['Deregistered', 'Service "web" is deregistered from Consul node "kubernetes-n1" (withdrawn)']],
    );
    assert.equal(cluster.kube.store.list('events').length, 1);
    assert.deepEqual(
      cluster.consul.outsider.services('kubernetes-n1'),
      [],
      'the last two went with their node',
    );
    await operator.stop();
  });

  test('a pod taken out of a node on which others stay gets an Event, too', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    cluster.putPod('web-2', { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    cluster.putPod('web-1', {});
    await cluster.clock.advance(60_000);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.2']);
    assert.deepEqual(
      described(cluster, 'web-1').map(({ reason }) => reason),
      ['Deregistered'],
    );
    await operator.stop();
  });

  test('a mistake is reported with its annotation, again every half hour while it lasts, and again when it is back', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web', port: 'htp' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const [mistake] = described(cluster, 'web-1');
    assert.equal(mistake?.reason, 'InvalidAnnotation');
    assert.match(
      mistake.message,
      /^Registration refused: port "htp" is not .*did you mean "http"\? \(annotation kube-registrar.io\/port\)$/,
    );
    await cluster.clock.advance(3_600_000);
    assert.equal(described(cluster, 'web-1')[0]?.count, 3);
    cluster.putPod('web-1', { service: 'web', port: 'http' });
    await cluster.clock.advance(3_600_000);
    cluster.putPod('web-1', { service: 'web', port: 'htp' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(
      described(cluster, 'web-1').map(({ reason, count }) => [reason, count]),
      [
        ['InvalidAnnotation', 4],
        ['Registered', 1],
      ],
    );
    await operator.stop();
  });

  test('a removal that is held is reported on the Service or the node that had the pod', async () => {
    const cluster = new SmallCluster();
    for (let number = 1; number <= 30; number++) cluster.putPod(`web-${number}`, { service: 'web' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    await operator.stop();
    for (let number = 1; number <= 30; number++)
      cluster.kube.store.delete('pods', 'default', `web-${number}`);
    const next = cluster.start();
    await cluster.clock.advance(1_000);
    assert.equal(cluster.passing('web').length, 30, 'held');
    const events = cluster.kube.store.list('events') as unknown as StoredEvent[];
    assert.ok(events.length > 0);
    const { uid } = cluster.kube.store.get('nodes', undefined, 'n1')!.metadata;
    for (const { involvedObject, reason } of events) {
      assert.deepEqual([involvedObject.uid, reason], [uid, 'RemovalHeld']);
    }
    assert.ok(events.length <= 11, 'ten, and one for all the others');
    await next.stop();
  });

  test('a name claimed by others, and a change Consul refuses, are reported', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start({ claims: [{ namespaces: ['pay'], services: ['pay-*'] }] });
    await cluster.clock.advance(1_000);
    cluster.putPod('web-1', { service: 'pay-web' });
    cluster.consul.intercept = (request) =>
      isConsulWrite(request)
        ? {
            kind: 'answer',
            status: 409,
            body: JSON.stringify({ Results: null, Errors: [{ OpIndex: 0, What: 'bad service' }] }),
          }
        : undefined;
    cluster.putPod('web-2', { service: 'web' }, { node: 'n2' });
    await cluster.clock.advance(5_000);
    assert.deepEqual(
      described(cluster, 'web-1').map(({ reason }) => reason),
      ['ServiceNameDenied'],
    );
    const [refused] = described(cluster, 'web-2');
    assert.equal(refused?.reason, 'RegistrationFailed');
    assert.match(
      refused.message,
      /^Consul refuses the node of an instance of service "web": put-node .*bad service; it is retried$/,
    );
    assert.equal(cluster.kube.store.list('events').length, 2);
    await operator.stop();
  });

  test('a change that Consul refuses is a problem in the status and on the page until it is written', async () => {
    const cluster = new SmallCluster();
    const running = cluster.start();
    cluster.putPod('web-1', { service: 'web' });
    await cluster.clock.advance(5_000);
    cluster.consul.intercept = (request) =>
      isConsulWrite(request)
        ? {
            kind: 'answer',
            status: 409,
            body: JSON.stringify({ Results: null, Errors: [{ OpIndex: 0, What: 'bad service' }] }),
          }
        : undefined;
    cluster.putPod('web-1', { service: 'web', tags: 'blue' });
    await cluster.clock.advance(5_000);
    const status = running.operator.status();
    const refused = status.held.filter(({ by }) => by === 'consul');
    assert.partialDeepStrictEqual(refused, [
      { what: 'write', service: 'web', because: 'refused', release: null },
    ]);
    assert.match(
      refused[0]!.why,
      /^instance \S+ of web is not written: Consul refuses it \(.*bad service.*; next try /,
    );
    assert.ok(refused[0]!.until! > status.now, 'the next try is still to come');
    assert.deepEqual(
      status.problems.map(({ reason, severity }) => [reason, severity]),
      [['RegistrationFailed', 'error']],
    );
    assert.deepEqual([status.state.kind, status.state.text], ['problems', '1 problem'], 'counted once');
    cluster.consul.intercept = undefined;
    await cluster.clock.advance(300_000);
    assert.deepEqual(running.operator.status().held, []);
    assert.deepEqual(running.operator.status().problems, []);
    await running.stop();
  });
});
