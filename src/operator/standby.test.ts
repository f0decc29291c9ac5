import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const config = { leaderElection: { enabled: true } };

describe('a standby', () => {
  test('knows cluster and Consul, names the leader, and sends who wants to let go something to it', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const leader = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(2_000);
    const standby = cluster.start(config, { pod: 'b' });
    await cluster.clock.advance(5_000);
    const { leadership, services, waitingFor, reflectors } = standby.operator.status();
    assert.equal(leadership.state, 'standby');
    assert.match(leadership.holder!, /^a_/);
    assert.deepEqual(waitingFor, []);
    assert.deepEqual(services, [{ name: 'web', passing: 1, warning: 0, critical: 0 }]);
    assert.ok(reflectors.every(({ synced }) => synced));
    const everything = { all: true, nodes: [], services: [] };
    assert.throws(() => standby.operator.release(everything), /is a standby.*ask the leader, a_/);
    assert.deepEqual(leader.operator.release(everything), { removals: 0, nodes: 0 });
    await Promise.all([leader.stop(), standby.stop()]);
  });

  test('is silent: an hour of standing by says nothing after who leads', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web-1', { service: 'web' });
    const leader = cluster.start(config, { pod: 'a' });
    await cluster.clock.advance(2_000);
    const standby = cluster.start(config, { pod: 'b' });
    await cluster.clock.advance(10_000);
    const said = standby.log.length;
    for (let minute = 0; minute < 60; minute++) await cluster.clock.advance(60_000);
    assert.deepEqual(
      standby.log.slice(said).filter(({ level }) => level !== 'debug'),
      [],
    );
    assert.equal(standby.log.filter(({ fields }) => fields['reason'] === 'Standby').length, 1);
    await Promise.all([leader.stop(), standby.stop()]);
  });
});
