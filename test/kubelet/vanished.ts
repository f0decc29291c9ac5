/**
 * What the operator may rely on when a pod is missing from the cluster without having been deleted: its kubelet ends it.
 * The bounds are generous; what was measured is printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Cluster, isReady, patience, podSpec } from '../support/node/cluster.ts';

const command = 'trap "exit 0" TERM; sleep 100000 & wait';
const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a';

export function vanishedPods(cluster: () => Cluster): void {
  /** A pod on node a; resolves with a function that waits until no container of it is left, and says how long that took. */
  async function runningPod(name: string): Promise<() => Promise<number>> {
    const nodeSelector = { 'kubernetes.io/hostname': 'a' };
    await cluster().addPod(name, podSpec({ command }, { nodeSelector }));
    await eventually(async () => isReady(await cluster().pod(name)), patience);
    const [node, { metadata }] = [await cluster().nodeOf(name), await cluster().pod(name)];
    return async () => {
      const start = performance.now();
      await eventually(async () => (await node.containers(metadata.uid)).length === 0, {
        timeoutMs: 150_000,
        what: `the containers of ${name} have ended`,
      });
      return Math.round(performance.now() - start);
    };
  }

  const vanish = (name: string) => cluster().kube.vanish(`/registry/pods/default/${name}`);
  const renewed = async () =>
    (await cluster().kube.api.get<{ spec: { renewTime: string } }>(lease)).spec.renewTime;

  test('a kubelet that is in touch ends it at once', async (t) => {
    const ended = await runningPod('in-touch');
    await vanish('in-touch');
    const ms = await ended();
    t.diagnostic(`ended after ${ms} ms`);
    assert.ok(ms < 60_000);
  });

  test('a kubelet that was away ends it when it is back', async (t) => {
    const ended = await runningPod('away');
    const { kubelet } = cluster().nodes[0]!;
    await kubelet.kill();
    await vanish('away');
    const before = await renewed();
    const started = kubelet.start();
    const start = performance.now();
    const first = eventually(async () => (await renewed()) !== before, { ...patience, intervalMs: 20 }).then(
      () => Math.round(performance.now() - start),
    );
    const ms = await ended();
    await started;
    t.diagnostic(`the Lease was renewed after ${await first} ms, the pod ended after ${ms} ms`);
    assert.ok(ms < 90_000);
  });

  test('a kubelet ends it after an outage of the API server, when it lists again', async (t) => {
    const ended = await runningPod('outage');
    await cluster().kube.stopApiserver();
    await vanish('outage');
    await cluster().kube.startApiserver();
    const ms = await ended();
    t.diagnostic(`ended ${ms} ms after the API server was back`);
    // client-go doubles its pauses up to 30 s, and adds as much again by chance.
    assert.ok(ms < 120_000);
  });
}
