import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import type { Pod } from '../sandbox/kube/controllers/shapes.ts';

/** Puts a pod that became Ready now. */
function putReady(cluster: SmallCluster, name: string, annotations: Readonly<Record<string, string>>): void {
  cluster.putPod(name, annotations);
  const pod = cluster.kube.store.get('pods', 'default', name) as Pod;
  const lastTransitionTime = new Date(cluster.clock.wall()).toISOString();
  const conditions = pod.status?.conditions?.map((condition) => ({ ...condition, lastTransitionTime }));
  cluster.kube.store.apply({ ...pod, status: { ...pod.status, conditions } });
}

const states = (cluster: SmallCluster) =>
  cluster.consul.outsider
    .services('kubernetes-n1')
    .map(({ Weights, Meta }) => `${Weights?.Passing} ${Meta?.['service_state']}`);

describe('a warm-up', () => {
  test('of many pods that start together costs one transaction a step, and ends', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const asked = { service: 'web', weight: '50', warmup: '100s' };
    for (let number = 1; number <= 20; number++) putReady(cluster, `web-${number}`, asked);
    await cluster.clock.advance(1_000);
    assert.deepEqual(new Set(states(cluster)), new Set(['1 young']));
    const { transactions } = cluster.consul.stats;
    const seen: string[] = [];
    for (let step = 1; step <= 5; step++) {
      await cluster.clock.advance(20_000);
      const now = new Set(states(cluster));
      assert.equal(now.size, 1);
      seen.push(...now);
    }
    assert.deepEqual(seen, ['10 young', '20 young', '30 young', '40 young', '50 adult']);
    assert.equal(cluster.consul.stats.transactions - transactions, 5);
    await cluster.clock.advance(600_000);
    assert.equal(cluster.consul.stats.transactions - transactions, 5, 'and nothing more');
    await operator.stop();
    assert.equal(cluster.clock.pending, 0, 'no timer is left');
  });

  test('goes on under the next operator where it was', async () => {
    const cluster = new SmallCluster();
    const first = cluster.start();
    await cluster.clock.advance(1_000);
    putReady(cluster, 'web-1', { service: 'web', weight: '50', warmup: '100s' });
    await cluster.clock.advance(50_000);
    assert.deepEqual(states(cluster), ['20 young']);
    await first.stop();
    const second = cluster.start();
    await cluster.clock.advance(1_000);
    assert.deepEqual(states(cluster), ['20 young']);
    await cluster.clock.advance(60_000);
    assert.deepEqual(states(cluster), ['50 adult']);
    await second.stop();
  });
});
