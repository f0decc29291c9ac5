/**
 * The way from a registrar that registers with agents to kube-registrar and back, on a real API server, a real Consul
 * server and two real client agents, while HAProxy sends requests and a consumer follows the service. The registrars are
 * stand-ins, see test/support/real/agent-registrar.ts. HAProxy reaches the pods through a proxy that answers for them.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import {
  AgentRegistrar,
  kubeConsulRegister,
  type RegistrarKind,
  registrator,
} from '../support/real/agent-registrar.ts';
import { runCommand } from '../support/real/command.ts';
import { type Consul, type ConsulAgent, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import { LiveService } from '../support/real/live-service.ts';
import {
  installRbac,
  type OperatorProcess,
  operatorIdentity,
  startOperator,
} from '../support/real/operator.ts';
import { PodNetwork } from '../support/real/pod-network.ts';
import { startTraffic, type Traffic } from '../support/real/traffic.ts';
import { isReady, Namespace } from '../support/real/workloads.ts';

const service = 'web';
const pods = 4;
const intervalMs = 500;
const hosts = { 'node-a': '127.0.0.2', 'node-b': '127.0.0.3' };

/** Nothing runs in the pod. */
const workload = (name: string, args: readonly string[]) => ({
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'main', image: `example/${name}:1`, args }] },
    },
  },
});

interface Config {
  readonly [section: string]: unknown;
}

/** Pods that answer, registered by a registrar with the agents of their nodes, and the two consumers. */
class World implements AsyncDisposable {
  readonly kube: Kube;
  readonly consul: Consul;
  readonly shop: Namespace;
  readonly live: LiveService;
  readonly traffic: Traffic;
  /** The registrar, once it is started. */
  theirs: AgentRegistrar;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #kind: RegistrarKind;
  readonly #file: string;
  readonly #started: AsyncDisposableStack;

  /** Use `startWorld`. */
  constructor(
    options: WorldOptions,
    parts: Pick<World, 'kube' | 'consul' | 'shop' | 'live' | 'traffic' | 'theirs'> & {
      readonly file: string;
    },
    started: AsyncDisposableStack,
  ) {
    this.#program = options.program;
    this.#args = options.args;
    this.#kind = options.kind;
    this.#file = parts.file;
    this.kube = parts.kube;
    this.consul = parts.consul;
    this.shop = parts.shop;
    this.live = parts.live;
    this.traffic = parts.traffic;
    this.theirs = parts.theirs;
    this.#started = started;
  }

  get workloadPath(): string {
    return `/apis/apps/v1/namespaces/shop/deployments`;
  }

  async migrate(...argv: readonly string[]) {
    return this.command('migrate', this.#program, ...argv);
  }

  command(...argv: readonly string[]) {
    return runCommand([...argv, '--config', this.#file], {
      ...process.env,
      KUBECONFIG: this.kube.kubeconfigPath,
    } as never);
  }

  /** Writes the file that the commands read, and returns what the operator runs with. */
  async configure(config: Config): Promise<Config> {
    const whole = { ...config, cluster: { name: 'prod' }, consul: { addresses: [this.consul.url] } };
    await writeFile(this.#file, JSON.stringify(whole));
    return { ...whole, kubernetes: { kubeconfig: await this.kube.kubeconfigFor(operatorIdentity) } };
  }

  async startOperator(config: Config): Promise<OperatorProcess> {
    const operator = this.#started.use(await startOperator({ config }));
    await operator.ready();
    return operator;
  }

  /** Passing instances of the two. */
  async counts() {
    const passing = (await instances(this.consul, service)).filter(isPassing);
    const ours = passing.filter(({ Service }) => Service.Meta['kube-cluster'] === 'prod').length;
    return { theirs: passing.length - ours, ours };
  }

  become(what: string, counts: { readonly theirs: number; readonly ours: number }) {
    return eventually(async () => assert.deepEqual(await this.counts(), counts), {
      timeoutMs: 60_000,
      what,
    });
  }

  rounds(more: number) {
    const until = this.theirs.rounds + more;
    return eventually(() => this.theirs.rounds >= until, {
      timeoutMs: 60_000,
      what: `${more} more rounds`,
    });
  }

  /** Replaces every pod, one after the other. */
  async rollOut(version: string): Promise<void> {
    await this.shop.restart('web', version);
    await rolledOut(this.shop, version);
  }

  /** As a person repeats it until it ends with 0. */
  checked() {
    return eventually(
      async () => {
        const { code, stdout, stderr } = await this.migrate('--check');
        assert.equal(code, 0, stdout + stderr);
      },
      { timeoutMs: 60_000, what: 'both agree' },
    );
  }

  /** The registrar has left alone what is kube-registrar's. */
  spared() {
    const { deregistered } = this.theirs;
    assert.deepEqual(
      deregistered.filter((id) => id.startsWith('shop.')),
      [],
    );
  }

  async stopTheirs(): Promise<void> {
    await this.theirs[Symbol.asyncDispose]();
    await this.kube.api.delete(`${this.workloadPath}/${this.#program}`);
  }

  async startTheirs(): Promise<void> {
    await this.kube.api.post(this.workloadPath, workload(this.#program, this.#args));
    const { kube, consul } = this;
    this.theirs = this.#started.use(registrarOf(this.#kind, kube, consul));
  }

  /** Nobody has noticed anything. */
  async ended(): Promise<void> {
    await this.traffic[Symbol.asyncDispose]();
    assert.deepEqual(this.traffic.failures, []);
    assert.ok(this.traffic.answered > 100, `${this.traffic.answered} requests were answered`);
    assert.equal(this.live.fewest, pods);
    assert.deepEqual(this.live.absences(2_000), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}

const registrarOf = (kind: RegistrarKind, kube: Kube, consul: Consul) => {
  const [a, b] = consul.clients as readonly [ConsulAgent, ConsulAgent];
  return new AgentRegistrar({
    kind,
    kube: kube.api,
    agents: { 'node-a': a, 'node-b': b },
    namespace: 'shop',
    intervalMs,
  });
};

/** Waits until every pod is of this version and ready, and no other is left. */
const rolledOut = (shop: Namespace, version: string | undefined) =>
  eventually(
    async () => {
      const found = await shop.pods();
      assert.deepEqual(
        found.map((pod) => [pod.metadata.annotations?.['version'], isReady(pod)]),
        Array.from({ length: pods }, () => [version, true]),
      );
    },
    { timeoutMs: 120_000, what: `the pods of version ${version} are ready, and no others are there` },
  );

interface WorldOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly kind: RegistrarKind;
  /** Of the pods, with their whole keys. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of their container. */
  readonly env?: Readonly<Record<string, string>>;
}

async function startWorld(options: WorldOptions): Promise<World> {
  await using started = new AsyncDisposableStack();
  const [kube, consul] = await Promise.all([
    startKube().then((server) => started.use(server)),
    startConsul({
      clientHosts: Object.values(hosts),
      serverConfig: { dns_config: { enable_truncate: true } },
    }).then((server) => started.use(server)),
  ]);
  await installRbac(kube);
  const nodes = Object.entries(hosts).map(([name, address]) => ({ name, address }));
  // A pod goes on answering while its end gets about.
  started.use(await startKubelet(kube.api, { nodes, deletionDelayMs: 3_000 }));
  const shop = await Namespace.create(kube.api, 'shop');
  await kube.api.post('/apis/apps/v1/namespaces/shop/deployments', workload(options.program, options.args));
  const { annotations = {}, env = {} } = options;
  // Before a pod goes, another has been ready for longer than anybody takes to hear of it.
  const rollout = { strategy: { maxSurge: 1, maxUnavailable: 0 }, minReadySeconds: 3 };
  await shop.deploy({ name: 'web', replicas: pods, otherAnnotations: annotations, env, ...rollout });
  // Its endpoints are what the cluster has ready; nobody registers it.
  await shop.addService('web', {}, { app: 'web' });
  await rolledOut(shop, undefined);
  const network = started.use(await PodNetwork.start());
  const theirs = started.use(registrarOf(options.kind, kube, consul));
  await eventually(
    async () => assert.equal((await instances(consul, service)).filter(isPassing).length, pods),
    { timeoutMs: 60_000, what: 'the registrar has registered everything' },
  );
  const live = started.use(new LiveService({ kube: kube.api, consul, namespace: shop, service, network }));
  const traffic = started.use(await startTraffic({ consul, network, service }));
  const file = join(await dataDir('migrate'), 'config.yaml');
  await writeFile(file, '{}');
  return new World(options, { kube, consul, shop, live, traffic, theirs, file }, started.move());
}

const alone = { theirs: pods, ours: 0 };
const both = { theirs: pods, ours: pods };
const moved = { theirs: 0, ours: pods };

suite('moving from a registrar with agents and back', () => {
  test('from kube-consul-register, on the same agents: no request is lost, and no ready endpoint missed', async () => {
    await using world = await startWorld({
      program: 'kube-consul-register',
      args: ['-configmap=shop/settings', '-in-cluster=true'],
      kind: kubeConsulRegister,
      annotations: { 'consul.register/enabled': 'true', 'consul.register/service.name': service },
    });
    const { kube, consul } = world;
    const [{ httpPort } = assert.fail('no agent')] = consul.clients;
    await kube.api.post('/api/v1/namespaces/shop/configmaps', {
      metadata: { name: 'settings' },
      data: { register_mode: 'node', consul_port: `${httpPort}` },
    });

    // 1. The values.
    const values = await world.migrate();
    assert.equal(values.code, 0, values.stderr);
    const { config } = parse(values.stdout) as { config: Config };
    const withTag = {
      ...config,
      compatibility: { kubeConsulRegister: { enabled: true, k8sTag: 'kubernetes' } },
    };

    // 2. The comparison.
    const first = await world.configure(config);
    const before = await world.migrate('--check');
    assert.equal(before.code, 0, before.stdout + before.stderr);
    assert.match(before.stdout, new RegExp(`^${pods} of ${pods} instances with the tag "kubernetes"`));

    // 3. Beside it, for many of its rounds.
    const operator = await world.startOperator(first);
    await world.become('both have registered everything', both);
    await world.rounds(5);
    assert.deepEqual(await world.counts(), both);
    assert.deepEqual(world.theirs.deregistered, []);
    await world.rollOut('both');
    await world.become('both have registered the new pods', both);
    await world.checked();
    world.spared();
    const early = await world.migrate('--finish', '--yes');
    assert.equal(early.code, 1);
    assert.match(early.stderr, /Deployment shop\/kube-consul-register runs kube-consul-register/);

    // 4. Without it, and first of all without its tag.
    await world.stopTheirs();
    const tagless = await world.migrate('--finish', '--yes', '--sync-interval', '1s');
    assert.equal(tagless.code, 1);
    assert.match(tagless.stdout, /lacks the tag "kubernetes"/);
    assert.deepEqual(await world.counts(), both);

    // 5. With the tag.
    await operator.stop();
    const tagged = await world.startOperator(await world.configure(withTag));
    await eventually(
      async () => {
        const entries = await instances(consul, service);
        assert.ok(entries.every(({ Service }) => Service.Tags.includes('kubernetes')));
      },
      { timeoutMs: 60_000, what: 'every instance has the tag' },
    );

    // 6. The end of it, at each agent.
    const finish = await world.migrate('--finish', '--yes', '--sync-interval', '1s');
    assert.equal(finish.code, 0, finish.stdout + finish.stderr);
    assert.deepEqual(await world.counts(), moved);
    for (const { api } of consul.clients) {
      const left = Object.values(
        await api.get<Record<string, { readonly Meta: Record<string, string> }>>('/v1/agent/services'),
      );
      assert.deepEqual(
        left.map(({ Meta }) => Meta['managed-by']),
        ['kube-registrar', 'kube-registrar'],
      );
    }
    const again = await world.migrate('--finish', '--yes', '--sync-interval', '1s');
    assert.equal(again.code, 0, again.stdout + again.stderr);

    // The way back.
    await tagged.stop();
    const last = await world.startOperator(await world.configure(config));
    await eventually(
      async () => {
        const entries = await instances(consul, service);
        assert.ok(entries.every(({ Service }) => !Service.Tags.includes('kubernetes')));
      },
      { timeoutMs: 60_000, what: 'no instance has the tag' },
    );
    await world.startTheirs();
    await world.become('the registrar has registered everything again', both);
    await world.rollOut('back');
    await world.become('both have registered the last pods', both);
    await world.checked();
    world.spared();
    await last.stop();
    const purged = await world.command('purge', '--yes');
    assert.equal(purged.code, 0, purged.stdout + purged.stderr);
    await world.rounds(3);
    assert.deepEqual(await world.counts(), alone);
    world.spared();
    await world.ended();
  });

  test('from registrator to the catalog, also with an agent that is away for a while', async () => {
    await using world = await startWorld({
      program: 'registrator',
      args: ['-internal', '-cleanup', '-resync=1', 'consul://localhost:8500'],
      kind: registrator,
      env: {
        SERVICE_8080_NAME: service,
        SERVICE_8080_TAGS: 'blue',
        SERVICE_8080_TEAM: 'shop',
        SERVICE_8080_CHECK_HTTP: '/',
      },
    });
    const { consul } = world;
    const [agent] = consul.clients as readonly [ConsulAgent, ConsulAgent];
    const finishing = [
      ...['--finish', '--yes', '--sync-interval', '1s'],
      ...['--agent-address', `http://{address}:${agent.httpPort}`],
    ];

    const values = await world.migrate();
    assert.equal(values.code, 0, values.stderr);
    const { config: written } = parse(values.stdout) as { config: Config };
    assert.deepEqual(written['registration'], { mode: 'agent', agent: { scheme: 'http', port: 8500 } });

    // To the catalog, although it was on agents.
    const config = await world.configure({ compatibility: written['compatibility'] });
    const before = await world.migrate('--check');
    assert.equal(before.code, 0, before.stdout + before.stderr);
    const operator = await world.startOperator(config);
    await world.become('both have registered everything', both);
    await world.rounds(5);
    assert.deepEqual(await world.counts(), both);
    assert.deepEqual(world.theirs.deregistered, []);
    await world.rollOut('both');
    await world.become('both have registered the new pods', both);
    world.spared();
    await world.stopTheirs();

    // An agent that hangs keeps its own.
    agent.pause();
    const half = await world.migrate(...finishing);
    assert.equal(half.code, 1, half.stdout + half.stderr);
    assert.match(
      half.stderr,
      /the agent of node "client-0" keeps its \d instances: .*run this again when the agent answers/,
    );
    agent.resume();
    await eventually(
      async () => {
        const finish = await world.migrate(...finishing);
        assert.equal(finish.code, 0, finish.stdout + finish.stderr);
      },
      { timeoutMs: 60_000, what: 'the rest is deregistered' },
    );
    assert.deepEqual(await world.counts(), moved);

    // The way back.
    await world.startTheirs();
    await world.become('the registrar has registered everything again', both);
    await operator.stop();
    const purged = await world.command('purge', '--yes');
    assert.equal(purged.code, 0, purged.stdout + purged.stderr);
    await world.rounds(3);
    assert.deepEqual(await world.counts(), alone);
    await world.ended();
  });
});
