import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const node = 'kubernetes-n1';
const probed = { service: 'web', 'check-http': '/healthz', 'check-tcp': 'http', 'check-interval': '5s' };

/** A synced operator that asks for external probes, and a pod that is probed. */
async function setUp() {
  const cluster = new SmallCluster();
  const { clock, consul } = cluster;
  cluster.putPod('a', probed);
  const running = cluster.start({ registration: { externalProbe: true } });
  await clock.advance(10_000);
  const { outsider } = consul;
  const check = (end: string) => outsider.checks(node).find(({ CheckID }) => CheckID.endsWith(end));
  /** As a monitor does: the whole check as it was read, with another status. */
  const found = (end: string, Status: string, Output: string) =>
    outsider.putCheck({ ...check(end)!, Status, Output });
  const drift = () => running.log.filter(({ fields }) => fields['reason'] === 'Drift');
  return { cluster, clock, consul, running, check, found, drift };
}

describe('external probes', () => {
  test('mark the node, and give the checks a definition beside the one that follows readiness', async () => {
    const { consul, running, check } = await setUp();
    const [entry] = consul.outsider.nodes().filter(({ Node }) => Node === node);
    assert.equal(entry?.Meta?.['external-node'], 'true');
    assert.equal(entry?.Meta?.['external-probe'], 'true');
    const timing = { Interval: '5s', Timeout: '1s', DeregisterCriticalServiceAfter: '20s' };
    assert.deepEqual(check(':http')?.Definition, { ...timing, HTTP: 'http://10.1.0.1:8080/healthz' });
    assert.deepEqual(check(':tcp')?.Definition, { ...timing, TCP: '10.1.0.1:8080' });
    assert.deepEqual(check(':readiness')?.Definition, {});
    assert.equal(check(':http')?.Status, 'passing');
    await running.stop();
  });

  test("leave a probe's status to its prober, whatever else is written", async () => {
    const { cluster, clock, consul, running, check, found, drift } = await setUp();
    found(':http', 'critical', 'HTTP GET http://10.1.0.1:8080/healthz: 503');
    const index = consul.raftIndex;
    await clock.advance(180_000);
    assert.equal(consul.raftIndex, index, 'nobody argues with the monitor');
    assert.deepEqual(drift(), []);
    cluster.putPod('a', { ...probed, tags: 'blue' });
    await clock.advance(1_000);
    assert.deepEqual(check(':http')?.ServiceTags, ['blue']);
    assert.equal(check(':http')?.Status, 'critical');
    cluster.putPod('a', probed, { ready: false });
    await clock.advance(1_000);
    assert.equal(check(':readiness')?.Status, 'critical');
    await running.stop();
  });

  test('write a definition that changed, and keep what was found', async () => {
    const { cluster, clock, running, check, found } = await setUp();
    found(':http', 'warning', 'slow');
    await clock.advance(2_000);
    cluster.putPod('a', { ...probed, 'check-http': '/ready' });
    await clock.advance(1_000);
    const { HTTP } = (check(':http')?.Definition ?? {}) as { HTTP?: string };
    assert.equal(HTTP, 'http://10.1.0.1:8080/ready');
    assert.deepEqual([check(':http')?.Status, check(':http')?.Output], ['warning', 'slow']);
    cluster.putPod('a', { service: 'web' });
    await clock.advance(1_000);
    assert.equal(check(':http'), undefined);
    await running.stop();
  });

  test('are put right when somebody else changes what is ours of them', async () => {
    const { clock, consul, running, check } = await setUp();
    consul.outsider.putCheck({ ...check(':http')!, Notes: 'mine now', Status: 'passing' });
    await clock.advance(70_000);
    assert.match(check(':http')?.Notes ?? '', /^managed-by: kube-registrar; http /);
    await running.stop();
  });

  test("take the monitor's own check of the node for what was asked for", async () => {
    const { clock, consul, running, drift } = await setUp();
    consul.outsider.putCheck({
      Node: node,
      CheckID: 'externalNodeHealth',
      Name: 'External Node Status',
      Status: 'passing',
      Output: 'Node alive or reachable',
    });
    await clock.advance(60_000);
    assert.deepEqual(drift(), []);
    assert.ok(consul.outsider.checks(node).some(({ CheckID }) => CheckID === 'externalNodeHealth'));
    await running.stop();
  });

  test('are not asked for by default', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', probed);
    const running = cluster.start();
    await cluster.clock.advance(5_000);
    const checks = cluster.consul.outsider.checks(node).map(({ CheckID }) => CheckID.replace(/.*:/, ''));
    assert.deepEqual(checks.sort(), ['kubernetes-node', 'readiness']);
    await running.stop();
  });
});
