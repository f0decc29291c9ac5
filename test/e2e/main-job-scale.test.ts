/** Many pods at once on real servers: few transactions, and a large rollout that nobody notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { raftLog, writesBetween } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { isReady } from '../support/real/workloads.ts';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

const pods = 500;

test('500 pods at once are registered by a few transactions', async () => {
  const ns = await stage.namespace('crowd');
  // At once for the operator, however slowly the cluster makes them: it finds all of them when it starts.
  assert.equal(await stage.operator.stop(), 0);
  await ns.deploy({ name: 'crowd', replicas: pods, annotations: { service: 'crowd', port: 'http' } });
  await stage.eventually('500 pods are ready', async () => {
    assert.equal((await ns.pods()).filter(isReady).length, pods);
  });
  const before = await raftLog(stage.consul);
  await stage.operator.start();
  const entries = await stage.allPassing('crowd', pods);
  assert.deepEqual(
    entries.map(({ Service }) => Service.Address).sort(),
    (await ns.pods()).map(({ status }) => status?.podIP).sort(),
  );
  // A service and a check each: with 128 operations a transaction, 8 would do; each of the 3 nodes is computed
  // by itself and may leave one half empty.
  const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
  assert.ok(transactions >= 8 && transactions <= 16, `${transactions} transactions`);
  assert.equal(otherWrites, 0);
  await stage.eventually('the metric counts them all', async () => {
    assert.equal(await stage.operator.metric('kube_registrar_txn_seconds_count'), transactions);
  });
});

test('a restart with 500 instances writes nothing', async () => {
  const before = await raftLog(stage.consul);
  assert.equal(await stage.operator.stop(), 0);
  await stage.operator.start();
  await stage.operator.ready();
  await stage.eventually('the restarted operator has nothing to do', async () => {
    const { queue, services } = await stage.operator.status();
    assert.deepEqual([queue.depth, queue.inFlight], [0, 0]);
    assert.deepEqual(services, [{ name: 'crowd', passing: pods, warning: 0, critical: 0 }]);
  });
  const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
  assert.deepEqual({ transactions, otherWrites }, { transactions: 0, otherWrites: 0 });
});

test('500 pods that end are gone, and so are their nodes', async () => {
  const ns = stage.known('crowd');
  await ns.scale('crowd', 0);
  await stage.gone('crowd');
  await stage.eventually('no node of ours is left', async () => {
    assert.deepEqual(await stage.consul.api.get('/v1/catalog/nodes?node-meta=managed-by:kube-registrar'), []);
  });
});
