import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Running, SmallCluster } from '../../test/support/small-cluster.ts';

const uid = '0c1f5f2e-5e9c-4a39-9c1e-000000000001';
const named = (name: string, more: object = {}) => ({ cluster: { name, uid }, ...more });
const nodesOf = (cluster: SmallCluster): string[] =>
  cluster.consul.outsider.nodes().flatMap(({ Node }) => (/^(old|new)-/.test(Node) ? [Node] : []));
const addressesOf = (cluster: SmallCluster): Set<string> =>
  new Set(cluster.passing('web').map((entry) => entry.split('/')[1]!));

/** Pods registered by an operator under the cluster name `old`, which has ended. */
async function underOldName(pods: number): Promise<SmallCluster> {
  const cluster = new SmallCluster();
  for (let index = 0; index < pods; index++) {
    cluster.putPod(`web-${index}`, { service: 'web' }, { node: index % 2 === 0 ? 'n1' : 'n2' });
  }
  const operator = cluster.start(named('old'));
  await cluster.clock.advance(5_000);
  await operator.stop();
  assert.equal(addressesOf(cluster).size, pods);
  return cluster;
}

/** Looks after every request to Consul; returns what consumers missed. */
function watchForGaps(cluster: SmallCluster, expected: () => ReadonlySet<string>): string[] {
  const gaps: string[] = [];
  const look = (): void => {
    const seen = addressesOf(cluster);
    for (const address of expected())
      if (!seen.has(address)) gaps.push(`${address} at ${cluster.clock.now()}`);
  };
  const { intercept } = cluster.consul;
  cluster.consul.intercept = (request) => {
    look();
    return intercept?.(request);
  };
  return gaps;
}

async function stopAt(cluster: SmallCluster, operator: Running, ms: number): Promise<void> {
  await cluster.clock.advance(ms);
  await operator.stop();
}

describe('a cluster that is renamed', () => {
  test('has its instances under the new nodes before the old nodes go: none is ever missing', async () => {
    const cluster = await underOldName(300);
    const all = addressesOf(cluster);
    const gaps = watchForGaps(cluster, () => all);
    const operator = cluster.start(named('new'));
    await cluster.clock.advance(1_000);
    assert.deepEqual(gaps, []);
    assert.deepEqual(
      nodesOf(cluster).sort(),
      ['new-n1', 'new-n2'],
      'within a second, not at the next comparison',
    );
    assert.deepEqual(addressesOf(cluster), all);
    assert.equal(operator.log.filter(({ fields }) => fields['reason'] === 'Moving').length, 2);
    await operator.stop();
  });

  test('keeps the old nodes while the new ones cannot be written, and their health goes on', async () => {
    const cluster = await underOldName(4);
    cluster.consul.outsider.putNode({ Node: 'new-n1', Address: '10.9.9.9' });
    const all = addressesOf(cluster);
    const operator = cluster.start(named('new'));
    await cluster.clock.advance(200_000);
    assert.deepEqual(nodesOf(cluster).sort(), ['new-n1', 'new-n2', 'old-n1'], "new-n1 is somebody else's");
    assert.deepEqual(addressesOf(cluster), all);
    cluster.putPod('web-0', { service: 'web' }, { ready: false });
    await cluster.clock.advance(1_000);
    assert.equal(addressesOf(cluster).size, 3, 'a pod that is not ready is not shown as passing');
    cluster.putPod('web-2', {});
    await cluster.clock.advance(1_000);
    assert.equal(addressesOf(cluster).size, 2, 'what nobody wants goes at once');
    cluster.consul.outsider.removeNode('new-n1');
    await cluster.clock.advance(200_000);
    assert.deepEqual(nodesOf(cluster).sort(), ['new-n1', 'new-n2']);
    await operator.stop();
  });

  test('misses nothing when Consul fails in between and the operator is restarted at any moment', async () => {
    for (const restartAfterMs of [0, 1, 5, 20, 100, 400, 1_000]) {
      const cluster = await underOldName(40);
      const all = addressesOf(cluster);
      let writes = 0;
      cluster.consul.intercept = ({ path }) => {
        if (path !== '/v1/txn') return undefined;
        writes += 1;
        if (writes % 3 === 1) return { kind: 'reset-after-apply' };
        return writes % 3 === 2 ? { kind: 'answer', status: 500, body: 'No cluster leader' } : undefined;
      };
      const gaps = watchForGaps(cluster, () => all);
      await stopAt(cluster, cluster.start(named('new')), restartAfterMs);
      const operator = cluster.start(named('new'));
      await cluster.clock.advance(300_000);
      assert.deepEqual(gaps, [], `restarted after ${restartAfterMs} ms`);
      assert.deepEqual(nodesOf(cluster).sort(), ['new-n1', 'new-n2']);
      assert.deepEqual(addressesOf(cluster), all);
      await operator.stop();
    }
  });

  test('keeps an instance whose annotations have become wrong on its old node', async () => {
    const cluster = await underOldName(2);
    cluster.putPod('web-0', { service: 'web', port: 'nope' });
    const all = addressesOf(cluster);
    const operator = cluster.start(named('new'));
    await cluster.clock.advance(200_000);
    assert.deepEqual(addressesOf(cluster), all);
    assert.ok(nodesOf(cluster).includes('old-n1'));
    cluster.putPod('web-0', { service: 'web', port: 'http' });
    await cluster.clock.advance(200_000);
    assert.deepEqual(nodesOf(cluster).sort(), ['new-n1', 'new-n2']);
    assert.deepEqual(addressesOf(cluster), all);
    await operator.stop();
  });

  test('under upsert-only has both, until purge takes the old nodes', async () => {
    const cluster = await underOldName(2);
    const operator = cluster.start(named('new', { sync: { policy: 'upsert-only' } }));
    await cluster.clock.advance(200_000);
    assert.equal(nodesOf(cluster).length, 4);
    const { exitCode } = await cluster.run(['purge', '--yes', '--cluster-uid', uid, '--node', 'old-*']);
    assert.equal(exitCode, 0);
    assert.deepEqual(nodesOf(cluster).sort(), ['new-n1', 'new-n2']);
    await operator.stop();
  });
});
