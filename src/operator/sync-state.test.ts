import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

describe('the state of a running operator', () => {
  test('is in sync, catches up while Consul is away, says since when, and is in sync again', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const { operator, stop } = cluster.start();
    assert.equal(operator.status().state.kind, 'starting');
    await cluster.clock.advance(2_000);
    assert.equal(operator.status().state.text, 'in sync');

    cluster.consul.intercept = () => ({ kind: 'reset' });
    const since = operator.status().now;
    cluster.putPod('web-2', { service: 'web' });
    await cluster.clock.advance(25_000);
    const { state, consul, queue } = operator.status();
    assert.deepEqual([state.kind, queue.unanswered], ['consul-down', 1]);
    assert.match(state.also.join(), /catching up: 1 waiting, oldest 2[45] s/);
    assert.ok(Date.parse(consul.since!) - Date.parse(since) < 2_000, 'since the first failure');

    cluster.consul.intercept = undefined;
    await cluster.clock.advance(60_000);
    assert.deepEqual(operator.status().state, { kind: 'in-sync', text: 'in sync', also: [] });
    assert.equal(operator.status().consul.since, null);
    await stop();
  });

  test('says since when nothing can be read from the API server', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const { operator, stop } = cluster.start();
    await cluster.clock.advance(2_000);
    cluster.kube.faults.intercept = () => ({ kind: 'reset', applied: false });
    cluster.kube.faults.cutWatches('reset');
    await cluster.clock.advance(120_000);
    const { state, kubernetes } = operator.status();
    assert.equal(state.kind, 'kubernetes-down');
    assert.match(state.text, /^API server unreachable since /);
    assert.match(kubernetes.error!, /reset/);
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(120_000);
    assert.equal(operator.status().state.kind, 'in-sync');
    await stop();
  });
});
