import { createHash } from 'node:crypto';
import type { Transport } from '../../lib/transport.ts';
import { Agent } from './agent.ts';
import { ensureCheck, ensureNode, type Unstamped } from './catalog-writes.ts';
import type { Core } from './core.ts';
import { ConnectionReset, type Interceptor, suffer } from './faults.ts';
import type { ConsulAnswer, ConsulRequest } from './http.ts';
import type { CheckRow, NodeRow } from './rows.ts';
import { SandboxTransport } from './sandbox-transport.ts';

export interface ClientAgentOptions {
  /** The server it has joined. */
  readonly server: Core;
  readonly nodeName: string;
  readonly address: string;
  /** Answers a request with the state of the given core. */
  readonly dispatch: (request: ConsulRequest, core: Core) => Promise<ConsulAnswer>;
}

/**
 * A Consul agent that is no server: what is registered with it is its own, and the catalog follows. It can be
 * stopped, as when its machine is lost, and started again, with what it had or with an empty data directory.
 */
export class ClientAgent implements Disposable {
  /** Asked before each request; may make it fail. Default: none. */
  intercept: Interceptor | undefined;
  readonly #options: ClientAgentOptions;
  readonly #node: Unstamped<NodeRow>;
  #agent: Agent;
  #down: AbortController | undefined;

  constructor(options: ClientAgentOptions) {
    this.#options = options;
    const { server, nodeName, address } = options;
    this.#node = {
      ID: idOf(nodeName),
      Node: nodeName,
      Address: address,
      Datacenter: server.settings.datacenter,
      TaggedAddresses: { lan: address, lan_ipv4: address, wan: address, wan_ipv4: address },
      Meta: { 'consul-network-segment': '', 'consul-version': server.settings.version },
    };
    this.#agent = this.#empty();
  }

  /** Up again, with what was registered with it unless it has lost its data. */
  start({ empty = false }: { readonly empty?: boolean } = {}): void {
    if (empty) {
      this.#agent[Symbol.dispose]();
      this.#agent = this.#empty();
    } else this.#agent.resume();
    this.#down = new AbortController();
    this.rejoin();
  }

  /** Gone, with the connections it held; the others notice at once. */
  stop(): void {
    this.#down?.abort();
    this.#down = undefined;
    this.#agent.connect(false);
    this.#agent.pause();
    this.#writeHealth(false);
  }

  /** The state of the server is another one: the leader and the agent bring in what is missing. */
  rejoin(): void {
    if (this.#down === undefined) return;
    const { store } = this.#options.server;
    store.apply((write) => ensureNode(store, write, this.#node));
    this.#writeHealth(true);
    this.#agent.connect(this.#options.server.hasLeader());
  }

  /** Without a leader the catalog does not follow. */
  connect(hasLeader: boolean): void {
    if (this.#down !== undefined) this.#agent.connect(hasLeader);
  }

  notice(touched: ReadonlySet<string>): void {
    if (this.#down !== undefined) this.#agent.notice(touched);
  }

  /** What the agent's HTTP, TCP or gRPC check found. */
  setCheck(id: string, status: 'passing' | 'warning' | 'critical', output = ''): void {
    this.#agent.setCheck(id, status, output);
  }

  transport({ token = '' }: { readonly token?: string } = {}): Transport {
    return new SandboxTransport((request) => this.handle(request), this.#options.server.clock, token);
  }

  /** One request; as ConsulServer.handle(). */
  async handle(request: ConsulRequest): Promise<ConsulAnswer> {
    const down = this.#down;
    if (down === undefined) throw new ConnectionReset('connection refused');
    const signal = AbortSignal.any([request.signal, down.signal]);
    const { server, nodeName, dispatch } = this.#options;
    const core = {
      ...server,
      settings: { ...server.settings, nodeName },
      agent: this.#agent,
      isServer: false,
    };
    try {
      const fault = this.intercept?.(request);
      return await suffer(fault, { ...request, signal }, server.clock, (each) => dispatch(each, core));
    } catch (thrown) {
      if (down.signal.aborted) throw new ConnectionReset('connection reset');
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.#agent[Symbol.dispose]();
  }

  #empty(): Agent {
    const { store, clock } = this.#options.server;
    return new Agent(this.#node, store, clock);
  }

  #writeHealth(isAlive: boolean): void {
    const { store } = this.#options.server;
    store.apply((write) => ensureCheck(store, write, serfHealth(this.#node.Node, isAlive)));
  }
}

/** A uuid of its own for every name: two nodes with one id are taken for a renamed one. */
function idOf(nodeName: string): string {
  const hex = createHash('sha256').update(nodeName).digest('hex');
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}

/** The check by which the leader shows whether a member of the cluster is alive. */
export function serfHealth(node: string, isAlive: boolean): Unstamped<CheckRow> {
  return {
    Node: node,
    CheckID: 'serfHealth',
    Name: 'Serf Health Status',
    Status: isAlive ? 'passing' : 'critical',
    Notes: '',
    Output: isAlive ? 'Agent alive and reachable' : 'Agent not live or unreachable',
    ServiceID: '',
    ServiceName: '',
    ServiceTags: null,
    Type: '',
    Interval: '',
    Timeout: '',
    ExposedPort: 0,
    Definition: {},
  };
}
