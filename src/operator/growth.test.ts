import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { type Work, WorkCount } from '../../test/support/work-count.ts';

/** Pods of the two clusters that are compared, each with 100 pods on a node. */
const few = 1_000;
const many = 50_000;
const podsPerNode = 100;
const services = 50;

/** What is done, and what of it is counted. */
interface Measured {
  readonly start: Work;
  readonly change: Work;
  readonly heartbeats: Work;
  readonly nodeLost: Work;
  readonly comparison: Work;
}

async function measure(pods: number): Promise<Measured> {
  await using count = await WorkCount.start();
  const cluster = new SmallCluster({ through: (transport) => count.of(transport) });
  const nodes = pods / podsPerNode;
  const put = (index: number, annotations: Readonly<Record<string, string>>, ready = true): void => {
    const ip = `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    cluster.putPod(`web-${index}`, annotations, { node: `w${index % nodes}`, ip, ready });
  };
  const annotated = (index: number) => ({ service: `app-${index % services}` });
  for (let node = 0; node < nodes; node += 1)
    cluster.addNode(`w${node}`, `10.0.${1 + (node >> 8)}.${node & 255}`);
  for (let index = 0; index < pods; index += 1) put(index, annotated(index));
  const work = async (ms: number): Promise<Work> => {
    await cluster.clock.advance(ms);
    return count.take();
  };
  await count.take();
  const running = cluster.start();
  const start = await work(30_000);

  // The first change on a node since the start compares all of it.
  put(7 + nodes, annotated(7 + nodes), false);
  await work(5_000);
  put(7, annotated(7), false);
  const change = await work(5_000);

  // What a kubelet writes all the time, and nobody here keeps.
  for (let index = 0; index < 100; index += 1) {
    const pod = cluster.kube.store.get('pods', 'default', `web-${index}`)!;
    cluster.kube.store.apply({
      ...pod,
      status: { ...(pod['status'] as object), startTime: `beat ${index}` },
    });
  }
  const heartbeats = await work(1_000);

  cluster.addNode('w3', '10.0.1.3', 'Unknown');
  for (let index = 3; index < pods; index += nodes) put(index, annotated(index), false);
  const nodeLost = await work(10_000);

  const comparison = await work(30_000);
  await running.stop();
  return { start, change, heartbeats, nodeLost, comparison };
}

const calls = (work: Work, name: string): number => work.callsOf.get(name) ?? 0;

/** Records made, by kind. Functions that had other names would show as none. */
const records = (work: Work) => ({
  pods: calls(work, 'kube/store/project-pod:SlimPod'),
  wanted: calls(work, 'desired/instance:buildInstance'),
  instances: calls(work, 'registry/stored:toInstance'),
  checks: calls(work, 'registry/stored:toCheck'),
});

describe('the work of the operator', () => {
  let small: Measured;
  let large: Measured;
  before(async () => {
    small = await measure(few);
    large = await measure(many);
  });

  /** Nothing of it grows with the cluster, apart from a few looks at each node. */
  const isConstant = (one: Work, other: Work): void => {
    const perNode = 20 * ((many - few) / podsPerNode);
    assert.ok(other.calls <= one.calls + perNode, `${one.calls} calls become ${other.calls}`);
    assert.ok(other.requests <= one.requests + 1, `${one.requests} requests become ${other.requests}`);
    assert.ok(other.bytesRead <= 1.1 * one.bytesRead, `${one.bytesRead} bytes become ${other.bytesRead}`);
    assert.deepEqual(records(other), records(one));
  };

  /** All of it grows as the cluster, and not faster. */
  const isLinear = (one: Work, other: Work): void => {
    for (const what of ['calls', 'requests', 'bytesRead'] as const) {
      const most = 1.1 * (many / few) * one[what];
      assert.ok(other[what] <= most, `${what}: ${one[what]} become ${other[what]}`);
    }
  };

  test('at the start is that of each pod once: a record, an instance, and what Consul answered', () => {
    isLinear(small.start, large.start);
    for (const [pods, { start }] of [[few, small] as const, [many, large] as const]) {
      const nodes = pods / podsPerNode;
      const { instances, checks, ...ofCluster } = records(start);
      assert.deepEqual(ofCluster, { pods, wanted: pods });
      // As the transactions say, and as a reading of each node says once they are done.
      assert.deepEqual({ instances, checks }, { instances: 2 * pods, checks: 2 * (pods + nodes) });
      assert.ok(start.requests <= 6 * nodes + 50, `${start.requests} requests`);
    }
  });

  test('for one change is that of its pod: one record, one check, one transaction', () => {
    isConstant(small.change, large.change);
    assert.deepEqual(records(large.change), { pods: 1, wanted: 1, instances: 0, checks: 1 });
    assert.ok(large.change.requests <= 4, `${large.change.requests} requests`);
    // One of them for each other pod on its node.
    assert.ok(large.change.calls <= 900 + podsPerNode, `${large.change.calls} calls`);
  });

  test('for updates of which nothing is kept is one record each, and nothing else', () => {
    isConstant(small.heartbeats, large.heartbeats);
    assert.deepEqual(records(large.heartbeats), { pods: 100, wanted: 0, instances: 0, checks: 0 });
    assert.equal(large.heartbeats.requests, 0);
    assert.ok(large.heartbeats.calls <= 100 * 100, `${large.heartbeats.calls} calls`);
  });

  test('for a node lost is that of its pods, in a few transactions', () => {
    isConstant(small.nodeLost, large.nodeLost);
    const { pods, checks } = records(large.nodeLost);
    assert.deepEqual({ pods, checks }, { pods: podsPerNode, checks: podsPerNode + 1 });
    assert.ok(large.nodeLost.requests <= 6, `${large.nodeLost.requests} requests`);
  });

  test('for a full comparison is that of one reading of each node', () => {
    isLinear(small.comparison, large.comparison);
    const { pods, wanted, instances, checks } = records(large.comparison);
    assert.deepEqual(
      { pods, instances, checks },
      { pods: 0, instances: many, checks: many + many / podsPerNode },
    );
    // At most those that have a new record since.
    assert.ok(wanted <= 100, `${wanted} wanted instances`);
    assert.ok(
      large.comparison.requests <= (2 * many) / podsPerNode + 20,
      `${large.comparison.requests} requests`,
    );
    assert.ok(large.comparison.calls <= 150 * many, `${large.comparison.calls} calls`);
  });
});
