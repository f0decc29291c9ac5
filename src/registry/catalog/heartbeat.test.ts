import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogLine } from '../../../test/support/log-recorder.ts';
import { SmallCluster } from '../../../test/support/small-cluster.ts';
import type { Fault } from '../../sandbox/consul/faults.ts';

const node = 'kubernetes-kube-registrar';
const config = { consul: { heartbeat: { enabled: true, ttl: '60s' } } };
const elected = { ...config, leaderElection: { enabled: true } };

/** The operators in the catalog: `pod role status`. */
const alive = ({ consul: { outsider } }: SmallCluster): string[] =>
  outsider
    .services(node)
    .map(({ ID, Tags }) => {
      const check = outsider.checks(node).find(({ ServiceID }) => ServiceID === ID);
      return `${ID} ${Tags?.join()} ${check?.Status}`;
    })
    .sort();

const hasNode = ({ consul }: SmallCluster): boolean =>
  consul.outsider.nodes().some(({ Node }) => Node === node);

/** Lines of the log with this reason. */
const told = (log: readonly LogLine[], reason: string): readonly LogLine[] =>
  log.filter(({ fields }) => fields['reason'] === reason);

/** What starts with one of these paths fails. */
function breakDown(cluster: SmallCluster, fault: Fault, ...paths: readonly string[]): void {
  cluster.consul.intercept = ({ path }) =>
    paths.some((start) => path.startsWith(start)) ? fault : undefined;
}

const unavailable: Fault = { kind: 'answer', status: 500, body: 'No cluster leader' };

describe('a heartbeat', () => {
  test('is not there unless asked for', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start();
    await cluster.clock.advance(60_000);
    assert.ok(!hasNode(cluster));
    await operator.stop();
  });

  test('shows the operator while it runs, at no write, and is gone when it has ended', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(5_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    const { raftIndex } = cluster.consul;
    await cluster.clock.advance(3_600_000);
    assert.equal(cluster.consul.raftIndex, raftIndex);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    await operator.stop();
    assert.ok(!hasNode(cluster), 'the node went with its last instance');
    assert.equal(cluster.clock.pending, 0, 'no timer is left');
  });

  test('turns critical within its time, and passes with the next sign of life', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(5_000);
    breakDown(cluster, unavailable, '/v1/session/');
    await cluster.clock.advance(60_000);
    assert.deepEqual(alive(cluster), ['a leader critical']);
    assert.equal(told(operator.log, 'HeartbeatFailed').length, 1, 'said once');
    cluster.consul.intercept = undefined;
    await cluster.clock.advance(20_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    await operator.stop();
  });

  test('comes back when somebody removed it or Consul was wiped', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(5_000);
    cluster.consul.outsider.removeNode(node);
    await cluster.clock.advance(20_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    cluster.consul.outsider.putCheck({ Node: node, CheckID: 'a:alive', Status: 'critical' });
    await cluster.clock.advance(20_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    cluster.consul.wipe();
    await cluster.clock.advance(20_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    // The session before the last one runs out, and says nothing about this one.
    await cluster.clock.advance(120_000);
    assert.deepEqual(alive(cluster), ['a leader passing']);
    await operator.stop();
  });

  test('tells the leader from a standby, and follows a hand-over', async () => {
    const cluster = new SmallCluster();
    const first = cluster.start(elected, { pod: 'a' });
    await cluster.clock.advance(5_000);
    const second = cluster.start(elected, { pod: 'b' });
    await cluster.clock.advance(30_000);
    assert.deepEqual(alive(cluster), ['a leader passing', 'b standby passing']);
    await first.stop();
    await cluster.clock.advance(30_000);
    assert.deepEqual(alive(cluster), ['b leader passing']);
    await second.stop();
    assert.ok(!hasNode(cluster));
  });

  test('clears away the dead of its cluster when it comes, not those that come with it', async () => {
    const cluster = new SmallCluster();
    const dead = cluster.start(elected, { pod: 'dead' });
    await cluster.clock.advance(5_000);
    breakDown(cluster, unavailable, '/v1/session/', '/v1/txn');
    await cluster.clock.advance(60_000);
    await Promise.all([dead.stop(), cluster.clock.advance(10_000)]);
    assert.equal(told(dead.log, 'HeartbeatNotRemoved').length, 1);
    assert.match(alive(cluster).join(), /^dead \w+ critical$/);
    cluster.consul.intercept = undefined;
    const [a, b] = [cluster.start(elected, { pod: 'a' }), cluster.start(elected, { pod: 'b' })];
    await cluster.clock.advance(60_000);
    assert.deepEqual(
      alive(cluster).map((line) => line.replace(/leader|standby/, '')),
      ['a  passing', 'b  passing'],
    );
    await Promise.all([a.stop(), b.stop()]);
  });

  test('leaves a node of its name that is somebody else’s alone', async () => {
    const cluster = new SmallCluster();
    cluster.consul.outsider.putNode({ Node: node, Address: '10.9.9.9', Meta: { mine: 'yes' } });
    const operator = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(60_000);
    assert.deepEqual(cluster.consul.outsider.services(node), []);
    assert.deepEqual(cluster.consul.outsider.nodes().find(({ Node }) => Node === node)?.Meta, {
      mine: 'yes',
    });
    const [line, ...more] = told(operator.log, 'HeartbeatFailed');
    assert.match(String(line?.fields['error']), /belongs to another owner/);
    assert.deepEqual(more, []);
    await operator.stop();
  });

  test('of two clusters with one name shows one, and tells the other', async () => {
    const cluster = new SmallCluster();
    const started = ['uid-a', 'uid-b'].map((uid) =>
      cluster.start({ ...config, cluster: { uid } }, { pod: `pod-of-${uid}` }),
    );
    await cluster.clock.advance(60_000);
    const told = started.map(({ log }) => log.filter(({ fields }) => fields['reason'] === 'HeartbeatFailed'));
    assert.deepEqual(told.map(({ length }) => length).sort(), [0, 1]);
    const [winner] = started.filter((_, index) => told[index]!.length === 0);
    const { uid } = winner!.operator.status().cluster;
    assert.deepEqual(alive(cluster), [`pod-of-${uid} leader passing`]);
    await Promise.all(started.map((running) => running.stop()));
  });

  test('does not hold up the end of the process when Consul is silent', async () => {
    const cluster = new SmallCluster();
    const operator = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(5_000);
    cluster.consul.intercept = () => ({ kind: 'hang' });
    let ended = false;
    void operator.stop().then(() => {
      ended = true;
    });
    await cluster.clock.advance(2_000);
    assert.ok(ended);
  });
});
