/** Restarts at the worst moment, and a Consul that has lost what was in it. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import type { Pod } from '../support/real/kubelet.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, type Namespace } from '../support/real/workloads.ts';

let stage: Stage;
let scratch: string;

before(async () => {
  scratch = await dataDir('snapshots');
  stage = await startStage({ guard: { kubeletGrace: '6s' }, kubelet: { leaseMs: 1_000 } });
});

after(async () => {
  await stage?.[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const serves = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/**
 * Follows a service and its pods, and keeps every pod that was passing once and then was not although
 * Kubernetes called it ready before and after the look.
 */
async function takenOut(ns: Namespace, service: string, until: () => Promise<boolean>): Promise<Set<string>> {
  const wronged = new Set<string>();
  const seenPassing = new Set<string>();
  const deadline = AbortSignal.timeout(180_000);
  const ready = async () =>
    new Set((await ns.pods()).filter(serves).map(({ metadata }) => metadata.uid ?? ''));
  for (let done = false; !done; ) {
    deadline.throwIfAborted();
    const earlier = await ready();
    const passing = new Set(
      (await stage.instances(service)).filter(isPassing).map(({ Service }) => Service.Meta['kube-pod-uid']),
    );
    const later = await ready();
    for (const uid of earlier.intersection(later)) {
      if (passing.has(uid)) seenPassing.add(uid);
      else if (seenPassing.has(uid)) wronged.add(uid);
    }
    done = await until();
  }
  return wronged;
}

suite('the operator', () => {
  test('killed and ended in the middle of a rollout takes out no ready pod, and the rollout arrives', async () => {
    // More end while no operator runs than may go unexplained: guard.removalMinimum and guard.removalRatio.
    const [replicas, many] = [40, 20];
    const ns = await stage.namespace('restarts');
    const deploy = { name: 'cart', replicas, strategy: { maxSurge: 4, maxUnavailable: 0 } };
    await ns.deploy({ ...deploy, annotations: { service: 'cart', port: 'http', tags: 'v1' } });
    await stage.allPassing('cart', replicas);

    for (const [tag, end, endedMeanwhile] of [
      ['v2', () => stage.operator.kill(), many],
      ['v3', () => stage.operator.stop(), replicas],
    ] as const) {
      const old = new Set((await ns.pods()).map(({ metadata }) => metadata.uid));
      await ns.patchDeployment('cart', {
        spec: { template: { metadata: { annotations: annotations({ tags: tag }) } } },
      });
      const tagged = async () =>
        (await stage.instances('cart')).filter(({ Service }) => Service.Tags?.includes(tag));
      const ended = async () => {
        const left = (await ns.pods()).filter(({ metadata }) => old.has(metadata.uid));
        return old.size - left.length;
      };
      let state: 'running' | 'down' | 'restarted' = 'running';
      const wronged = await takenOut(ns, 'cart', async () => {
        const [current, all] = [await tagged(), await stage.instances('cart')];
        if (state === 'running' && current.length > 0) {
          assert.ok(current.length < replicas, 'the rollout is under way');
          await end();
          state = 'down';
        } else if (state === 'down' && (await ended()) >= endedMeanwhile) {
          await stage.operator.start();
          state = 'restarted';
        }
        return (
          state === 'restarted' && all.length === replicas && current.filter(isPassing).length === replicas
        );
      });
      assert.deepEqual([...wronged], [], tag);
      // An instance leaves Consul before the operator logs it.
      await stage.eventually('the removals are logged, and none is held', async () => {
        const gone = stage.operator.logs('Deregistered').map(({ because }) => because);
        assert.ok(gone.includes('kubelet-reported'), tag);
        assert.deepEqual((await stage.operator.status()).held, [], tag);
      });
    }
  });
});

suite('Consul', () => {
  test('wiped while it runs is filled again', async () => {
    const empty = path.join(scratch, 'empty');
    await stage.known('restarts').scale('cart', 0);
    await stage.gone('cart');
    await stage.consul.saveSnapshot(empty);
    const ns = await stage.namespace('wiped');
    await ns.deploy({ name: 'shop', replicas: 6, annotations: { service: 'shop', port: 'http' } });
    await stage.allPassing('shop', 6);
    await stage.consul.restoreSnapshot(empty);
    await stage.allPassing('shop', 6);
  });

  test('restored from an earlier snapshot has what is true now, neither more nor less', async () => {
    const ns = stage.known('wiped');
    const earlier = path.join(scratch, 'earlier');
    await stage.consul.saveSnapshot(earlier);
    const [first] = await ns.pods();
    await ns.deletePod(first!.metadata.name);
    await ns.scale('shop', 9);
    await stage.allPassing('shop', 9);
    await stage.consul.restoreSnapshot(earlier);
    // While it is repaired there may be nine as well, the deleted one among them.
    await stage.eventually('its instances are the pods', async () => {
      const entries = await stage.instances('shop');
      const pods = new Set((await ns.pods()).map(({ metadata }) => metadata.uid));
      assert.deepEqual(new Set(entries.map(({ Service }) => Service.Meta['kube-pod-uid'])), pods);
      assert.equal(entries.filter(isPassing).length, 9);
    });
  });
});
