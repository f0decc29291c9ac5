import { gunzipSync, gzipSync } from 'node:zlib';
import type { Clock } from '../../lib/clock.ts';
import { type Random, systemRandom } from '../../lib/random.ts';
import type { Transport } from '../../lib/transport.ts';
import { Acl, type AclOptions } from './acl.ts';
import { Agent } from './agent.ts';
import { ensureCheck, ensureNode, ensureService } from './catalog-writes.ts';
import { ClientAgent, serfHealth } from './client-agent.ts';
import { ConnectionLimit, type ConnectionLimitOptions } from './connection-limit.ts';
import type { ConsulSettings, Core, Counters, Route } from './core.ts';
import { nodeService } from './entries.ts';
import { type Interceptor, suffer } from './faults.ts';
import { type ConsulAnswer, type ConsulRequest, failure, HttpError } from './http.ts';
import { Outsider } from './outsider.ts';
import { Reaper } from './reaper.ts';
import { routeOf, unknownPath } from './router.ts';
import { SandboxTransport } from './sandbox-transport.ts';
import { SessionTimers } from './sessions.ts';
import { emptySnapshot, nodeKey, type Snapshot, Store } from './store.ts';
import { StoreError } from './store-error.ts';
import { uuid } from './uuid.ts';

export interface ConsulServerOptions {
  readonly clock: Clock;
  /** Default: the system's. Give a seeded one for runs that can be repeated. */
  readonly random?: Random;
  /** Default `dc1`. */
  readonly datacenter?: string;
  /** Name of the server's own node. Default `consul`. */
  readonly nodeName?: string;
  /** Version it claims. Default `1.22.7`, whose behaviour it follows. */
  readonly version?: string;
  /** Most operations in a transaction. Default 128; servers before 1.14 take 64. */
  readonly maxTxnOperations?: number;
  /** ACLs. Default: off. */
  readonly acl?: AclOptions;
  /** Connections of one client address. */
  readonly connections?: ConnectionLimitOptions;
}

interface TransportOptions {
  readonly token?: string;
  readonly address?: string;
}

/** Requests and transactions since the start. */
export type ConsulStats = Readonly<Omit<Counters, 'requests'>> & {
  /** By method and endpoint: `GET /v1/health/service/`. */
  readonly requests: ReadonlyMap<string, number>;
  /** Blocking queries that wait now. */
  readonly blocked: number;
};

/** How long at least a server without a leader looks for one before it gives up, in milliseconds; at most twice. */
const leaderWaitMs = 7_000;

/**
 * One Consul server in memory, with its agent. It keeps Consul's rules where a client can see them: which
 * index an answer carries, what wakes a blocking query, what a transaction refuses and in which words. The
 * contract suite in test/contract runs against it and against the real one.
 *
 * Time passes through the clock only; the core opens no socket. Faults are put in with `intercept`.
 */
export class ConsulServer implements Disposable {
  /** Somebody else who changes the catalog directly. */
  readonly outsider: Outsider;
  /** Tokens and policies; `revoke` them here. */
  readonly acl: Acl;
  /** How many connections each client address has and may have. */
  readonly connections: ConnectionLimit;
  /** Asked before each request; may make it fail. Default: none. */
  intercept: Interceptor | undefined;
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #reaper: Reaper;
  readonly #counters: Counters = { requests: new Map(), transactions: 0, operations: 0, refused: 0 };
  readonly #clients = new Map<string, ClientAgent>();
  #leaderless = false;

  constructor(options: ConsulServerOptions) {
    const {
      clock,
      random = systemRandom,
      datacenter = 'dc1',
      nodeName = 'consul',
      version = '1.22.7',
    } = options;
    const settings: ConsulSettings = {
      datacenter,
      nodeName,
      version,
      maxTxnOperations: options.maxTxnOperations ?? 128,
      maxTxnBytes: 512 * 1024,
      maxKvBytes: 512 * 1024,
    };
    // A real server has written its own configuration by the time it is ready.
    const store = new Store(clock, 12);
    const node = {
      ID: uuid(random),
      Node: nodeName,
      Address: '127.0.0.1',
      Datacenter: datacenter,
      TaggedAddresses: { lan: '127.0.0.1', lan_ipv4: '127.0.0.1', wan: '127.0.0.1', wan_ipv4: '127.0.0.1' },
      Meta: { 'consul-network-segment': '', 'consul-version': version },
    };
    this.#clock = clock;
    this.connections = new ConnectionLimit(options.connections);
    this.acl = new Acl(options.acl, clock, random);
    this.#core = {
      settings,
      clock,
      random,
      store,
      acl: this.acl,
      agent: new Agent(node, store, clock),
      sessions: new SessionTimers(store, clock),
      counters: this.#counters,
      snapshot: () => this.snapshot(),
      restore: (blob) => this.restore(blob),
      hasLeader: () => !this.#leaderless,
      isServer: true,
    };
    this.outsider = new Outsider(store, datacenter);
    this.#reaper = new Reaper(store, clock, (node) => this.#isMember(node));
    this.#registerItself();
    this.acl.onRevoke = (topic) => store.watchers.fire([topic]);
    store.onCommit = (touched) => {
      this.#reaper.notice(touched);
      this.#core.agent.notice(touched);
      for (const agent of this.#clients.values()) agent.notice(touched);
    };
  }

  get stats(): ConsulStats {
    return { ...this.#counters, blocked: this.#core.store.watchers.waiting };
  }

  /** Index of the last entry of the raft log: it stands still exactly as long as nobody writes. */
  get raftIndex(): number {
    return this.#core.store.raftIndex;
  }

  /**
   * While true there is no leader: a request that needs one ends in 500 after 7 to 14 s. `?stale` and streamed
   * health readings are still answered; queries that block already sleep to the end of their wait.
   */
  get leaderless(): boolean {
    return this.#leaderless;
  }

  set leaderless(leaderless: boolean) {
    this.#leaderless = leaderless;
    this.#core.agent.connect(!leaderless);
    for (const agent of this.#clients.values()) agent.connect(!leaderless);
    // A new leader gives every session its whole time again.
    if (leaderless) this.#core.sessions[Symbol.dispose]();
    else this.#core.sessions.resetAll();
  }

  /**
   * An in-process transport. `token` is sent with requests that carry none. `address`: of the client; everything
   * behind one NAT gateway or load balancer has one. Default 127.0.0.1.
   */
  transport({ token = '', address = '127.0.0.1' }: TransportOptions = {}): Transport {
    const handle = (request: ConsulRequest) => this.connections.exchange(address, () => this.handle(request));
    return new SandboxTransport(handle, this.#clock, token);
  }

  /**
   * An agent that is no server, as it runs on every machine of an agent-based installation. `address`: of its
   * machine.
   */
  addAgent(nodeName: string, address: string): ClientAgent {
    const agent = new ClientAgent({
      server: this.#core,
      nodeName,
      address,
      dispatch: (request, core) => this.#answer(request, core),
    });
    this.#clients.set(nodeKey(nodeName), agent);
    agent.start();
    return agent;
  }

  /** What an agent's HTTP, TCP or gRPC check found; such checks stay critical until a result says otherwise. */
  setCheck(id: string, status: 'passing' | 'warning' | 'critical', output = ''): void {
    this.#core.agent.setCheck(id, status, output);
  }

  /** The whole state as an opaque blob, as `GET /v1/snapshot` gives it. */
  snapshot(): Uint8Array {
    return gzipSync(JSON.stringify(this.#core.store.snapshot()));
  }

  /**
   * Goes back to a snapshot. The log goes on, but every `X-Consul-Index` is what it was then: indexes go
   * backwards. Throws when the blob is no snapshot.
   */
  restore(blob: Uint8Array): void {
    const snapshot = JSON.parse(gunzipSync(blob).toString('utf8')) as Snapshot;
    this.#core.store.restore(snapshot, Math.max(this.raftIndex, snapshot.raftIndex) + 1);
    this.#core.sessions.resetAll();
    this.#core.agent.syncFully();
    for (const agent of this.#clients.values()) agent.rejoin();
  }

  /** A server that lost its disk: empty, and its log starts again. */
  wipe(): void {
    this.#core.store.restore(emptySnapshot, 12);
    this.#core.sessions.resetAll();
    this.#registerItself();
    this.#core.agent.sync();
    for (const agent of this.#clients.values()) agent.rejoin();
  }

  /**
   * One request. Rejects with the signal's reason when aborted, and with a ConnectionReset when a fault
   * breaks the connection.
   */
  async handle(request: ConsulRequest): Promise<ConsulAnswer> {
    return suffer(this.intercept?.(request), request, this.#clock, (each) => this.#answer(each));
  }

  [Symbol.dispose](): void {
    this.#core.sessions[Symbol.dispose]();
    this.#core.agent[Symbol.dispose]();
    for (const agent of this.#clients.values()) agent[Symbol.dispose]();
    this.#reaper[Symbol.dispose]();
  }

  #isMember(node: string): boolean {
    const key = nodeKey(node);
    return key === nodeKey(this.#core.settings.nodeName) || this.#clients.has(key);
  }

  async #answer(request: ConsulRequest, core: Core = this.#core): Promise<ConsulAnswer> {
    const headers = { vary: 'Accept-Encoding', 'x-consul-default-acl-policy': this.acl.defaultPolicy };
    const withHeaders = (answer: ConsulAnswer) => ({ ...answer, headers: { ...headers, ...answer.headers } });
    try {
      const found = routeOf(request.method, request.path);
      if (found === undefined) return failure(unknownPath(request.path));
      return withHeaders(await this.#dispatch(request, found.route, found.rest, core));
    } catch (thrown) {
      if (thrown instanceof HttpError) return withHeaders(failure(thrown));
      if (thrown instanceof StoreError) return withHeaders(failure(new HttpError(500, thrown.message)));
      throw thrown;
    }
  }

  async #dispatch(request: ConsulRequest, route: Route, rest: string, core: Core): Promise<ConsulAnswer> {
    const name = `${request.method} ${route.path}`;
    this.#counters.requests.set(name, (this.#counters.requests.get(name) ?? 0) + 1);
    if (!this.#leaderless) return route.handler(core, request, rest);
    const wait = () => this.#clock.sleep(leaderWaitMs * (1 + this.#core.random()), request.signal);
    if (route.local === true) {
      const answer = await route.handler(core, request, rest);
      // The agent has it, but tries in vain to tell the catalog before it answers.
      if (request.method === 'PUT') await wait();
      return answer;
    }
    const { readsOwnState = ({ method, query }) => method === 'GET' && query.has('stale') } = route;
    if (!readsOwnState(request)) {
      if (route.path !== '/v1/snapshot') await wait();
      if (this.#leaderless) throw new HttpError(500, 'No cluster leader');
    }
    return route.handler(core, request, rest);
  }

  /** What a starting server writes about itself: its node, the `consul` service and `serfHealth`. */
  #registerItself(): void {
    const { store, agent, settings } = this.#core;
    const node = settings.nodeName;
    store.apply((write) => {
      ensureNode(store, write, agent.node);
      ensureService(
        store,
        write,
        node,
        nodeService({
          Kind: '',
          ID: 'consul',
          Service: 'consul',
          Tags: [],
          Address: '',
          TaggedAddresses: null,
          Meta: { version: settings.version },
          Port: 8300,
          Weights: { Passing: 1, Warning: 1 },
          EnableTagOverride: false,
        }),
      );
      ensureCheck(store, write, serfHealth(node, true));
    });
  }
}
