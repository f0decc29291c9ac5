import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const claims = [{ namespaces: ['pay'], services: ['web', 'pay-*'] }];
const reasons = (log: readonly { readonly fields: Readonly<Record<string, unknown>> }[], reason: string) =>
  log.filter(({ fields }) => fields['reason'] === reason);

describe('claims, in the operator', () => {
  test('a namespace that does not own the name is refused, the owner is registered', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop', ip: '10.1.0.1' });
    cluster.putPod('web-2', { service: 'web' }, { namespace: 'pay', ip: '10.1.0.2' });
    const operator = cluster.start({ claims });
    await cluster.clock.advance(200_000);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.2']);
    const [denied, ...more] = reasons(operator.log, 'ServiceNameDenied');
    assert.deepEqual(more, [], 'said once');
    assert.equal(denied?.fields['pod'], 'shop/web-1');
    assert.match(String(denied?.fields['message']), /claimed by namespace "pay"/);
    await operator.stop();
  });

  test('what was registered before the claim stays, follows its health, and goes with its pod', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop', ip: '10.1.0.1' });
    cluster.putPod('web-2', { service: 'web' }, { namespace: 'shop', ip: '10.1.0.2' });
    const before = cluster.start();
    await cluster.clock.advance(1_000);
    await before.stop();
    const operator = cluster.start({ claims });
    await cluster.clock.advance(200_000);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n1/10.1.0.1', 'kubernetes-n1/10.1.0.2']);
    assert.deepEqual(
      reasons(operator.log, 'ServiceNameDenied').map(({ fields }) => fields['replicas']),
      ['shop/web-*'],
    );
    cluster.putPod('web-1', { service: 'web' }, { namespace: 'shop', ready: false });
    cluster.putPod('web-2', {}, { namespace: 'shop' });
    cluster.putPod('web-3', { service: 'web' }, { namespace: 'shop' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.equal(cluster.consul.outsider.services('kubernetes-n1').length, 1, 'web-1, critical');
    await operator.stop();
  });
});
