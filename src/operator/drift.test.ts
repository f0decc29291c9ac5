import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

const node = 'kubernetes-n1';
const annotations = { service: 'web', tags: 'blue' };

/** A synced operator, and `names` registered on the node n1. */
async function setUp(...names: string[]) {
  const cluster = new SmallCluster();
  for (const name of names) cluster.putPod(name, annotations);
  const running = cluster.start();
  await cluster.clock.advance(10_000);
  const services = () => cluster.consul.outsider.services(node);
  const idOf = (name: string) => services().find(({ Meta }) => Meta?.['kube-pod'] === name)?.ID ?? '';
  const reasons = () => running.log.map(({ fields }) => fields['reason']);
  const stop = async () => {
    await running.stop();
    assert.equal(cluster.clock.pending, 0, 'no timer is left');
    assert.equal(cluster.consul.stats.blocked, 0, 'no query is left');
  };
  return { cluster, running, services, idOf, reasons, stop };
}

const requests = ({ consul }: SmallCluster) =>
  [...consul.stats.requests.values()].reduce((sum, count) => sum + count, 0);

/** A pod that two registrars with prefixes of their own each want with other tags. */
function putPodOfTwo(cluster: SmallCluster, name: string, ip: string, tagsOfTwo: string): void {
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      annotations: {
        'kube-registrar.io/service': 'web',
        'kube-registrar.io/tags': 'one',
        'two.example/service': 'web',
        'two.example/tags': tagsOfTwo,
      },
    },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
}

describe('what somebody else does in Consul', () => {
  test('is repaired within a second, counted once and logged with what changed', async () => {
    const { cluster, running, services, idOf, stop } = await setUp('a', 'b');
    const { outsider } = cluster.consul;
    const whole = () =>
      JSON.stringify(services().map(({ ModifyIndex: _, CreateIndex: __, ...rest }) => rest));
    const before = whole();
    const id = idOf('a');
    const acts = [
      () => outsider.removeService(node, id),
      () => outsider.putService(node, { ID: id, Tags: ['red'], Address: '10.6.6.6', Port: 1 }),
      () => outsider.putService(node, { ID: id, Weights: { Passing: 9, Warning: 9 } }),
      () => outsider.putCheck({ Node: node, CheckID: `${id}:readiness`, Status: 'critical' }),
      () => outsider.removeNode(node),
    ];
    for (const act of acts) {
      act();
      await cluster.clock.advance(1_000);
      assert.equal(whole(), before);
      assert.equal(cluster.passing('web').length, 2);
      await cluster.clock.advance(60_000);
    }
    const told = running.log.flatMap(({ fields }) =>
      fields['reason'] === 'Drift' ? [`${fields['entry']} ${fields['what']}`] : [],
    );
    assert.deepEqual(told, [
      'instance missing',
      'instance changed',
      'instance changed',
      'check changed',
      'node missing',
    ]);
    await stop();
  });

  test('a service that somebody else puts on an owned node is reported and left alone', async () => {
    const { cluster, running, services, reasons, stop } = await setUp('a');
    cluster.consul.outsider.putService(node, { ID: 'db-1', Service: 'db', Port: 5432 });
    await cluster.clock.advance(1_000);
    assert.ok(reasons().includes('ForeignInstance'));
    assert.equal(services().length, 2);
    const drift = running.log.find(({ fields }) => fields['reason'] === 'Drift');
    assert.match(drift?.message ?? '', /instance "db-1" of service "db" was added externally/);
    await stop();
  });

  test('a service put on an owned node as it is removed keeps the node, before any reading has shown it', async () => {
    const { cluster, running, services, reasons, stop } = await setUp('a');
    // The watches hear of nothing any more.
    cluster.consul.intercept = ({ path }) => (/[?&]index=[1-9]/.test(path) ? { kind: 'hang' } : undefined);
    await cluster.clock.advance(700_000);
    cluster.consul.outsider.putService(node, { ID: 'db', Service: 'db', Port: 5432 });
    cluster.kube.store.delete('pods', 'default', 'a');
    cluster.kube.store.delete('nodes', '', 'n1');
    await cluster.clock.advance(3_000);
    assert.deepEqual(
      services().map(({ ID }) => ID),
      ['db'],
    );
    assert.ok(reasons().includes('ForeignInstance'));
    assert.equal(running.log.filter(({ fields }) => fields['reason'] === 'NodeDeregistered').length, 0);
    cluster.consul.intercept = undefined;
    await stop();
  });

  test('nothing at all costs a few requests a minute, and no write', async () => {
    const { cluster, stop } = await setUp('a', 'b');
    await cluster.clock.advance(120_000);
    const [before, { operations }] = [requests(cluster), cluster.consul.stats];
    await cluster.clock.advance(3_600_000);
    const perMinute = (requests(cluster) - before) / 60;
    assert.ok(perMinute <= 4, `${perMinute} requests a minute`);
    assert.equal(cluster.consul.stats.operations, operations);
    await stop();
  });

  test('a conflict over one entry is slowed down and reported, others are served, and it ends', async () => {
    const { cluster, running, idOf, reasons, stop } = await setUp('a', 'b');
    const { clock, consul } = cluster;
    const [a, b] = [idOf('a'), idOf('b')];
    const { operations } = consul.stats;
    for (let second = 0; second < 600; second += 1) {
      consul.outsider.putService(node, { ID: a, Tags: ['theirs'] });
      await clock.advance(1_000);
    }
    const written = consul.stats.operations - operations;
    assert.ok(written >= 10 && written <= 40, `${written} operations in ten minutes`);
    const [problem] = running.operator.status().problems;
    assert.equal(problem?.reason, 'Conflict');
    assert.equal(problem?.object.name, 'a');
    assert.match(problem?.message ?? '', /keeps changing instance/);
    const { held, drift } = running.operator.status();
    const place = { node, instance: a, service: 'web', check: null };
    assert.partialDeepStrictEqual(held, [{ by: 'conflict', because: 'conflict', release: null, ...place }]);
    assert.ok(held[0]!.until! > held[0]!.since);
    assert.partialDeepStrictEqual(drift[0]!, { what: 'changed', entry: 'instance', ...place });
    assert.ok(drift[0]!.times >= 5);
    assert.deepEqual(
      drift[0]!.fields.find(({ field }) => field === 'tags'),
      { field: 'tags', before: '["blue"]', after: '["theirs"]' },
    );

    consul.outsider.putService(node, { ID: b, Port: 1 });
    cluster.putPod('a', annotations, { ready: false });
    await clock.advance(5_000);
    assert.equal(consul.outsider.services(node).find(({ ID }) => ID === b)?.Port, 8080);
    const check = consul.outsider.checks(node).find(({ CheckID }) => CheckID === `${a}:readiness`);
    assert.equal(check?.Status, 'critical', 'its health is followed at once');

    await clock.advance(600_000);
    assert.deepEqual(running.operator.status().problems, []);
    assert.deepEqual(running.operator.status().held, []);
    assert.ok(reasons().includes('Cleared'));
    assert.deepEqual(consul.outsider.services(node).find(({ ID }) => ID === a)?.Tags, ['blue']);
    await stop();
  });

  test('two registrars of one cluster that want different tags slow each other down', async () => {
    const cluster = new SmallCluster();
    putPodOfTwo(cluster, 'a', '10.1.0.1', 'two');
    putPodOfTwo(cluster, 'b', '10.1.0.2', 'one');
    const [one, two] = [cluster.start(), cluster.start({ annotationPrefix: 'two.example' })];
    await cluster.clock.advance(60_000);
    const { operations } = cluster.consul.stats;
    await cluster.clock.advance(1_800_000);
    const written = cluster.consul.stats.operations - operations;
    assert.ok(written < 100, `${written} operations in half an hour`);
    assert.equal(cluster.passing('web').length, 2);
    const conflicts = [one, two].flatMap(({ operator }) => operator.status().problems);
    assert.ok(conflicts.length > 0);
    assert.ok(conflicts.every(({ object }) => object.name === 'a'));

    await two.stop();
    await cluster.clock.advance(900_000);
    assert.deepEqual(one.operator.status().problems, []);
    assert.ok(cluster.consul.outsider.services(node).every(({ Tags }) => Tags?.join() === 'one'));
    await one.stop();
  });

  test('a node of a wanted name with another owner is a problem of the Kubernetes node, and goes with its cause', async () => {
    const cluster = new SmallCluster();
    cluster.consul.outsider.putNode({ Node: node, Address: '10.9.9.9' });
    cluster.putPod('a', annotations);
    cluster.putPod('b', annotations, { node: 'n2' });
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    const [problem] = running.operator.status().problems;
    assert.deepEqual(
      [problem?.object.kind, problem?.object.name, problem?.reason],
      ['Node', 'n1', 'Conflict'],
    );
    assert.match(problem?.message ?? '', /"kubernetes-n1" has another owner.* 1 instance is not registered/);
    assert.deepEqual(cluster.consul.outsider.services(node), []);
    assert.deepEqual(cluster.passing('web'), ['kubernetes-n2/10.1.0.2'], 'the other node is served');
    cluster.consul.outsider.removeNode(node);
    await cluster.clock.advance(70_000);
    assert.equal(cluster.passing('web').length, 2);
    assert.deepEqual(running.operator.status().problems, []);
    await running.stop();
  });
});
