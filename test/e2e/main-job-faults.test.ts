/** The main job through restarts, outages and in company: nothing is removed that should stay, nothing rewritten. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  type HealthEntry,
  isPassing,
  type RaftLog,
  raftLog,
  readiness,
  writesBetween,
} from '../support/real/consul-reads.ts';
import { clusterName, type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

let stage: Stage;

before(async () => {
  // Compared every second, so that comparing is part of every test.
  stage = await startStage({ sync: { fullComparisonInterval: '1s' } });
});

after(() => stage?.[Symbol.asyncDispose]());

/** What makes an instance the one it was: not written since, and so neither removed in between. */
const identity = ({ Service, Checks }: HealthEntry) => ({
  id: Service.ID,
  written: [Service.CreateIndex, Service.ModifyIndex, ...Checks.map(({ ModifyIndex }) => ModifyIndex)],
});

async function deployed(name: string, replicas: number): Promise<{ ns: Namespace; entries: HealthEntry[] }> {
  const ns = await stage.namespace(name);
  await ns.deploy({ name, replicas, annotations: { service: name, port: 'http', tags: 'a,b' } });
  return { ns, entries: await stage.allPassing(name, replicas) };
}

/** The operator has nothing left to do. */
async function idle(): Promise<void> {
  await stage.eventually('the operator is idle', async () => {
    const { depth, inFlight } = (await stage.operator.status()).queue;
    assert.deepEqual({ depth, inFlight }, { depth: 0, inFlight: 0 });
  });
}

/**
 * What was written while `action` ran. Consul writes to its log for itself, too; the action is repeated until
 * it did not, so that the log's index says it all.
 */
async function writesDuring(action: () => Promise<void>): Promise<RaftLog> {
  return stage.eventually('Consul does not write to its log for itself', async () => {
    await idle();
    const before = await raftLog(stage.consul);
    await action();
    await idle();
    const writes = writesBetween(before, await raftLog(stage.consul));
    return writes.housekeeping === 0 && writes;
  });
}

/** Complete comparisons with Consul made from now on. */
async function compared(times: number): Promise<void> {
  let last = (await stage.operator.status()).consul.lastFullSync;
  for (let i = 0; i < times; i++) {
    await stage.eventually('everything was compared', async () => {
      const { lastFullSync } = (await stage.operator.status()).consul;
      assert.notEqual(lastFullSync, last);
      last = lastFullSync;
    });
  }
}

suite('one write', () => {
  test('takes all instances of a node out when it is NotReady, and one brings them back', async () => {
    const { entries } = await deployed('lost', 9);
    await deployed('lost-too', 6);
    const node = `${clusterName}-node-1`;
    const on = (candidates: readonly HealthEntry[]) => candidates.filter(({ Node }) => Node.Node === node);
    assert.equal(on(entries).length, 3);

    for (const isLost of [true, false]) {
      await idle();
      const before = await raftLog(stage.consul);
      if (isLost) await stage.kubelet.setNodeNotReady('node-1', { status: 'Unknown' });
      else await stage.kubelet.setNodeReady('node-1');
      await stage.eventually('the node check is in Consul', async () => {
        for (const service of ['lost', 'lost-too']) {
          for (const entry of await stage.instances(service)) {
            assert.equal(isPassing(entry), !(isLost && entry.Node.Node === node));
            assert.equal(readiness(entry)?.Status, 'passing', 'its own check is left alone');
          }
        }
      });
      await compared(2);
      const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
      assert.deepEqual({ transactions, otherWrites }, { transactions: 1, otherWrites: 0 });
    }
    const checks = on(await stage.instances('lost'))[0]!.Checks;
    assert.equal(checks.find(({ Type }) => Type === 'kubernetes-node')?.Name, 'Kubernetes node');
  });

  test('is not made when nothing changed, however often everything is compared', async () => {
    await deployed('quiet', 10);
    const writes = await writesDuring(() => compared(3));
    assert.deepEqual(writes, { index: 0, transactions: 0, otherWrites: 0, housekeeping: 0 });
  });
});

suite('a restart', () => {
  test('after SIGTERM exits 0, leaves everything registered, removes and writes nothing', async () => {
    const { entries } = await deployed('restart', 10);
    const writes = await writesDuring(async () => {
      assert.equal(await stage.operator.stop(), 0);
      assert.equal(stage.operator.logs().at(-1)?.reason, 'Stopped');
      assert.equal((await stage.instances('restart')).filter(isPassing).length, 10);
      await stage.operator.start();
      await stage.operator.ready();
      await compared(2);
    });
    assert.deepEqual(writes, { index: 0, transactions: 0, otherWrites: 0, housekeeping: 0 });
    assert.deepEqual((await stage.instances('restart')).map(identity), entries.map(identity));
  });

  test('after SIGKILL writes what changed meanwhile and nothing else', async () => {
    const { ns, entries } = await deployed('killed', 6);
    await stage.operator.kill();
    const [gone, ...stay] = entries;
    await ns.deletePod(gone!.Service.Meta['kube-pod']!);
    await stage.eventually('the deleted pod has a successor', async () => {
      const pods = await ns.pods();
      assert.equal(pods.length, 6);
      assert.ok(pods.every(({ status }) => status?.podIP));
      assert.ok(pods.every(({ metadata }) => metadata.name !== gone!.Service.Meta['kube-pod']));
    });
    assert.equal((await stage.instances('killed')).length, 6, 'nobody has told Consul');
    const before = await raftLog(stage.consul);
    await stage.operator.start();
    await stage.eventually('the successor is registered', async () => {
      const now = await stage.instances('killed');
      assert.equal(now.filter(isPassing).length, 6);
      assert.ok(now.every(({ Service }) => Service.ID !== gone!.Service.ID));
    });
    await compared(1);
    const now = new Map((await stage.instances('killed')).map((entry) => [entry.Service.ID, entry]));
    for (const entry of stay) assert.deepEqual(identity(now.get(entry.Service.ID)!), identity(entry));
    const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
    assert.ok(transactions === 1 || transactions === 2, `${transactions} transactions for two changes`);
    assert.equal(otherWrites, 0);
  });

  test('of a StatefulSet pod under its name replaces the instance by one with the new address', async () => {
    const ns = await stage.namespace('sts');
    await ns.addPod('db-0', { service: 'db', port: 'http' });
    const [old] = await stage.allPassing('db', 1);
    await ns.deletePod('db-0');
    await stage.eventually('the pod is gone', async () => assert.deepEqual(await ns.pods(), []));
    await ns.addPod('db-0', { service: 'db', port: 'http' });
    const now = await stage.eventually('the new pod is registered', async () => {
      const [entry, ...others] = await stage.instances('db');
      assert.deepEqual(others, []);
      assert.ok(entry && entry.Service.ID !== old!.Service.ID);
      return entry;
    });
    assert.notEqual(now.Service.Address, old!.Service.Address);
  });
});

suite('an outage', () => {
  test('of the operator, which hangs and goes on: what happened meanwhile is made up for', async () => {
    const { ns } = await deployed('hung', 4);
    stage.operator.pause();
    await ns.scale('hung', 7);
    await stage.eventually('there are 7 pods with addresses', async () => {
      const pods = await ns.pods();
      assert.equal(pods.filter(({ status }) => status?.podIP).length, 7);
    });
    stage.operator.resume();
    await stage.allPassing('hung', 7);
  });

  test('of Consul: what changed meanwhile is made up for, what stayed is not touched', async () => {
    const { ns, entries } = await deployed('consul-away', 8);
    const toldBefore = stage.operator.logs('ConsulUnavailable').length;
    await stage.consul.servers[0]!.stop();

    const [deleted, failing, ...stay] = entries;
    await ns.deletePod(deleted!.Service.Meta['kube-pod']!);
    stage.kubelet.setUnready('consul-away', failing!.Service.Meta['kube-pod']!, { reason: 'ProbeFailed' });
    await ns.scale('consul-away', 9);
    await stage.eventually('the outage is in the log', async () => {
      const told = stage.operator.logs('ConsulUnavailable');
      assert.ok(told.length > toldBefore);
      assert.equal(told.at(-1)?.level, 'error');
      // A Consul that is going down may have answered an error first.
      assert.equal(told.at(-1)?.['code'], 'unreachable');
    });
    assert.ok((await fetch(`${stage.operator.url}/healthz`)).ok, 'liveness does not depend on Consul');
    // Whoever writes may find out before those who read.
    await stage.eventually('the outage shows', async () => {
      assert.equal((await stage.operator.status()).consul.up, false);
      assert.equal(await stage.operator.metric('kube_registrar_consul_up'), 0);
    });

    await stage.consul.servers[0]!.start();
    await stage.eventually('Consul is true again', async () => {
      const now = await stage.instances('consul-away');
      assert.equal(now.length, 9);
      assert.deepEqual(
        now.filter((entry) => !isPassing(entry)).map(({ Service }) => Service.ID),
        [failing!.Service.ID],
      );
      assert.ok(now.every(({ Service }) => Service.ID !== deleted!.Service.ID));
    });
    const now = new Map((await stage.instances('consul-away')).map((entry) => [entry.Service.ID, entry]));
    for (const entry of stay) assert.deepEqual(identity(now.get(entry.Service.ID)!), identity(entry));
    await stage.eventually('the operator says that it is over', async () => {
      assert.ok(stage.operator.logs('ConsulAvailable').length > 0);
      assert.equal((await stage.operator.status()).consul.up, true);
      assert.equal(await stage.operator.metric('kube_registrar_consul_up'), 1);
    });
  });

  test('of the API server: everything stays registered, and afterwards changes arrive again', async () => {
    const { ns, entries } = await deployed('api-away', 8);
    await idle();
    const before = await raftLog(stage.consul);
    await stage.kube.stopApiserver();
    await stage.eventually('the outage is in the log', async () =>
      assert.ok(stage.operator.logs('ReflectorFailed').length > 0),
    );
    await compared(2);
    assert.deepEqual((await stage.instances('api-away')).map(identity), entries.map(identity));
    await stage.kube.startApiserver();
    await stage.eventually('every reflector works again', async () => {
      const { reflectors } = await stage.operator.status();
      assert.deepEqual(
        reflectors.filter(({ state, error }) => state !== 'watching' || error !== null),
        [],
      );
    });
    await compared(1);
    const { transactions, otherWrites } = writesBetween(before, await raftLog(stage.consul));
    assert.deepEqual({ transactions, otherWrites }, { transactions: 0, otherWrites: 0 });
    await ns.scale('api-away', 10);
    const now = new Map((await stage.allPassing('api-away', 10)).map((entry) => [entry.Service.ID, entry]));
    for (const entry of entries) assert.deepEqual(identity(now.get(entry.Service.ID)!), identity(entry));
  });

  test('of both, with the operator restarted in it: nothing is removed on the way back', async () => {
    const { entries } = await deployed('both-away', 8);
    await idle();
    await stage.operator.kill();
    await stage.kube.stopApiserver();
    await stage.consul.servers[0]!.stop();
    await stage.operator.start();
    await stage.eventually('the operator says what it waits for', async () => {
      const { ok, text } = await stage.operator.readyz();
      assert.equal(ok, false);
      assert.match(text, /pods: not listed yet/);
      assert.match(text, /cluster uid: not read yet/);
    });
    await stage.consul.servers[0]!.start();
    await stage.kube.startApiserver();
    await stage.operator.ready();
    await compared(1);
    assert.deepEqual((await stage.instances('both-away')).map(identity), entries.map(identity));
  });
});

suite('others', () => {
  test('keep their entries on their nodes, under another cluster uid, and under our service names', async () => {
    const node = (name: string, meta: Record<string, string>) => ({
      Node: name,
      Address: '192.0.2.10',
      NodeMeta: meta,
      Service: { ID: `${name}-shared`, Service: 'shared', Address: '192.0.2.10', Port: 80, Tags: ['legacy'] },
      Check: { CheckID: `${name}-check`, Name: 'theirs', Status: 'passing', ServiceID: `${name}-shared` },
    });
    const theirs = [
      node('vm-1', {}),
      node(`${clusterName}-vm`, { 'external-node': 'true' }),
      node(`${clusterName}-node-9`, {
        'managed-by': 'kube-registrar',
        'kube-cluster-uid': 'another-cluster',
      }),
      node('other-node-0', {
        'managed-by': 'kube-registrar',
        'kube-cluster-uid': 'another-cluster',
        'kube-node': 'node-0',
      }),
    ];
    for (const entry of theirs) await stage.consul.api.put('/v1/catalog/register', entry);
    const read = () =>
      Promise.all(
        theirs.flatMap(({ Node }) => [
          stage.consul.api.get(`/v1/catalog/node/${Node}`),
          stage.consul.api.get(`/v1/health/node/${Node}`),
        ]),
      );
    const before = await read();

    const ns = await stage.namespace('shared');
    await ns.deploy({ name: 'shared', replicas: 3, annotations: { service: 'shared', port: 'http' } });
    await stage.allPassing('shared', 3 + theirs.length);
    await stage.operator.stop();
    await stage.operator.start();
    await stage.operator.ready();
    await compared(2);
    await ns.scale('shared', 0);
    await stage.allPassing('shared', theirs.length);
    await compared(2);
    assert.deepEqual(await read(), before, 'to the last index');
  });

  test('who have the name of a node we need are not overwritten, and the log says so', async () => {
    const ns = await stage.namespace('taken');
    const name = `${clusterName}-endpoints`;
    const foreign = { Node: name, Address: '192.0.2.20', NodeMeta: { owner: 'somebody' } };
    await stage.consul.api.put('/v1/catalog/register', foreign);
    const before = await stage.consul.api.get(`/v1/catalog/node/${name}`);
    await ns.addService('by-hand', { service: 'by-hand', port: 'web' });
    await stage.kube.api.post(ns.slicesPath, {
      metadata: { name: 'by-hand-1', labels: { 'kubernetes.io/service-name': 'by-hand' } },
      addressType: 'IPv4',
      ports: [{ name: 'web', port: 80, protocol: 'TCP' }],
      endpoints: [{ addresses: ['192.0.2.30'], conditions: { ready: true } }],
    });
    await stage.eventually('the conflict is in the log', async () => {
      const [line] = stage.operator.logs('Conflict').filter(({ node }) => node === name);
      assert.equal(line?.level, 'error');
    });
    assert.deepEqual(await stage.consul.api.get(`/v1/catalog/node/${name}`), before);
    await stage.consul.api.put('/v1/catalog/deregister', { Node: name });
    await stage.allPassing('by-hand', 1);
  });

  test('who remove or edit entries of ours are repaired by the next comparison', async () => {
    const { entries } = await deployed('drifting', 3);
    const [removed, edited, flipped] = entries;
    await stage.consul.api.put('/v1/catalog/deregister', {
      Node: removed!.Node.Node,
      ServiceID: removed!.Service.ID,
    });
    await stage.consul.api.put('/v1/txn', [
      {
        Service: {
          Verb: 'set',
          Node: edited!.Node.Node,
          Service: { ...edited!.Service, Tags: ['edited'], CreateIndex: undefined, ModifyIndex: undefined },
        },
      },
      {
        Check: {
          Verb: 'set',
          Check: {
            Node: flipped!.Node.Node,
            ServiceID: flipped!.Service.ID,
            ServiceName: 'drifting',
            CheckID: `${flipped!.Service.ID}:readiness`,
            Name: 'flipped',
            Status: 'critical',
          },
        },
      },
    ]);
    await stage.eventually('the drift is repaired', async () => {
      const now = await stage.allPassing('drifting', 3);
      assert.deepEqual(
        now.map(({ Service }) => [Service.ID, Service.Tags]),
        entries.map(({ Service }) => [Service.ID, Service.Tags]),
      );
    });
    // Drift is logged before it is repaired.
    const drifted = new Set(stage.operator.logs('Drift').map(({ instance }) => instance));
    for (const { Service } of entries) assert.ok(drifted.has(Service.ID), Service.ID);
  });
});
