import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from './world.ts';

describe('the operator', () => {
  test('registers a Ready pod, follows its readiness, and writes nothing when nothing changes', async () => {
    const world = new World();
    world.addNode('n1', '10.0.0.1');
    world.addPod('web-1', 'n1', '10.1.0.1', { service: 'web', tags: 'b,a' });
    const operator = world.start();
    await world.clock.advance(1_000);
    assert.deepEqual(operator.notReady(), []);
    const [service] = world.consul.outsider.services('kubernetes-n1');
    assert.equal(service?.Service, 'web');
    assert.equal(service?.Address, '10.1.0.1');
    assert.equal(service?.Port, 8080);
    assert.deepEqual(service?.Tags, ['a', 'b']);

    const { operations } = world.consul.stats;
    await world.clock.advance(300_000);
    assert.equal(world.consul.stats.operations, operations);

    world.addPod('web-1', 'n1', '10.1.0.1', { service: 'web', tags: 'b,a' }, false);
    await world.clock.advance(10);
    const check = world.consul.outsider
      .checks('kubernetes-n1')
      .find(({ ServiceName }) => ServiceName === 'web');
    assert.equal(check?.Status, 'critical');
    assert.match(check?.Output ?? '', /ContainersNotReady.*probe failed/);
    await world.stop();
    assert.equal(world.consul.outsider.services('kubernetes-n1').length, 1, 'registrations stay');
    assert.equal(world.clock.pending, 0, 'no timer is left');
  });
});
