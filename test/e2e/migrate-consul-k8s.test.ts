/**
 * The way from consul-k8s catalog sync to kube-registrar and back, on a real API server and Consul, while HAProxy sends
 * requests and a consumer follows the service. consul-k8s is a stand-in, see test/support/real/consul-k8s-writer.ts.
 * HAProxy reaches the pods through a proxy that answers for them.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { guideFile } from '../support/guide.ts';
import { runCommand } from '../support/real/command.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { ConsulK8sWriter } from '../support/real/consul-k8s-writer.ts';
import { instances, isPassing, states } from '../support/real/consul-reads.ts';
import { startConsumer } from '../support/real/consumer.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import { installRbac, operatorIdentity, startOperator } from '../support/real/operator.ts';
import { PodNetwork } from '../support/real/pod-network.ts';
import { freePorts } from '../support/real/ports.ts';
import { Namespace } from '../support/real/workloads.ts';

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

const reachable = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });

/** Sends requests one after the other, and follows the service, until it ends. */
class Traffic implements AsyncDisposable {
  answered = 0;
  readonly failures: string[] = [];
  /** Fewest different addresses that passed at any moment. */
  fewest = Number.POSITIVE_INFINITY;
  readonly #ended = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(port: number, consul: Consul) {
    this.#running = Promise.all([this.#send(port), this.#follow(consul)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #send(port: number): Promise<void> {
    while (!this.#ended.signal.aborted) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/`, {
          headers: { connection: 'close' },
          signal: AbortSignal.timeout(10_000),
        });
        await response.text();
        if (response.ok) this.answered += 1;
        else this.failures.push(`${response.status}`);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  async #follow(consul: Consul): Promise<void> {
    try {
      for await (const entries of states(consul, service, this.#ended.signal)) {
        const addresses = new Set(entries.filter(isPassing).map(({ Service }) => Service.Address));
        this.fewest = Math.min(this.fewest, addresses.size);
      }
    } catch (error) {
      if (!this.#ended.signal.aborted) throw error;
    }
  }
}

/** Nodes of the passing instances, sorted. */
const nodesOf = async (consul: Consul): Promise<string[]> =>
  (await instances(consul, service))
    .filter(isPassing)
    .map(({ Node }) => Node.Node)
    .sort();

const ours = ['prod-node-0', 'prod-node-1', 'prod-node-2'];
const theirs = Array.from({ length: pods }, () => 'k8s-sync');

interface World {
  readonly kube: Kube;
  readonly consul: Consul;
  readonly shop: Namespace;
  readonly network: PodNetwork;
  readonly started: AsyncDisposableStack;
}

/** Pods that answer, behind a Service with two ports. */
async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack();
  const [kube, consul] = await Promise.all([
    startKube().then((server) => started.use(server)),
    startConsul({ serverConfig: { dns_config: { enable_truncate: true } } }).then((server) =>
      started.use(server),
    ),
  ]);
  await installRbac(kube);
  started.use(await startKubelet(kube.api));
  const shop = await Namespace.create(kube.api, 'shop');
  await Namespace.create(kube.api, 'consul');
  await kube.api.post(deployments, syncCatalog);
  await shop.deploy({ name: 'web', replicas: pods });
  await shop.addService('web', {}, { app: 'web' });
  const addresses = await eventually(
    async () => {
      const found = (await shop.pods()).flatMap(({ status }) => status?.podIP ?? []);
      assert.equal(found.length, pods);
      return found;
    },
    { timeoutMs: 60_000, what: 'the pods have addresses' },
  );
  const network = started.use(await PodNetwork.start());
  for (const address of addresses) network.addresses.add(address);
  return { kube, consul, shop, network, started: started.move() };
}

suite('moving from consul-k8s and back', () => {
  test('loses no request, and never has fewer healthy instances than there are ready endpoints', async () => {
    const { kube, consul, shop, network, started } = await startWorld();
    await using _world = started;
    const directory = await dataDir('migrate');
    const file = join(directory, 'config.yaml');
    const migrate = (...argv: readonly string[]) =>
      runCommand(['migrate', 'consul-k8s', ...argv], {
        ...process.env,
        KUBECONFIG: kube.kubeconfigPath,
      } as never);
    const become = (what: string, nodes: readonly string[]) =>
      eventually(async () => assert.deepEqual(await nodesOf(consul), nodes), { timeoutMs: 60_000, what });
    const rounds = (writer: ConsulK8sWriter, more: number) => {
      const until = writer.rounds + more;
      return eventually(() => writer.rounds >= until, { timeoutMs: 60_000, what: `${more} more rounds` });
    };
    const startTheirs = () => new ConsulK8sWriter({ kube: kube.api, consul, namespace: 'shop', intervalMs });

    // Before: consul-k8s alone.
    const first = started.use(startTheirs());
    await become('consul-k8s has registered everything', theirs);
    const [port = 0] = await freePorts(1);
    await using _haproxy = await startConsumer({
      program: 'haproxy',
      config: () =>
        guideFile('consume.md', 'haproxy.cfg', {
          '127.0.0.1:8600': `127.0.0.1:${consul.dnsPort}`,
          '127.0.0.1:8080': `127.0.0.1:${port}`,
          '_web._tcp': `_${service}._tcp`,
          'init-addr none check': `init-addr none check check-via-socks4 socks4 127.0.0.1:${network.port}`,
        }),
      args: (config) => ['-db', '-f', config],
      ready: () => reachable(port),
    });
    await eventually(async () => assert.ok((await fetch(`http://127.0.0.1:${port}/`)).ok), {
      timeoutMs: 60_000,
      what: 'HAProxy answers',
    });
    const traffic = started.use(new Traffic(port, consul));

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

    // 3. Beside it, for many of its rounds.
    const operator = await startOperator({ config: whole });
    started.use(operator);
    await operator.ready();
    const both = [...theirs, ...ours].sort();
    await become('both have registered everything', both);
    await rounds(first, 5);
    assert.deepEqual(await nodesOf(consul), both);
    assert.deepEqual(first.deregistered, []);
    const early = await migrate('--finish', '--yes', '--config', file);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /Deployment consul\/consul-sync-catalog still runs/);

    // 4. Without it.
    await first[Symbol.asyncDispose]();
    await kube.api.delete(`${deployments}/consul-sync-catalog`);
    assert.deepEqual(await nodesOf(consul), both);
    const finish = await migrate('--finish', '--yes', '--write-interval', '1s', '--config', file);
    assert.equal(finish.code, 0, finish.stdout + finish.stderr);
    assert.deepEqual(await nodesOf(consul), ours);
    assert.deepEqual(await consul.api.get('/v1/catalog/nodes?filter=Node=="k8s-sync"'), []);

    // 5. To ids of our own, and back to theirs.
    const idsOf = async () => (await instances(consul, service)).map(({ Service }) => Service.ID);
    const vendors = await idsOf();
    const [{ Service: registered } = assert.fail('none')] = await instances(consul, service);
    const annotate = (fields: Readonly<Record<string, string | null>>) =>
      kube.api.patchAs(`${shop.servicesPath}/web`, {
        metadata: {
          annotations: Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [`kube-registrar.io/${name}`, value]),
          ),
        },
      });
    await annotate({ 'id-scheme': 'kube-registrar', port: registered.Port === 8080 ? 'web' : 'admin' });
    await eventually(async () => assert.ok((await idsOf()).every((id) => id.startsWith('shop.web-'))), {
      timeoutMs: 60_000,
      what: 'the ids are ours',
    });
    assert.deepEqual(await nodesOf(consul), ours);
    await annotate({ 'id-scheme': null, port: null });
    await eventually(async () => assert.deepEqual(await idsOf(), vendors), {
      timeoutMs: 60_000,
      what: 'the ids are theirs again',
    });

    // The way back.
    await kube.api.post(deployments, syncCatalog);
    const second = started.use(startTheirs());
    await become('consul-k8s has registered everything again', both);
    const back = await migrate('--check', '--config', file);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    await operator.stop();
    const purged = await runCommand(['purge', '--yes', '--config', file], {
      ...process.env,
      KUBECONFIG: kube.kubeconfigPath,
    } as never);
    assert.equal(purged.code, 0, purged.stdout + purged.stderr);
    await rounds(second, 3);
    assert.deepEqual(await nodesOf(consul), theirs);
    assert.deepEqual(second.deregistered, []);

    await traffic[Symbol.asyncDispose]();
    assert.deepEqual(traffic.failures, []);
    assert.ok(traffic.answered > 100, `${traffic.answered} requests were answered`);
    assert.equal(traffic.fewest, pods);
  });
});
