/**
 * Ordinary days on real servers, with the controllers that give up nodes and collect their pods: nothing that has ended
 * is left in Consul, and nobody has to release it.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { isPassing } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

let stage: Stage;

before(async () => {
  stage = await startStage({
    guard: { kubeletGrace: '6s', confirm: '8s' },
    kubelet: { leaseMs: 1_000 },
    kube: { controllers: ['node-lifecycle-controller'] },
  });
});

after(() => stage?.[Symbol.asyncDispose]());

/** Instances of these services, all of them passing, and nothing held. */
async function only(counts: Readonly<Record<string, number>>): Promise<void> {
  await stage.eventually(JSON.stringify(counts), async () => {
    for (const [service, count] of Object.entries(counts)) {
      const found = await stage.instances(service);
      assert.deepEqual([found.length, found.filter(isPassing).length], [count, count], service);
    }
    assert.equal(await stage.operator.metric('kube_registrar_held_operations{by="guard",kind="removal"}'), 0);
  });
}

async function deployed(ns: Namespace, name: string, replicas: number, service = name): Promise<void> {
  await ns.deploy({ name, replicas, annotations: { service, port: 'http' } });
  await stage.allPassing(service, replicas);
}

suite('nothing that has ended is left after', () => {
  test('pods of Jobs that completed and were deleted at once', async () => {
    const ns = await stage.namespace('batch');
    const names = Array.from({ length: 40 }, (_, index) => `job-${index}`);
    for (const name of names) await ns.addPod(name, { service: 'batch', port: 'http' });
    await stage.allPassing('batch', 40);
    for (const name of names) stage.kubelet.finish('batch', name, 'Succeeded');
    await stage.eventually('they have completed', async () => {
      assert.ok((await ns.pods()).every(({ status }) => status?.phase === 'Succeeded'));
    });
    await Promise.all(names.map((name) => ns.deletePod(name)));
    await only({ batch: 0 });
    assert.deepEqual(stage.operator.logs('RemovalHeld'), []);
  });

  test('a switch from blue to green, a renamed Service and a removed canary that nobody saw', async () => {
    const ns = await stage.namespace('shop');
    await deployed(ns, 'blue', 20);
    await deployed(ns, 'green', 20);
    await deployed(ns, 'stable', 30);
    await deployed(ns, 'canary', 15);
    await ns.addService('old', { service: 'old', port: 'web' }, { app: 'green' });
    await stage.allPassing('old', 20);
    await stage.operator.stop();
    for (const name of ['blue', 'canary']) await ns.scale(name, 0);
    await stage.kube.api.delete(`${ns.servicesPath}/old`);
    await ns.addService('new', { service: 'new', port: 'web' }, { app: 'green' });
    await stage.eventually('the pods have ended', async () => assert.equal((await ns.pods()).length, 50));
    await stage.operator.start();
    await only({ blue: 0, green: 20, stable: 30, canary: 0, old: 0, new: 20 });
    await ns.delete();
    await only({ green: 0, stable: 0, new: 0 });
  });

  test('a cloud node of 15 pods among 45 was lost, and its pods were collected', async () => {
    const ns = await stage.namespace('cloud');
    await deployed(ns, 'cloud', 45);
    const [first, ...others] = stage.kubelet.nodes.map(({ name }) => name);
    await stage.kubelet.removeNode(first!);
    await stage.eventually('others have taken their place', async () => {
      const found = await stage.instances('cloud');
      assert.ok(found.every(({ Service }) => others.includes(Service.Meta['kube-node'] ?? '')));
      assert.equal(found.filter(isPassing).length, 45);
    });
    await only({ cloud: 45 });
  });
});
