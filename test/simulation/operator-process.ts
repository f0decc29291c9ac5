import { configSchema } from '../../src/config/schema.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { HttpRequest } from '../../src/lib/transport.ts';
import type { LogFields, Logger } from '../../src/logging/logger.ts';
import { noopMetrics } from '../../src/metrics/catalogue.ts';
import { Operator } from '../../src/operator.ts';
import type { Cluster } from './cluster.ts';
import { readsNamespaces } from './default-sync.ts';
import type { Draw } from './draw.ts';
import { Knowledge } from './knowledge.ts';
import { ProcessClock } from './process-clock.ts';
import { type ExchangeListener, ProcessNetwork } from './process-network.ts';
import { rules } from './rules.ts';
import type { World } from './world.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Within which all that waited in the network has arrived, ms. */
const deliveryMs = 5_000;

/** To be killed (SIGKILL) at a write: which of the next ones, and on which side of it. */
interface CrashPlan {
  writesLeft: number;
  readonly side: 'before' | 'after';
}

/**
 * One process of the operator, with a clock and connections of its own, so that it can be killed: nothing
 * it has begun goes on, nothing it waits for comes, as after SIGKILL.
 */
export class OperatorProcess {
  readonly name: string;
  readonly cluster: Cluster;
  readonly clock: ProcessClock;
  readonly operator: Operator;
  readonly log: LogLine[] = [];
  readonly ended: Promise<void>;
  state: 'running' | 'stopping' | 'stopped' | 'killed' = 'running';
  crashPlan: CrashPlan | undefined;
  /** It stands still for so long with the next write on its way, ms. */
  pauseAtWriteMs = 0;
  /** Nodes of its own whose stamp somebody wiped while it ran. */
  readonly wiped = new Set<string>();
  onCrash: () => void = () => {};
  /** Sends in flight, and since when there is always at least one. */
  #writing = 0;
  #writingSince = 0;
  /** When the last of them was answered. */
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** When the API server was out of its reach. */
  #deaf = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  readonly #world: World;
  readonly #knowledge: Knowledge;
  readonly #kube: ProcessNetwork;
  readonly #consul: ProcessNetwork;
  readonly #abort = new AbortController();
  /** The moment up to which the cluster was known when a write was decided on. */
  readonly #known = new WeakMap<HttpRequest, number>();
  /** Writes that were decided on while routes and Gateways were known up to different moments. */
  readonly #mixed = new WeakSet<HttpRequest>();

  constructor(world: World, cluster: Cluster, name: string, draw: Draw) {
    const { latencyMs } = world.traits;
    const sync = cluster.mistaken ?? cluster.sync;
    this.name = name;
    this.cluster = cluster;
    this.#world = world;
    this.clock = new ProcessClock(world.clock);
    this.#knowledge = new Knowledge({
      now: () => world.clock.now(),
      latencyMs,
      news: cluster.news,
      routes: world.traits.routes,
      stalledSince: () => this.clock.stalledSince,
      readsNamespaces: sync !== undefined && readsNamespaces(sync),
    });
    const latency = latencyMs === 0 ? () => 0 : () => draw.random() * latencyMs;
    const connection = { world: world.clock, clock: this.clock };
    this.#kube = new ProcessNetwork({
      ...connection,
      latency,
      server: cluster.kube.transport(),
      listen: (request) => this.#knowledge.listen(request),
    });
    this.#consul = new ProcessNetwork({
      ...connection,
      latency: (request) => world.consulDelayMs + latency() + this.#paused(request),
      server: world.consul.transport(),
      listen: (request) => (request.method === 'GET' ? {} : this.#decided(request)),
      send: (request, handOver) => (request.method === 'GET' ? handOver() : this.#write(request, handOver)),
    });
    this.operator = new Operator({
      config: configSchema.parse({
        ...rules,
        ...world.traits.config,
        sync: { ...sync, ...(world.traits.routes ? { sources: ['ingresses', 'gateways'] } : {}) },
        cluster: { name: cluster.name },
        leaderElection: { enabled: world.traits.replicas > 1 },
      }),
      replica: { identity: name, namespace: 'default' },
      clock: this.clock,
      random: draw.random,
      logger: recorder((line) => this.#logged(line)),
      metrics: noopMetrics,
      version: 'simulated',
      kube: this.#kube,
      consul: this.#consul,
      token: () => (world.token === undefined ? undefined : new Secret(world.token)),
    });
    this.ended = this.operator.run(this.#abort.signal).then(
      () => this.#over(undefined),
      (thrown) => this.#over(thrown),
    );
  }

  /** SIGTERM. `ended` resolves when the process has ended. */
  stop(): void {
    if (this.state !== 'running') return;
    this.state = 'stopping';
    this.#abort.abort();
  }

  /** SIGKILL. */
  kill(): void {
    if (this.state === 'stopped' || this.state === 'killed') return;
    this.state = 'killed';
    this.clock.kill();
    this.#kube.kill();
    this.#consul.kill();
  }

  /** No packet comes through between this process and one of its servers, until `heal()` is called. */
  cut(side: 'kube' | 'consul'): { readonly heal: () => void } {
    const network = side === 'kube' ? this.#kube : this.#consul;
    const { clock } = this.#world;
    network.cut();
    if (side === 'kube')
      this.#deaf = { from: Math.min(this.#deaf.from, clock.now()), until: Number.POSITIVE_INFINITY };
    return {
      heal: () => {
        network.heal();
        if (side === 'kube') this.#deaf = { ...this.#deaf, until: clock.now() + deliveryMs };
      },
    };
  }

  /** Since when it may not have heard of everything, for want of a connection. */
  #deafSince(): number {
    if (this.#world.clock.now() > this.#deaf.until) {
      this.#deaf = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
    }
    return this.#deaf.from;
  }

  /** By the Lease, which is the word of the cluster and not of the process. */
  get isLeading(): boolean {
    const lease = this.cluster.kube.store.get('leases.coordination.k8s.io', 'default', 'kube-registrar');
    return (lease?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity === this.name;
  }

  get isAlive(): boolean {
    return this.state === 'running' || this.state === 'stopping';
  }

  /** What a process that ended by itself has left behind. */
  leaks(): string[] {
    const found: string[] = [];
    if (this.clock.pending > 0) found.push(`${this.name} left ${this.clock.pending} timers`);
    if (this.#kube.open > 0) found.push(`${this.name} left ${this.#kube.open} requests to the API server`);
    if (this.#consul.open > 0) found.push(`${this.name} left ${this.#consul.open} requests to Consul`);
    return found;
  }

  #over(thrown: unknown): void {
    if (this.state === 'killed') return;
    const wasAsked = this.state === 'stopping';
    this.state = 'stopped';
    if (!wasAsked || thrown !== undefined) {
      this.#world.violated('exit', `${this.name} ended by itself: ${String(thrown)}`);
    }
  }

  #logged(line: LogLine): void {
    if (this.state === 'killed') return;
    this.log.push(line);
    if (line.fields['reason'] === 'InternalError' || line.fields['reason'] === 'HandlerFailed') {
      this.#world.violated('internal', `${this.name}: ${line.message} ${JSON.stringify(line.fields)}`);
    }
  }

  /** Takes note of what was known when this write was decided on; see Safety. */
  #decided(request: HttpRequest): ExchangeListener {
    const { stalledSince = Number.POSITIVE_INFINITY } = this.clock;
    const known = Math.min(this.#knowledge.upTo(), stalledSince, this.#deafSince());
    // A write may have waited for those in flight since it was computed, and is sent as soon as they are answered.
    const { clock } = this.#world;
    if (this.#writing === 0 && clock.now() > this.#writtenAt) this.#writingSince = known;
    this.#writing += 1;
    this.#known.set(request, Math.min(known, this.#writingSince));
    if (this.#knowledge.isMixed) this.#mixed.add(request);
    return {
      closed: () => {
        this.#writing -= 1;
        this.#writtenAt = clock.now();
      },
    };
  }

  #paused(request: HttpRequest | undefined): number {
    const ms = this.pauseAtWriteMs;
    if (ms === 0 || request?.method !== 'PUT') return 0;
    this.pauseAtWriteMs = 0;
    this.#world.trace.add(`${this.name} stands still with a write on its way`);
    // A little longer than the write is under way, so that it cannot be called back.
    this.clock.stall(ms + 1_000);
    this.#world.after(ms + 1_000, () => {});
    return ms;
  }

  #write<T>(request: HttpRequest, handOver: () => Promise<T>): Promise<T> {
    const { cluster, crashPlan: plan } = this;
    const body = request.path.startsWith('/v1/txn') ? (request.body ?? '[]') : '[]';
    const { uid, history, spared, sparedSince, wentBackAt } = cluster;
    const isLeading = this.isLeading || this.#world.traits.replicas === 1;
    const { isWithoutNamespaces } = this.#knowledge;
    const isMixed = this.#mixed.has(request);
    const { stalledUntil } = this.clock;
    const known = {
      history,
      isWithoutNamespaces,
      isMixed,
      stalledUntil,
      leftOut: cluster.leftOut(),
      wentBackAt,
    };
    const author = { name: this.name, clusterUid: uid, spared, sparedSince, isLeading, ...known };
    const send = () =>
      this.#world.safety.watch(author, this.#known.get(request) ?? Number.NEGATIVE_INFINITY, body, handOver);
    if (plan === undefined || --plan.writesLeft > 0) return send();
    this.crashPlan = undefined;
    if (plan.side === 'after') void send().catch(() => {});
    this.kill();
    this.onCrash();
    return new Promise(() => {});
  }
}

function recorder(write: (line: LogLine) => void, base: LogFields = {}): Logger {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      write({ level, message, fields: { ...base, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recorder(write, { ...base, ...fields }),
  };
}
