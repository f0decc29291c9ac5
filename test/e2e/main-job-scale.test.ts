/** Many pods at once on real servers: few transactions, and a large rollout that nobody notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { raftLog, writesBetween } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

const pods = 500;

test('500 pods at once are registered by a few transactions', async () => {
  const ns = await stage.namespace('crowd');
  const transactions = () => stage.operator.metric('kube_registrar_txn_seconds_count');
  // At once for the operator: it is stopped while the pods, one by one, get ready.
  stage.operator.pause();
  await ns.deploy({ name: 'crowd', replicas: pods, annotations: { service: 'crowd', port: 'http' } });
  await stage.eventually('500 pods have their addresses', async () => {
    const withAddress = (await ns.pods()).filter(({ status }) => status?.podIP);
    assert.equal(withAddress.length, pods);
  });
  const before = await raftLog(stage.consul);
  stage.operator.resume();
  const entries = await stage.allPassing('crowd', pods);
  assert.deepEqual(
    entries.map(({ Service }) => Service.Address).sort(),
    (await ns.pods()).map(({ status }) => status?.podIP).sort(),
  );
  // A service and a check each: with 128 operations a transaction, 8 would do.
  const written = writesBetween(before, await raftLog(stage.consul));
  assert.ok(written.transactions >= 8 && written.transactions <= 50, `${written.transactions} transactions`);
  assert.equal(written.otherWrites, 0);
  assert.equal(await transactions(), written.transactions, 'the metric counts them all');
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
