import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from './world.ts';

describe('the operator', () => {
  test('registers a Ready pod, follows its readiness, and writes nothing when nothing changes', async () => {
    const world = new World();
    const { cluster, clock, consul } = world;
    cluster.putNode('n1');
    const pod = cluster.putPod({
      name: 'web-1',
      node: 'n1',
      ip: '10.1.0.1',
      annotations: { service: 'web', port: 'http', tags: 'b,a' },
    });
    const process = world.start();
    await clock.advance(1_000);
    assert.deepEqual(process.operator.notReady(), []);
    const [service] = consul.outsider.services('c0-n1');
    assert.equal(service?.Service, 'web');
    assert.equal(service?.Address, '10.1.0.1');
    assert.equal(service?.Port, 8080);
    assert.deepEqual(service?.Tags, ['a', 'b', 'simulated']);

    const { operations } = consul.stats;
    await clock.advance(300_000);
    assert.equal(consul.stats.operations, operations);

    cluster.setReady(pod, false);
    await clock.advance(10);
    const check = consul.outsider.checks('c0-n1').find(({ ServiceName }) => ServiceName === 'web');
    assert.equal(check?.Status, 'critical');
    assert.match(check?.Output ?? '', /ContainersNotReady.*probe failed/);
    process.stop();
    await process.ended;
    assert.equal(consul.outsider.services('c0-n1').length, 1, 'registrations stay');
    assert.deepEqual(process.leaks(), []);
    cluster.stop();
    assert.equal(clock.pending, 0, 'no timer is left');
  });
});
