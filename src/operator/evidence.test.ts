import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Running, SmallCluster } from '../../test/support/small-cluster.ts';

describe('what was seen of objects that ended', () => {
  test('is forgotten after a comparison with Consul, once nothing of it is registered', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    cluster.putPod('web-2', { service: 'web' });
    const running = cluster.start();
    await cluster.clock.advance(5_000);
    cluster.kube.store.delete('pods', 'default', 'web-1');
    await cluster.clock.advance(5_000);
    assert.equal(evidence(running), 1);
    await cluster.clock.advance(180_000);
    assert.equal(evidence(running), 0);
    await running.stop();
  });
});

function evidence({ operator }: Running): unknown {
  const { stores } = operator.dump() as { readonly stores: { readonly evidence: unknown } };
  return stores.evidence;
}
