import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const ids = (cluster: SmallCluster, node: string): string[] =>
  cluster.consul.outsider.services(node).map(({ ID }) => ID.split('.')[1]!);

/** Two pods that an earlier operator registered; since then one went, one has another tag, one is new. */
async function changed(): Promise<SmallCluster> {
  const cluster = new SmallCluster();
  cluster.putPod('web-1', { service: 'web', tags: 'a' });
  cluster.putPod('web-2', { service: 'web' });
  const operator = cluster.start();
  await cluster.clock.advance(1_000);
  await operator.stop();
  cluster.putPod('web-1', { service: 'web', tags: 'b' });
  cluster.putPod('web-2', {});
  cluster.putPod('web-3', { service: 'web' }, { node: 'n2' });
  return cluster;
}

describe('the policy', () => {
  test('sync adds, changes and removes', async () => {
    const cluster = await changed();
    const operator = cluster.start({ sync: { policy: 'sync' } });
    await cluster.clock.advance(1_000);
    assert.deepEqual(ids(cluster, 'kubernetes-n1'), ['web-1']);
    assert.deepEqual(cluster.consul.outsider.services('kubernetes-n1')[0]?.Tags, ['b']);
    assert.deepEqual(ids(cluster, 'kubernetes-n2'), ['web-3']);
    await operator.stop();
  });

  test('upsert-only adds and changes, and says once what it does not remove', async () => {
    const cluster = await changed();
    const operator = cluster.start({ sync: { policy: 'upsert-only' } });
    await cluster.clock.advance(300_000);
    assert.deepEqual(ids(cluster, 'kubernetes-n1').sort(), ['web-1', 'web-2']);
    assert.deepEqual(ids(cluster, 'kubernetes-n2'), ['web-3']);
    cluster.putPod('web-3', {}, { node: 'n2' });
    await cluster.clock.advance(300_000);
    assert.deepEqual(ids(cluster, 'kubernetes-n2'), ['web-3'], 'the node with its last instance stays');
    const held = operator.log.filter(({ fields }) => fields['reason'] === 'Held');
    assert.deepEqual(
      held.map(({ fields }) => fields['would']),
      ['Deregistered', 'NodeDeregistered'],
    );
    await operator.stop();
  });

  test('dry-run writes nothing at all, and logs everything it would write', async () => {
    const cluster = await changed();
    const { operations, transactions } = cluster.consul.stats;
    const { raftIndex } = cluster.consul;
    const operator = cluster.start({ sync: { policy: 'dry-run' } });
    await cluster.clock.advance(600_000);
    cluster.putPod('web-3', { service: 'web' }, { node: 'n2', ready: false });
    await cluster.clock.advance(600_000);
    await operator.stop();
    assert.equal(cluster.consul.raftIndex, raftIndex);
    assert.deepEqual(
      [cluster.consul.stats.operations, cluster.consul.stats.transactions],
      [operations, transactions],
    );
    const would = operator.log
      .filter(({ fields }) => fields['reason'] === 'Held')
      .map(({ fields }) =>
        `${fields['would']} ${fields['instance'] ?? fields['node']}`.replace(/ default\.([^.]+).*/, ' $1'),
      );
    for (const line of [
      'Updated web-1',
      'Deregistered web-2',
      'Registered web-3',
      'NodeRegistered kubernetes-n2',
    ]) {
      assert.ok(would.includes(line), `${line} of ${would.join(', ')}`);
    }
  });
});
