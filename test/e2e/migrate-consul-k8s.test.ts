/**
 * The way from consul-k8s catalog sync to kube-registrar and back, on a real API server and Consul, while a Deployment
 * replaces its pods, HAProxy sends requests and a consumer follows the service. consul-k8s is a stand-in, see
 * test/support/real/consul-k8s-writer.ts. HAProxy reaches the pods through a proxy that answers for them.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { runCommand } from '../support/real/command.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { ConsulK8sWriter } from '../support/real/consul-k8s-writer.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { type Pod, startKubelet } from '../support/real/kubelet.ts';
import { LiveService } from '../support/real/live-service.ts';
import { installRbac, operatorIdentity, startOperator } from '../support/real/operator.ts';
import { PodNetwork } from '../support/real/pod-network.ts';
import { startTraffic } from '../support/real/traffic.ts';
import { annotations, isReady, Namespace } from '../support/real/workloads.ts';

const service = 'web-shop';
const pods = 3;
const intervalMs = 500;
const deployments = '/apis/apps/v1/namespaces/consul/deployments';

/** As the chart of consul-k8s starts it; nothing runs in the pod. */
const syncCatalog = {
  metadata: { name: 'consul-sync-catalog', labels: { component: 'sync-catalog' } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'consul' } },
    template: {
      metadata: { labels: { app: 'consul' } },
      spec: {
        containers: [
          {
            name: 'sync-catalog',
            image: 'main',
            command: [
              '/bin/sh',
              '-ec',
              'exec consul-k8s-control-plane sync-catalog \\\n -to-k8s=false \\\n -allow-k8s-namespace="shop" \\\n -add-k8s-namespace-suffix \\\n -consul-node-name=k8s-sync\n',
            ],
          },
        ],
      },
    },
  },
};

/** Nodes of the passing instances, sorted, ours by what they begin with. */
const nodesOf = async (consul: Consul): Promise<string[]> =>
  (await instances(consul, service))
    .filter(isPassing)
    .map(({ Node }) => Node.Node.replace(/^prod-.*/, 'prod'))
    .sort();

const theirs = Array.from({ length: pods }, () => 'k8s-sync');
const ours = Array.from({ length: pods }, () => 'prod');
const both = [...theirs, ...ours];

interface World {
  readonly kube: Kube;
  readonly consul: Consul;
  readonly shop: Namespace;
  readonly network: PodNetwork;
  readonly started: AsyncDisposableStack;
}

/** Pods that answer until they have ended, behind a Service with two ports. */
async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack();
  const [kube, consul] = await Promise.all([
    startKube().then((server) => started.use(server)),
    startConsul({ serverConfig: { dns_config: { enable_truncate: true } } }).then((server) =>
      started.use(server),
    ),
  ]);
  await installRbac(kube);
  // A pod goes on answering while its end gets about.
  started.use(await startKubelet(kube.api, { deletionDelayMs: 3_000 }));
  const shop = await Namespace.create(kube.api, 'shop');
  await Namespace.create(kube.api, 'consul');
  await kube.api.post(deployments, syncCatalog);
  // Before a pod goes, another has been ready for longer than anybody takes to hear of it.
  const strategy = { maxSurge: 1, maxUnavailable: 0 };
  await shop.deploy({ name: 'web', replicas: pods, strategy, minReadySeconds: 3 });
  await shop.addService('web', {}, { app: 'web' });
  await rolledOut(shop, undefined);
  const network = started.use(await PodNetwork.start());
  return { kube, consul, shop, network, started: started.move() };
}

const versionOf = (pod: Pod): string | undefined => pod.metadata.annotations?.['version'];

/** Waits until every pod is of this version and ready, and no other is left. */
const rolledOut = (shop: Namespace, version: string | undefined) =>
  eventually(
    async () => {
      const found = await shop.pods();
      assert.deepEqual(
        found.map((pod) => [versionOf(pod), isReady(pod)]),
        Array.from({ length: pods }, () => [version, true]),
      );
    },
    { timeoutMs: 120_000, what: `the pods of version ${version} are ready, and no others are there` },
  );

/** Begins to replace the pods; resolves when the first new one is ready and an old one is on its way out. */
async function beginRollout(shop: Namespace, version: string): Promise<void> {
  await shop.restart('web', version);
  await eventually(
    async () => {
      const found = await shop.pods();
      assert.ok(found.some((pod) => versionOf(pod) === version && isReady(pod)));
      assert.ok(found.some((pod) => versionOf(pod) !== version && pod.metadata.deletionTimestamp));
    },
    { timeoutMs: 60_000, what: `a pod of version ${version} has taken the place of another` },
  );
}

suite('moving from consul-k8s and back, while pods are replaced', () => {
  test('loses no request, and never has fewer healthy instances than there are ready endpoints', async () => {
    const { kube, consul, shop, network, started } = await startWorld();
    await using _world = started;
    const directory = await dataDir('migrate');
    const file = join(directory, 'config.yaml');
    const run = (...argv: readonly string[]) =>
      runCommand(argv, { ...process.env, KUBECONFIG: kube.kubeconfigPath } as never);
    const migrate = (...argv: readonly string[]) => run('migrate', 'consul-k8s', ...argv);
    const become = (what: string, nodes: readonly string[]) =>
      eventually(async () => assert.deepEqual(await nodesOf(consul), nodes), { timeoutMs: 60_000, what });
    /** Until the command ends with 0, as a person repeats it. */
    const repeat = (what: string, command: () => ReturnType<typeof run>) =>
      eventually(
        async () => {
          const { code, stdout, stderr } = await command();
          assert.equal(code, 0, stdout + stderr);
        },
        { timeoutMs: 60_000, what },
      );
    const rounds = (writer: ConsulK8sWriter, more: number) => {
      const until = writer.rounds + more;
      return eventually(() => writer.rounds >= until, { timeoutMs: 60_000, what: `${more} more rounds` });
    };
    const startTheirs = () => new ConsulK8sWriter({ kube: kube.api, consul, namespace: 'shop', intervalMs });

    // Before: consul-k8s alone.
    const first = started.use(startTheirs());
    await become('consul-k8s has registered everything', theirs);
    const live = started.use(new LiveService({ kube: kube.api, consul, namespace: shop, service, network }));
    const traffic = started.use(await startTraffic({ consul, network, service }));

    // 1. The values.
    const values = await migrate();
    assert.equal(values.code, 0, values.stderr);
    const { config } = parse(values.stdout) as { config: Record<string, unknown> };
    const whole = {
      ...config,
      cluster: { name: 'prod' },
      consul: { addresses: [consul.url] },
      kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
    };
    await writeFile(file, JSON.stringify({ ...whole, kubernetes: {} }));

    // 2. The comparison.
    const before = await migrate('--check', '--config', file);
    assert.deepEqual(
      [before.code, before.stdout],
      [0, `${pods} of ${pods} instances on node "k8s-sync" match.\n`],
    );

    // 3. Beside it, for many of its rounds, and while the pods are replaced.
    const operator = await startOperator({ config: whole });
    started.use(operator);
    await operator.ready();
    await become('both have registered everything', both);
    await rounds(first, 5);
    assert.deepEqual(await nodesOf(consul), both);
    assert.deepEqual(first.deregistered, []);
    await beginRollout(shop, 'both');
    await rolledOut(shop, 'both');
    await become('both have registered the new pods', both);
    await repeat('both agree', () => migrate('--check', '--config', file));
    const early = await migrate('--finish', '--yes', '--config', file);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /Deployment consul\/consul-sync-catalog still runs/);

    // 4. Without it. What it has registered is removed while the pods are replaced.
    await first[Symbol.asyncDispose]();
    await kube.api.delete(`${deployments}/consul-sync-catalog`);
    assert.deepEqual(await nodesOf(consul), both);
    await beginRollout(shop, 'finish');
    await repeat('nothing of consul-k8s is left', () =>
      migrate('--finish', '--yes', '--write-interval', '1s', '--config', file),
    );
    await rolledOut(shop, 'finish');
    await become('only kube-registrar has registered the pods', ours);
    assert.deepEqual(await consul.api.get('/v1/catalog/nodes?filter=Node=="k8s-sync"'), []);

    // 5. To ids of our own and back to theirs, by an annotation, and by the configuration.
    const idsOf = async () =>
      (await instances(consul, service)).filter(isPassing).map(({ Service }) => Service.ID);
    const areOurs = async () => {
      const ids = await idsOf();
      assert.equal(ids.length, pods);
      assert.ok(
        ids.every((id) => id.startsWith('shop.web-')),
        `${ids}`,
      );
    };
    const areTheirs = async () => {
      const ids = await idsOf();
      assert.equal(ids.length, pods);
      assert.ok(
        ids.every((id) => /^web-shop-[0-9a-f]{12}$/.test(id)),
        `${ids}`,
      );
    };
    const [{ Service: registered } = assert.fail('none')] = await instances(consul, service);
    const annotate = (fields: Readonly<Record<string, string | null>>) =>
      kube.api.patchAs(`${shop.servicesPath}/web`, { metadata: { annotations: annotations(fields) } });
    await annotate({ 'id-scheme': 'kube-registrar', port: registered.Port === 8080 ? 'web' : 'admin' });
    await eventually(areOurs, { timeoutMs: 60_000, what: 'the ids are ours' });
    await annotate({ 'id-scheme': null });
    await eventually(areTheirs, { timeoutMs: 60_000, what: 'the ids are theirs again' });
    await beginRollout(shop, 'ids');
    await annotate({ 'id-scheme': 'kube-registrar' });
    await rolledOut(shop, 'ids');
    await eventually(areOurs, { timeoutMs: 60_000, what: 'the ids are ours after a rollout' });
    await annotate({ 'id-scheme': null });
    await eventually(areTheirs, { timeoutMs: 60_000, what: 'the ids are theirs once more' });
    const { consulK8s } = (config as { compatibility: { consulK8s: object } }).compatibility;
    for (const [ids, become] of [
      [false, areOurs],
      [true, areTheirs],
    ] as const) {
      await operator.stop();
      operator.reconfigure({ compatibility: { consulK8s: { ...consulK8s, ids } } });
      await operator.start();
      await operator.ready();
      await eventually(become, { timeoutMs: 60_000, what: `the ids are those of ids: ${ids}` });
    }

    // The way back, while the pods are replaced.
    await annotate({ port: null });
    await kube.api.post(deployments, syncCatalog);
    const second = started.use(startTheirs());
    await become('consul-k8s has registered everything again', both);
    await beginRollout(shop, 'back');
    await repeat('both agree', () => migrate('--check', '--config', file));
    await operator.stop();
    const purged = await run('purge', '--yes', '--config', file);
    assert.equal(purged.code, 0, purged.stdout + purged.stderr);
    await rolledOut(shop, 'back');
    await become('consul-k8s alone has registered the pods', theirs);
    await rounds(second, 3);
    assert.deepEqual(await nodesOf(consul), theirs);

    await traffic[Symbol.asyncDispose]();
    assert.deepEqual(traffic.failures, []);
    assert.ok(traffic.answered > 100, `${traffic.answered} requests were answered`);
    assert.equal(live.fewest, pods);
    assert.deepEqual(live.absences(2_000), []);
    // Every pod has been replaced four times.
    assert.equal(live.seen, pods * 5);
  });
});
