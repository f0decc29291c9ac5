import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ClusterStores } from '../../src/kube/cluster-stores.ts';
import { connect } from '../../src/kube/connection.ts';
import type { Regression } from '../../src/kube/reflector/reflector-state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { silentLogger } from '../../src/logging/logger.ts';
import { eventually } from '../support/eventually.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';

const pods = '/api/v1/namespaces/default/pods';
const podBody = (name: string) => ({
  metadata: { name, annotations: { 'kube-registrar.io/service': 'web' } },
  spec: { containers: [{ name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] },
});

/** The stores against a real API server, connected through its kubeconfig. */
async function follow(kubeconfig: string) {
  const regressions: Regression[] = [];
  const { transport } = await connect({ kubeconfig, userAgent: 'kube-registrar/test', env: {} });
  const stores = new ClusterStores({
    transport,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    annotationPrefix: 'kube-registrar.io/',
    onDirty: () => {},
    onRegression: (regression) => void regressions.push(regression),
  });
  const abort = new AbortController();
  const running = stores.reflectors.start(abort.signal);
  return {
    stores,
    regressions,
    status: (resource: string) => stores.reflectors.status().find((each) => each.resource === resource),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await running;
      await transport.close();
    },
  };
}

for (const [server, options] of [
  ['a real API server by WatchList', { apiserverArgs: ['--feature-gates=WatchList=true'] }],
  ['a real API server by paginated LIST', { apiserverArgs: ['--feature-gates=WatchList=false'] }],
  // It has no WatchList, answers consistent reads from etcd, and starts its watches in another way.
  ['the oldest API server', { oldest: true }],
] as const) {
  describe(`ClusterStores on ${server}`, () => {
    let kube: Kube;
    before(async () => {
      kube = await startKube({ ...options, users: { limited: [] } });
    });
    after(() => kube.stop());

    test('sync, then follow additions, changes and removals', async () => {
      await kube.api.post(pods, podBody('early'));
      await using it = await follow(kube.kubeconfigPath);
      await it.stores.reflectors.settled;
      assert.equal(it.stores.pod('default', 'early')?.annotations['service'], 'web');
      await kube.api.post(pods, podBody('late'));
      await eventually(() => it.stores.pod('default', 'late') !== undefined, {
        what: 'the pod is in the store',
      });
      await kube.api.delete(`${pods}/late?gracePeriodSeconds=0`);
      await eventually(() => it.stores.pod('default', 'late') === undefined, { what: 'the pod has left it' });
      assert.deepEqual(
        it.stores.reflectors.status().map(({ lists, lastError }) => [lists, lastError]),
        Array(4).fill([1, undefined]),
      );
    });

    test('a list of many pages is complete', async () => {
      const names = Array.from({ length: 1_100 }, (_, index) => `many-${index}`);
      for (let start = 0; start < names.length; start += 50) {
        await Promise.all(names.slice(start, start + 50).map((name) => kube.api.post(pods, podBody(name))));
      }
      await using it = await follow(kube.kubeconfigPath);
      await it.stores.reflectors.settled;
      assert.ok(names.every((name) => it.stores.pod('default', name) !== undefined));
    });

    test('the API server goes and comes back: nothing is removed, and what happened since arrives', async () => {
      await using it = await follow(kube.kubeconfigPath);
      await it.stores.reflectors.settled;
      const before = it.stores.pods.size;
      await kube.stopApiserver();
      await eventually(() => it.status('pods')?.lastError !== undefined, { what: 'the outage shows' });
      assert.equal(it.stores.pods.size, before);
      await kube.startApiserver();
      await kube.api.post(pods, podBody('after-outage'));
      await eventually(() => it.stores.pod('default', 'after-outage') !== undefined, { timeoutMs: 60_000 });
      assert.equal(it.regressions.length, 0);
      assert.equal(it.stores.pods.size, before + 1);
    });

    test('missing rights show in the status, and nothing counts as synced', async () => {
      const kubeconfig = await kube.kubeconfigFor({ user: 'limited' });
      await using it = await follow(kubeconfig);
      await eventually(() => it.status('pods')?.lastError?.error.code === 'forbidden');
      assert.match(it.status('pods')?.lastError?.error.message ?? '', /cannot (list|watch) resource "pods"/);
      assert.notDeepEqual(it.stores.reflectors.pending, []);
    });

    test('etcd restored from a backup is noticed, and the state that came back is taken up', async () => {
      const directory = await dataDir('backup');
      const file = join(directory, 'etcd.db');
      await using it = await follow(kube.kubeconfigPath);
      await it.stores.reflectors.settled;
      await kube.snapshotEtcd(file);
      for (let index = 0; index < 20; index += 1) await kube.api.post(pods, podBody(`lost-${index}`));
      await eventually(() => it.stores.pod('default', 'lost-19') !== undefined);
      await kube.restoreEtcd(file);
      await eventually(() => it.regressions.some(({ resource }) => resource === 'pods'), {
        timeoutMs: 90_000,
        what: 'the regression is reported',
      });
      await eventually(() => it.stores.pod('default', 'lost-19') === undefined, { timeoutMs: 30_000 });
      await rm(directory, { recursive: true });
    });
  });
}
