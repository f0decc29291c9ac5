import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

/** Two nodes with an instance each, registered by an operator that has ended. */
async function registered(): Promise<SmallCluster> {
  const cluster = new SmallCluster();
  cluster.putPod('a', { service: 'web' }, { node: 'n1' });
  cluster.putPod('b', { service: 'web' }, { node: 'n2' });
  const operator = cluster.start();
  await cluster.clock.advance(5_000);
  await operator.stop();
  assert.equal(cluster.passing('web').length, 2);
  return cluster;
}

/** As the list looks without a token: nothing in it, and nothing that says so. */
const emptyList = {
  kind: 'answer',
  status: 200,
  headers: { 'x-consul-index': '1', 'x-consul-knownleader': 'true' },
  body: '[]',
} as const;

describe('nodes that the list did not show', () => {
  test('are all read before the first change: a control plane that is cut off is seen as such', async () => {
    const cluster = await registered();
    cluster.addNode('n1', '10.0.0.1', 'Unknown');
    cluster.addNode('n2', '10.0.0.2', 'Unknown');
    let [lists, readings] = [0, 0];
    cluster.consul.intercept = ({ path }) => {
      if (path === '/v1/catalog/nodes' && lists++ === 0) return emptyList;
      if (path === '/v1/catalog/node-services/kubernetes-n2' && readings++ < 3) {
        return { kind: 'answer', status: 500, body: 'rpc error' };
      }
      return undefined;
    };
    const operator = cluster.start();
    await cluster.clock.advance(120_000);
    assert.ok(readings > 3);
    assert.equal(cluster.passing('web').length, 2);
    assert.deepEqual(operator.operator.status().consul.error, null);
    await operator.stop();
  });
});
