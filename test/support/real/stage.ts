/** A cluster, a Consul and the operator between them: what most end-to-end tests play on. */
import assert from 'node:assert/strict';
import { eventually } from '../eventually.ts';
import { type Consul, type ConsulOptions, startConsul } from './consul.ts';
import { countedWrites, type HealthEntry, instances, isPassing } from './consul-reads.ts';
import { type Kube, type KubeOptions, startKube } from './kube.ts';
import { type Kubelet, type KubeletOptions, startKubelet } from './kubelet.ts';
import { installRbac, type OperatorProcess, operatorIdentity, startOperator } from './operator.ts';
import { Namespace } from './workloads.ts';

/** Far more than anything takes, so that a busy machine does not fail a test. */
export const patience = { timeoutMs: 180_000 };

export interface StageOptions {
  /** Merged over the operator's `sync` section. */
  readonly sync?: Readonly<Record<string, unknown>>;
  /** The operator's `guard` section. */
  readonly guard?: Readonly<Record<string, unknown>>;
  /** Further sections of the operator's configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly consul?: ConsulOptions;
  /** Where the operator reaches the Consul: a proxy, say. Default: the server itself. */
  readonly reachedAt?: (consul: Consul) => Promise<string>;
  readonly kubelet?: KubeletOptions;
  readonly kube?: KubeOptions;
  /** Of manifests/components, whose rights the operator has beside those of the base. */
  readonly components?: readonly string[];
  /** The operator's `registration` section; the agents' port is set here. */
  readonly registration?: Readonly<Record<string, unknown>> & {
    readonly agent?: Readonly<Record<string, unknown>>;
  };
}

/** Name of the cluster in the operator's configuration. */
export const clusterName = 'prod';

/** Three nodes, an empty Consul that counts its writes, and a ready operator. */
export async function startStage({
  sync = {},
  guard = {},
  config = {},
  consul: options = {},
  reachedAt = async ({ url }) => url,
  kubelet: kubeletOptions = {},
  kube: kubeOptions = {},
  components = [],
  registration = {},
}: StageOptions = {}): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const [kube, consul] = await Promise.all([
    startKube(kubeOptions).then((server) => started.use(server)),
    startConsul({
      ...options,
      // Without it, DNS answers by UDP hold three addresses and do not say that there are more.
      serverConfig: { ...countedWrites, dns_config: { enable_truncate: true }, ...options.serverConfig },
    }).then((server) => started.use(server)),
  ]);
  await installRbac(kube, components);
  const kubelet = started.use(await startKubelet(kube.api, kubeletOptions));
  const [agent] = consul.clients;
  const port = agent === undefined ? {} : { port: agent.httpPort };
  const operator = started.use(
    await startOperator({
      config: {
        ...config,
        cluster: { name: clusterName },
        kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
        consul: { addresses: [await reachedAt(consul)] },
        sync,
        guard,
        registration: { ...registration, agent: { ...port, ...registration.agent } },
      },
    }),
  );
  await operator.ready();
  return new Stage(kube, consul, kubelet, operator, started.move());
}

export class Stage implements AsyncDisposable {
  readonly kube: Kube;
  readonly consul: Consul;
  readonly kubelet: Kubelet;
  readonly operator: OperatorProcess;
  readonly #started: AsyncDisposableStack;

  /** Use `startStage`. */
  constructor(
    kube: Kube,
    consul: Consul,
    kubelet: Kubelet,
    operator: OperatorProcess,
    started: AsyncDisposableStack,
  ) {
    this.kube = kube;
    this.consul = consul;
    this.kubelet = kubelet;
    this.operator = operator;
    this.#started = started;
  }

  namespace(name: string): Promise<Namespace> {
    return Namespace.create(this.kube.api, name);
  }

  /** A namespace that is there. */
  known(name: string): Namespace {
    return new Namespace(this.kube.api, name);
  }

  /** Instances of a service, by their ids. */
  instances(service: string): Promise<HealthEntry[]> {
    return instances(this.consul, service);
  }

  /** Waits until exactly `count` instances are there and all of them pass. */
  allPassing(service: string, count: number): Promise<HealthEntry[]> {
    return this.eventually(`${service}: ${count} passing instances`, async () => {
      const entries = await this.instances(service);
      assert.equal(entries.filter(isPassing).length, count);
      assert.equal(entries.length, count);
      return entries;
    });
  }

  /** Waits until the service has no instance left. */
  gone(service: string): Promise<unknown> {
    return this.eventually(`${service} is gone`, async () =>
      assert.equal((await this.instances(service)).length, 0),
    );
  }

  eventually<T>(what: string, attempt: () => Promise<T>): Promise<Exclude<T, false>> {
    return eventually(attempt, { ...patience, what });
  }

  /** Ends everything, the operator first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}
