/** The readiness gate under a real Deployment controller: a rollout waits for Consul, and takes nobody away. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isPassing } from '../support/real/consul-reads.ts';
import type { Pod } from '../support/real/kubelet.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { isReady, type Namespace } from '../support/real/workloads.ts';

const gate = 'kube-registrar.io/registered';
const replicas = 3;

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

const isStaying = ({ metadata }: Pod): boolean => metadata.deletionTimestamp === undefined;

/** A Deployment whose pods carry the gate; one new pod at a time, and none goes before it is Ready. */
async function deployGated(ns: Namespace, name: string, annotations: Record<string, string>): Promise<void> {
  await ns.deploy({ name, replicas, annotations, strategy: { maxSurge: 1, maxUnavailable: 0 } });
  await ns.patchDeployment(name, {
    spec: { template: { spec: { readinessGates: [{ conditionType: gate }] } } },
  });
}

async function allReady(ns: Namespace): Promise<Pod[]> {
  return stage.eventually('the rollout is done', async () => {
    const pods = (await ns.pods()).filter(isStaying);
    assert.equal(pods.filter(isReady).length, replicas);
    assert.equal(pods.length, replicas);
    assert.ok(pods.every(({ spec }) => spec.readinessGates?.[0]?.conditionType === gate));
    return pods;
  });
}

test('a rolling update stops while Consul is away, and goes on after it', async () => {
  const ns = await stage.namespace('gated');
  await deployGated(ns, 'web', { service: 'web', port: 'http' });
  const before = new Set((await allReady(ns)).map(({ metadata }) => metadata.uid));
  await stage.allPassing('web', replicas);
  const old = (pods: readonly Pod[]) => pods.filter(({ metadata }) => before.has(metadata.uid));

  stage.consul.servers[0]!.pause();
  await ns.patchDeployment('web', { spec: { template: { metadata: { labels: { round: '2' } } } } });
  await stage.eventually('a new pod is well but for the gate', async () => {
    const fresh = (await ns.pods()).filter(({ metadata }) => !before.has(metadata.uid));
    const conditions = fresh[0]?.status?.conditions ?? [];
    assert.ok(conditions.some(({ type, status }) => type === 'ContainersReady' && status === 'True'));
  });
  // Long enough for the gate of a pod that asks for nothing.
  const until = Date.now() + 8_000;
  while (Date.now() < until) {
    const pods = (await ns.pods()).filter(isStaying);
    assert.equal(old(pods).filter(isReady).length, replicas, 'every old pod serves on');
    assert.equal(pods.length, replicas + 1);
    await setTimeout(200);
  }

  stage.consul.servers[0]!.resume();
  const pods = await stage.eventually('the rollout goes on', async () => {
    const entries = await stage.instances('web');
    assert.ok(entries.filter(isPassing).length >= replicas, 'consumers find as many as ever');
    const all = await ns.pods();
    assert.equal(old(all).length, 0);
    return all;
  });
  assert.ok(pods.length >= replicas);
  const ready = await allReady(ns);
  for (const { status } of ready) {
    const condition = status?.conditions?.find(({ type }) => type === gate);
    assert.equal(condition?.reason, 'Registered');
  }
  await stage.allPassing('web', replicas);
});

test('pods that ask for nothing are not held up', async () => {
  const ns = await stage.namespace('unasked');
  await deployGated(ns, 'plain', {});
  for (const { status } of await allReady(ns)) {
    assert.equal(status?.conditions?.find(({ type }) => type === gate)?.reason, 'NotAsked');
  }
});
