import { ConsulServer } from '../../src/sandbox/consul/consul-server.ts';
import type {
  Fault as ConsulFault,
  Interceptor as ConsulInterceptor,
} from '../../src/sandbox/consul/faults.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Agenda } from './agenda.ts';
import { Cluster } from './cluster.ts';
import type { DefaultSync } from './default-sync.ts';
import { Draw } from './draw.ts';
import { OperatorProcess } from './operator-process.ts';
import { Safety } from './safety.ts';
import { Trace } from './trace.ts';

/** What a world is like from its beginning. */
export interface WorldTraits {
  readonly clusters: number;
  /** The clusters were given one name by mistake. */
  readonly sameName: boolean;
  /** Processes of the operator in each cluster; with several, one leads. */
  readonly replicas: number;
  /** Most pods in a cluster. */
  readonly mostPods: number;
  /** Longest time a message takes one way, ms. */
  readonly latencyMs: number;
  /** False: an API server that refuses `sendInitialEvents`, as those before 1.32 do. */
  readonly watchList: boolean;
  /** Consul checks tokens. */
  readonly acl: boolean;
  /** Most operations in a transaction that this Consul takes. */
  readonly maxTxnOperations: number;
  /** Ingresses and the Gateway API are watched. */
  readonly routes: boolean;
  /** Part of a configuration file. */
  readonly config: object;
  /** What is registered without annotations; undefined: nothing. */
  readonly sync: DefaultSync | undefined;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly at: number;
}

type ConsulRequest = Parameters<ConsulInterceptor>[0];

const plainTraits: WorldTraits = {
  clusters: 1,
  replicas: 1,
  mostPods: 12,
  sameName: false,
  latencyMs: 0,
  watchList: true,
  acl: false,
  routes: false,
  maxTxnOperations: 128,
  config: {},
  sync: undefined,
};
/** Within which a watch, or the periodic comparison, finds what somebody else did in Consul, ms. */
const watchMs = 6_000;
const comparisonMs = 70_000;
const operatorToken = 'operator-token';

/** Clusters, operators and one Consul in virtual time, and the invariants that hold between them. */
export class World {
  readonly clock = new VirtualClock();
  readonly traits: WorldTraits;
  readonly consul: ConsulServer;
  readonly clusters: readonly Cluster[];
  readonly safety: Safety;
  readonly trace: Trace;
  readonly violations: Violation[] = [];
  /** Every process that was ever started. */
  readonly processes: OperatorProcess[] = [];
  readonly consulFaults = new Set<(request: ConsulRequest) => ConsulFault | undefined>();
  /** How much later than usual requests reach Consul, ms. */
  consulDelayMs = 0;
  /** Consul refused changes: each waits for its next try, for up to five minutes. */
  hasRefused = false;
  /** What the operators send to Consul. */
  token: string | undefined;
  readonly #seed: number;
  readonly #agenda = new Agenda();
  #troubledAt = Number.NEGATIVE_INFINITY;
  /** Undoes what is out of order now. */
  readonly #heals = new Set<() => void>();

  constructor(seed = 1, traits: Partial<WorldTraits> = {}) {
    this.#seed = seed;
    this.traits = { ...plainTraits, ...traits };
    this.trace = new Trace(() => this.clock.now());
    const { acl, maxTxnOperations, clusters } = this.traits;
    this.consul = new ConsulServer({
      clock: this.clock,
      random: new Draw(seed, 'consul').random,
      maxTxnOperations,
      ...(acl ? { acl: { managementToken: 'root' } } : {}),
    });
    this.consul.intercept = (request) => {
      for (const fault of this.consulFaults) {
        const found = fault(request);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    this.safety = new Safety({
      consul: this.consul,
      now: () => this.clock.now(),
      noticeMs: () => this.#noticeMs(),
      onWrite: (author, what) => this.trace.add(`${author} wrote ${what}`),
      onViolation: (invariant, what) => this.violated(invariant, what),
    });
    if (acl) this.grantToken();
    const { watchList, sync } = this.traits;
    this.clusters = Array.from({ length: clusters }, (_, index) => {
      const cluster = new Cluster(
        this.traits.sameName ? 'c' : `c${index}`,
        this.clock,
        new Draw(seed, `kube ${index}`),
        sync,
      );
      cluster.kube.faults.watchList = watchList;
      return cluster;
    });
  }

  get cluster(): Cluster {
    return this.clusters[0]!;
  }

  violated(invariant: string, what: string): void {
    this.trace.add(`VIOLATED ${invariant}: ${what}`);
    this.violations.push({ invariant, what, at: this.clock.now() });
  }

  /** The operator's token and its rights, as they should be. */
  grantToken(): void {
    this.safety.disturb();
    const write = { '': { policy: 'write' } } as const;
    this.consul.acl.setPolicy(
      'operator',
      { node_prefix: write, service_prefix: write, key_prefix: write },
      '',
    );
    this.consul.acl.createToken({ secret: operatorToken, policies: ['operator'] });
    this.token = operatorToken;
  }

  revokeToken(): void {
    this.consul.acl.revoke(operatorToken);
  }

  /** Starts a new process of the operator. */
  start(cluster: Cluster = this.cluster): OperatorProcess {
    const name = `c${this.clusters.indexOf(cluster)}#${this.processes.length}`;
    const started = new OperatorProcess(this, cluster, name, new Draw(this.#seed, name));
    this.processes.push(started);
    this.trace.add(`${name} started`);
    return started;
  }

  /** The processes of the cluster that live. */
  alive(cluster: Cluster): OperatorProcess[] {
    return this.processes.filter((each) => each.cluster === cluster && each.isAlive);
  }

  /** Of the processes of the cluster that live the one that leads, or the one started last. */
  running(cluster: Cluster): OperatorProcess | undefined {
    const alive = this.alive(cluster);
    return alive.find(({ isLeading }) => isLeading) ?? alive.at(-1);
  }

  /** Kills a process, to be started again after `ms`. */
  crash(dying: OperatorProcess, ms: number): void {
    dying.kill();
    this.trace.add(`${dying.name} killed`);
    this.after(ms, () => void this.start(dying.cluster));
  }

  /** SIGTERM, and a new process after `ms`; one that has not ended until then is killed. */
  restart(old: OperatorProcess, ms: number): void {
    old.stop();
    this.after(ms, () => {
      // It may have been killed meanwhile, and somebody else has started the new one.
      if (old.state === 'killed') return;
      old.kill();
      this.start(old.cluster);
    });
  }

  /** Does something after `ms` of the world's time. */
  after(ms: number, run: () => void): void {
    this.#agenda.add(this.clock.now() + ms, run);
  }

  /** Puts something out of order for `ms`; `heal` is called once, then or at the end of the trouble. */
  outOfOrder(ms: number, what: string, heal: () => void): void {
    const healOnce = () => {
      if (!this.#heals.delete(healOnce)) return;
      heal();
      this.#troubledAt = this.clock.now();
      this.trace.add(`healed: ${what}`);
    };
    this.#heals.add(healOnce);
    this.after(ms, healOnce);
  }

  /** Passes the time until everything planned has happened, or something is wrong. */
  async live(): Promise<void> {
    for (let entry = this.#agenda.next(); entry !== undefined; entry = this.#agenda.next()) {
      await this.clock.advance(Math.max(0, entry.at - this.clock.now()));
      if (this.violations.length > 0) return;
      entry.run();
      this.safety.othersWrote();
      // What it set off may have planned more.
      await this.clock.settle();
    }
  }

  /** A watch takes seconds, with the latency of several requests; after trouble it is the periodic comparison. */
  #noticeMs(): number {
    const isTroubled = this.consulFaults.size > 0 || this.consulDelayMs > 0 || this.#heals.size > 0;
    if (isTroubled) this.#troubledAt = this.clock.now();
    const isLate = this.clock.now() - this.#troubledAt < comparisonMs;
    return isLate ? comparisonMs : watchMs + 10 * this.traits.latencyMs;
  }

  /** Ends every trouble. */
  heal(): void {
    for (const each of this.processes) each.crashPlan = undefined;
    for (const heal of [...this.#heals]) heal();
  }
}
