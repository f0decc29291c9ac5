/** What is held, and what is not, on real servers: absence is not evidence. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type HealthEntry, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { manifests } from '../support/real/operator.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const rolePath = '/apis/rbac.authorization.k8s.io/v1/clusterroles/kube-registrar';

let stage: Stage;

before(async () => {
  // What is lost at once takes a while to arrive on a busy machine.
  stage = await startStage({
    sync: { fullComparisonInterval: '1s' },
    guard: { settle: '5s', kubeletGrace: '6s' },
    kubelet: { leaseMs: 1_000 },
  });
});

after(() => stage?.[Symbol.asyncDispose]());

const ids = (entries: readonly HealthEntry[]): string[] => entries.map(({ Service }) => Service.ID);
const identity = ({ Service }: HealthEntry) => [Service.ID, Service.CreateIndex, Service.ModifyIndex];

async function deployed(name: string, replicas: number): Promise<{ ns: Namespace; entries: HealthEntry[] }> {
  const ns = await stage.namespace(name);
  await ns.deploy({ name, replicas, annotations: { service: name, port: 'http' } });
  return { ns, entries: await stage.allPassing(name, replicas) };
}

/** No kubelet is heard: what runs runs on, whatever the API server has. */
function silence(): void {
  for (const { name } of stage.kubelet.nodes) stage.kubelet.silent.add(name);
}

/** How many removals are held at the moment. */
async function held(): Promise<number> {
  return stage.operator.metric('kube_registrar_held_operations{by="guard",kind="removal"}');
}

const heldLines = (): number =>
  stage.operator.logs('RemovalHeld').filter(({ level }) => level === 'warn').length;

/** Complete comparisons with Consul made from now on: what is to be removed would be by then. */
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

/** The documented command, as in the operator's pod. */
async function release(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[program, 'release', '--server', stage.operator.url],
    ...args,
  ]);
  return stdout;
}

/** The plan beside the operator, with its rights and configuration. */
function plan(...args: string[]): Promise<{ stdout: string }> {
  const file = ['--config', stage.operator.configFile];
  return promisify(execFile)(process.execPath, [program, 'plan', ...file, ...args]);
}

suite('the guard', () => {
  let linesBefore: number;

  beforeEach(() => {
    linesBefore = heldLines();
  });

  test('does not hold 300 pods that are scaled down', async () => {
    const { ns } = await deployed('scaled', 300);
    await ns.scale('scaled', 0);
    await stage.gone('scaled');
    assert.equal(heldLines(), linesBefore);
    const removed = stage.operator.logs().filter(({ reason, node, because }) => {
      return reason === 'Deregistered' && node !== undefined && because !== 'terminating';
    });
    assert.deepEqual(removed, [], 'each removal is explained by its pod, seen ending');
  });

  test('does not hold pods deleted by force, nor a namespace', async () => {
    const { ns } = await deployed('forced', 40);
    await ns.patchDeployment('forced', { spec: { replicas: 0, paused: true } });
    for (const { metadata } of await ns.pods()) {
      const options = { gracePeriodSeconds: 0 };
      await stage.kube.api.delete(`${ns.podsPath}/${metadata.name}`, options).catch(() => {});
    }
    await stage.gone('forced');
    const { ns: other } = await deployed('namespace', 40);
    await other.delete();
    await stage.gone('namespace');
    assert.equal(heldLines(), linesBefore);
  });

  test("holds 300 pods that vanished from etcd behind the API's back, until a person releases them or their kubelets are heard", async () => {
    const { entries } = await deployed('vanished', 300);
    silence();
    await stage.kube.vanish('/registry/pods/vanished/');
    const old = new Set(ids(entries));
    await stage.eventually('the new pods are there, and the old ones are held', async () => {
      assert.equal(await held(), 300);
      assert.equal((await stage.instances('vanished')).filter(isPassing).length, 600);
    });
    await compared(5);
    assert.equal(
      (await stage.instances('vanished')).filter(({ Service }) => old.has(Service.ID)).length,
      300,
    );
    assert.equal(heldLines(), linesBefore + 1, 'said once');
    const { held: shown } = await stage.operator.status();
    assert.match(shown[0]!.why, /stays registered: nothing explains its absence/);
    assert.match(shown[0]!.release ?? '', /^kube-registrar release prod-node-/);
    const { stdout } = await plan('--server', stage.operator.url);
    assert.match(stdout, /- instance vanished\.\S+ of vanished \(held by the guard\)\n/);
    assert.match(
      stdout,
      /! instance vanished\.\S+ of vanished stays registered: nothing explains its absence/,
    );
    assert.match(stdout, /\nNothing to do for now\. 300 held by the guard\./);
    const { summary } = JSON.parse((await plan('--output', 'json', '--server', stage.operator.url)).stdout);
    assert.deepEqual([summary.remove, summary.heldByGuard], [0, 300]);

    assert.match(await release('prod-node-0'), /^Released: 100 removals/);
    await stage.eventually('those of one node are gone', async () => assert.equal(await held(), 200));
    assert.match(
      await release('--service', 'elsewhere').catch(({ stdout }) => stdout),
      /^Nothing matching is held/,
    );
    stage.kubelet.silent.clear();
    await stage.eventually('those whose kubelets are heard go', async () => assert.equal(await held(), 0));
    // A removal is no longer held before it is written and logged.
    await stage.eventually('the kubelets are the reason', async () => {
      const reported = stage.operator
        .logs('Deregistered')
        .filter(({ because }) => because === 'kubelet-reported');
      assert.equal(reported.length, 200);
    });
    const left = await stage.allPassing('vanished', 300);
    assert.ok(left.every(({ Service }) => !old.has(Service.ID)));
    await assert.rejects(release('--all'), { code: 2, stdout: 'Nothing matching is held.\n' });
  });

  test('removes few that vanished after a second read', async () => {
    const { ns, entries } = await deployed('few', 12);
    const lost = (await ns.pods()).slice(0, 3).map(({ metadata }) => metadata);
    for (const { name } of lost) await stage.kube.vanish(`/registry/pods/few/${name}`);
    await stage.eventually('the lost ones are gone', async () => {
      const left = await stage.instances('few');
      assert.ok(!left.some(({ Service }) => lost.some(({ uid }) => uid === Service.Meta['kube-pod-uid'])));
      assert.equal(left.length, 12);
    });
    assert.equal(entries.length, 12);
    assert.equal(heldLines(), linesBefore);
  });

  test('removes nothing while the rights on pods are taken away, restarts included', async () => {
    const { entries } = await deployed('rights', 30);
    const role = (await manifests('rbac.yaml')).find(({ kind }) => kind === 'ClusterRole')!;
    const rules = role['rules'] as { resources: string[] }[];
    const without = rules.map((rule) => ({
      ...rule,
      resources: rule.resources.filter((resource) => resource !== 'pods'),
    }));
    await stage.kube.api.patchAs(rolePath, { rules: without }, 'merge');
    // Running watches go on until they break.
    await stage.kube.stopApiserver();
    await stage.kube.startApiserver();
    await stage.eventually('the rights are missed', async () => {
      const { reflectors } = await stage.operator.status();
      assert.match(reflectors.find(({ resource }) => resource === 'pods')?.error ?? '', /forbidden/);
    });
    await compared(3);
    assert.deepEqual((await stage.instances('rights')).map(identity), entries.map(identity));

    await stage.operator.stop();
    await stage.operator.start();
    await stage.eventually('the restarted one waits for its rights', async () => {
      assert.match((await stage.operator.readyz()).text, /pods: not listed yet.*forbidden/);
    });
    assert.deepEqual((await stage.instances('rights')).map(identity), entries.map(identity));
    await stage.kube.api.patchAs(rolePath, { rules }, 'merge');
    await stage.operator.ready();
    await compared(2);
    assert.deepEqual(
      (await stage.instances('rights')).map(identity),
      entries.map(identity),
      'nothing was rewritten',
    );
    assert.equal(await held(), 0);
  });

  test('adopts what an older etcd still knows, and holds what it does not know any more', async () => {
    const { entries: early } = await deployed('early', 8);
    const snapshot = `${await dataDir('snapshot')}/etcd.db`;
    await stage.kube.snapshotEtcd(snapshot);
    const total = [...(await stage.operator.status()).nodes].reduce(
      (sum, { instances }) => sum + instances,
      0,
    );
    const count = Math.max(20, Math.ceil(total));
    const { entries: late } = await deployed('late', count);
    silence();

    await stage.kube.restoreEtcd(snapshot);
    await stage.eventually('the loss is noticed and held', async () => assert.equal(await held(), count));
    await compared(5);
    assert.deepEqual(
      (await stage.instances('early')).map(identity),
      early.map(identity),
      'adopted as they are',
    );
    assert.deepEqual(ids(await stage.instances('late')), ids(late));
    assert.ok(stage.operator.logs('Regression').length > 0);

    await release('--all');
    await stage.gone('late');
    assert.deepEqual((await stage.instances('early')).map(identity), early.map(identity));
  });
});
