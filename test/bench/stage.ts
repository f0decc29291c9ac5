import { type Consul, type ConsulAgent, startConsul } from '../support/real/consul.ts';
import { bareChange, bareName } from './bare.ts';
import { Consumer } from './consumer.ts';
import { Kube } from './kube.ts';
import { OperatorProcess } from './operator-process.ts';
import type { Distribution } from './plot.ts';
import { addressOf } from './pod-text.ts';
import type { Report } from './report.ts';

export interface Shape {
  readonly pods: number;
  readonly nodes: number;
  readonly services: number;
}

export interface StageOptions extends Shape {
  readonly report: Report;
  /** For files. */
  readonly dir: string;
  /** How many servers Consul has. Default 1. */
  readonly consulServers?: 1 | 3;
}

/** Makes a pod ready or not; resolves with the moment, as now(), from which the time is taken. */
export interface Cluster {
  flip(pod: number, ready: boolean): Promise<number>;
}

/** The pods of a cluster, their twins in bare transactions, and the consumers that wait for both. */
export class Pods {
  /** Services with a consumer: the first. */
  readonly watched: number;
  readonly consumers = new Map<string, Consumer>();
  readonly #shape: Shape;
  readonly #cluster: Cluster;
  readonly #isReady: boolean[];
  readonly #isBarePassing: boolean[];
  readonly #ended = new AbortController();
  #consul = '';

  constructor(shape: Shape, cluster: Cluster) {
    this.#shape = shape;
    this.#cluster = cluster;
    this.watched = Math.min(20, Math.ceil(shape.services / 2));
    this.#isReady = Array<boolean>(shape.pods).fill(true);
    this.#isBarePassing = Array<boolean>(shape.pods).fill(true);
  }

  /** The pods of watched services in turns. None comes back soon: each change is to be seen. */
  watchedPod(turn: number): number {
    return this.#podOf(turn % this.watched, Math.floor(turn / this.watched));
  }

  /** The pods of that half of the watched services that is not counted by countPassing(). */
  movingPod(turn: number): number {
    const steady = Math.floor(this.watched / 2);
    const moving = this.watched - steady;
    return this.#podOf(steady + (turn % moving), Math.floor(turn / moving));
  }

  /** The pods of the other services in turns. */
  otherPod(turn: number): number {
    const others = this.#shape.services - this.watched;
    return this.#podOf(this.watched + (turn % others), Math.floor(turn / others));
  }

  serviceOf(pod: number): string {
    return `app-${pod % this.#shape.services}`;
  }

  /** Consumers of the watched services, and of their twins if there are any, at this server of Consul. */
  follow(consul: string): void {
    if (this.#consul !== '') return;
    this.#consul = consul;
    for (let index = 0; index < this.watched; index += 1) {
      for (const name of [this.serviceOf(index), bareName(this.serviceOf(index))]) {
        const consumer = new Consumer();
        this.consumers.set(name, consumer);
        void consumer.follow(consul, name, this.#ended.signal);
      }
    }
  }

  /** Passing instances of the services whose pods nobody changes. */
  countPassing(): number {
    return sum(this.#steady().map((consumer) => consumer.countPassing()));
  }

  /** The least of each of these services since countPassing(), together. */
  get leastPassing(): number {
    return sum(this.#steady().map((consumer) => consumer.leastPassing));
  }

  /** Flips the pod's readiness; resolves with the moment that the cluster says. */
  toggle(pod: number): Promise<number> {
    this.#isReady[pod] = !this.#isReady[pod];
    return this.#cluster.flip(pod, this.#isReady[pod]);
  }

  /** Flips the readiness of a watched pod; when that was, and when its consumer saw it, as now(). */
  async seen(pod: number): Promise<{ readonly sent: number; readonly seen: number }> {
    const status = this.#isReady[pod] ? 'critical' : 'passing';
    const seen = this.consumers.get(this.serviceOf(pod))!.see(addressOf(pod), status);
    const sent = await this.toggle(pod);
    return { sent, seen: await seen };
  }

  /** Flips the readiness of a watched pod; how long until its consumer saw that, ms. */
  async change(pod: number): Promise<number> {
    const { sent, seen } = await this.seen(pod);
    return seen - sent;
  }

  /** The same by a bare transaction, on the twin of the pod's instance. */
  changeBare(pod: number): Promise<number> {
    const service = this.serviceOf(pod);
    this.#isBarePassing[pod] = !this.#isBarePassing[pod];
    const status = this.#isBarePassing[pod] ? 'passing' : 'critical';
    const twin = { consul: this.#consul, service, address: addressOf(pod), status };
    return bareChange(twin, this.consumers.get(bareName(service))!);
  }

  end(): void {
    this.#ended.abort();
  }

  #steady(): Consumer[] {
    const services = Array.from({ length: Math.floor(this.watched / 2) }, (_, index) =>
      this.serviceOf(index),
    );
    return services.map((service) => this.consumers.get(service)!);
  }

  #podOf(service: number, turn: number): number {
    const { pods, services } = this.#shape;
    return service + services * (turn % (pods / services));
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The servers of a run. The operator is started and stopped by the rows. */
export class Stage implements AsyncDisposable {
  readonly report: Report;
  readonly shape: Shape;
  readonly kube: Kube;
  readonly consul: Consul;
  readonly pods: Pods;
  readonly distributions: Distribution[] = [];
  readonly #dir: string;
  readonly #started: AsyncDisposableStack;
  readonly #operators = new Set<OperatorProcess>();

  static async start({ report, dir, consulServers = 1, ...shape }: StageOptions): Promise<Stage> {
    await using started = new AsyncDisposableStack();
    const consul = started.use(await startConsul({ servers: consulServers }));
    const kube = started.use(await Kube.start(shape));
    return new Stage(report, dir, shape, kube, consul, started.move());
  }

  private constructor(
    report: Report,
    dir: string,
    shape: Shape,
    kube: Kube,
    consul: Consul,
    started: AsyncDisposableStack,
  ) {
    this.report = report;
    this.shape = shape;
    this.kube = kube;
    this.consul = consul;
    this.pods = new Pods(shape, kube);
    this.#dir = dir;
    this.#started = started;
  }

  /** `env`: settings beside the defaults. */
  async startOperator(
    env: Readonly<Record<string, string>> = {},
    servers: readonly ConsulAgent[] = this.consul.servers,
  ): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start({
      kubeconfig: await this.kube.kubeconfig(this.#dir),
      consul: servers.map(({ url }) => url),
      dir: this.#dir,
      env,
    });
    this.#operators.add(operator);
    return operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pods.end();
    await Promise.all([...this.#operators].map((operator) => operator.stop()));
    await this.#started.disposeAsync();
  }
}
