/** A real Consul datacenter on loopback: one or three servers and any number of client agents. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { requireServers } from '../../servers/locate.ts';
import { eventually } from '../eventually.ts';
import { dataDir } from './data-dir.ts';
import { JsonClient } from './http.ts';
import { freePorts } from './ports.ts';
import { Server } from './server.ts';

const localhost = '127.0.0.1';

export interface ConsulOptions {
  /** Default 1. */
  readonly servers?: 1 | 3;
  /** Agents that are not servers, as on every node of an agent-based installation. Default 0. */
  readonly clientAgents?: number;
  /**
   * Loopback addresses of further client agents, one for each, as of as many machines: their HTTP API has the same
   * port on all of them. Default none.
   */
  readonly clientHosts?: readonly string[];
  /** ACLs on, deny by default. Default off. */
  readonly acl?: boolean;
  /** Configuration merged over every server's, as in a configuration file. */
  readonly serverConfig?: Readonly<Record<string, unknown>>;
  /** Configuration merged over every client agent's. */
  readonly clientConfig?: Readonly<Record<string, unknown>>;
  /** The oldest version that is tried, not the newest. Default false. */
  readonly oldest?: boolean;
  /** Abort kills everything. */
  readonly signal?: AbortSignal;
}

export async function startConsul(options: ConsulOptions = {}): Promise<Consul> {
  const name = options.oldest === true ? 'consul-oldest' : 'consul';
  const { [name]: program } = await requireServers([name]);
  const dir = await dataDir('consul');
  const serverCount = options.servers ?? 1;
  const ports: AgentPorts[] = [];
  for (let i = 0; i < serverCount + (options.clientAgents ?? 0); i++) {
    const [http, dns, serf, rpc] = await freePorts(4);
    ports.push({ host: localhost, http: http!, dns: dns!, serf: serf!, rpc: rpc! });
  }
  const [http, dns, serf, rpc] = await freePorts(4);
  for (const host of options.clientHosts ?? []) {
    ports.push({ host, http: http!, dns: dns!, serf: serf!, rpc: rpc! });
  }
  const consul = new Consul(dir, program, ports, serverCount, options);
  try {
    await consul.start();
    return consul;
  } catch (error) {
    await consul.stop();
    throw error;
  }
}

interface AgentPorts {
  readonly host: string;
  readonly http: number;
  readonly dns: number;
  readonly serf: number;
  readonly rpc: number;
}

/** One agent, server or client: `stop`, `kill`, `start`, `pause` and `resume` act on it alone. */
export class ConsulAgent extends Server {
  /** Its Consul node name. */
  readonly name: string;
  /** Origin of its HTTP API. */
  readonly url: string;
  /** Port of its HTTP API. */
  readonly httpPort: number;
  /** Port of its DNS server on its address, UDP and TCP. */
  readonly dnsPort: number;
  /** Requests to this agent, with the management token when ACLs are on. */
  readonly api: JsonClient;
  readonly #data: string;

  constructor(
    name: string,
    program: string,
    dir: string,
    ports: AgentPorts,
    options: ConsulOptions,
    token: string,
  ) {
    const url = `http://${ports.host}:${ports.http}`;
    const api = new JsonClient({ url, headers: token === '' ? {} : { 'x-consul-token': token } });
    super({
      name,
      command: program,
      args: ['agent', '-config-dir', dir],
      logFile: join(dir, 'consul.log'),
      ready: () => isReady(api, name),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    this.name = name;
    this.url = url;
    this.httpPort = ports.http;
    this.dnsPort = ports.dns;
    this.api = api;
    this.#data = join(dir, 'data');
  }

  /** Removes what it has stored; it must not run. */
  async wipe(): Promise<void> {
    await rm(this.#data, { recursive: true, force: true });
  }

  /** Ends the agent for good: its client is closed as well. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.api[Symbol.asyncDispose]();
  }
}

export class Consul implements AsyncDisposable {
  readonly servers: readonly ConsulAgent[];
  readonly clients: readonly ConsulAgent[];
  /** Has every right. Empty when ACLs are off. */
  readonly managementToken: string;
  readonly #dir: string;
  readonly #ports: readonly AgentPorts[];
  readonly #options: ConsulOptions;

  /** Use `startConsul`. */
  constructor(
    dir: string,
    program: string,
    ports: readonly AgentPorts[],
    serverCount: number,
    options: ConsulOptions,
  ) {
    this.#dir = dir;
    this.#ports = ports;
    this.#options = options;
    this.managementToken = options.acl ? randomUUID() : '';
    const agents = ports.map((agentPorts, i) => {
      const name = i < serverCount ? `server-${i}` : `client-${i - serverCount}`;
      return new ConsulAgent(name, program, join(dir, name), agentPorts, options, this.managementToken);
    });
    this.servers = agents.slice(0, serverCount);
    this.clients = agents.slice(serverCount);
  }

  /** The first server's HTTP origin. */
  get url(): string {
    return this.#first.url;
  }

  get dnsPort(): number {
    return this.#first.dnsPort;
  }

  /** Requests to the first server, with the management token when ACLs are on. */
  get api(): JsonClient {
    return this.#first.api;
  }

  /** Starts what does not run; resolves when every agent knows a leader and is in the catalog. */
  async start(): Promise<void> {
    await Promise.all(this.#agents.map((agent, i) => this.#writeConfig(agent, i)));
    await Promise.all(this.#agents.map((agent) => agent.start()));
  }

  /** The server that leads; resolves when there is one. A busy machine may cost a leader its lead at any time. */
  leader(): Promise<ConsulAgent> {
    return eventually(() => this.#leader());
  }

  async #leader(): Promise<ConsulAgent> {
    for (const server of this.servers) {
      if (!server.running) continue;
      const address = await server.api.get<string>('/v1/status/leader').catch(() => '');
      const leader = this.servers.find((_, i) => address === `${localhost}:${this.#ports[i]?.rpc}`);
      if (leader?.running) return leader;
    }
    throw new Error('Consul has no leader');
  }

  async saveSnapshot(file: string): Promise<void> {
    const response = await this.api.send('GET', '/v1/snapshot');
    await pipeline(response.body, createWriteStream(file));
  }

  async restoreSnapshot(file: string): Promise<void> {
    await this.api.put('/v1/snapshot', await readFile(file));
  }

  /** Ends everything and removes its data. */
  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent[Symbol.asyncDispose]()));
    await rm(this.#dir, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #agents(): readonly ConsulAgent[] {
    return [...this.servers, ...this.clients];
  }

  get #first(): ConsulAgent {
    return this.servers[0] as ConsulAgent;
  }

  async #writeConfig(agent: ConsulAgent, index: number): Promise<void> {
    const isServer = index < this.servers.length;
    const dir = join(this.#dir, agent.name);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, '1-base.json'), JSON.stringify(this.#baseConfig(agent.name, index, isServer)));
    const overlay = isServer ? this.#options.serverConfig : this.#options.clientConfig;
    if (overlay !== undefined) await writeFile(join(dir, '2-test.json'), JSON.stringify(overlay));
  }

  #baseConfig(name: string, index: number, isServer: boolean): Record<string, unknown> {
    const { host, http, dns, serf, rpc } = this.#ports[index] as AgentPorts;
    // Since 1.14.
    const grpcTls = this.#options.oldest === true ? {} : { grpc_tls: -1 };
    const serverPorts = this.#ports.slice(0, this.servers.length);
    return {
      node_name: name,
      // Its own for ever, also when it has lost its data: two ids under one name are taken for two machines.
      ...(isServer ? {} : { node_id: nodeIdOf(index) }),
      data_dir: join(this.#dir, name, 'data'),
      bind_addr: host,
      client_addr: host,
      server: isServer,
      // An unused port must be switched off, or two agents would fight over the default.
      ports: { http, dns, serf_lan: serf, serf_wan: -1, server: rpc, https: -1, grpc: -1, ...grpcTls },
      retry_join: serverPorts.map((port) => `${localhost}:${port.serf}`),
      retry_interval: '1s',
      // The multiplier for fast machines: elections take about a second.
      performance: { raft_multiplier: 1 },
      // Stopped means gone for a while, not left for good.
      leave_on_terminate: false,
      skip_leave_on_interrupt: true,
      disable_update_check: true,
      ...(isServer ? { bootstrap_expect: this.servers.length } : {}),
      ...(this.#options.acl ? { acl: this.#aclConfig(isServer) } : {}),
    };
  }

  #aclConfig(isServer: boolean): Record<string, unknown> {
    const token = this.managementToken;
    // Its name until 1.11.
    const management = this.#options.oldest === true ? 'master' : 'initial_management';
    return {
      enabled: true,
      default_policy: 'deny',
      tokens: { agent: token, ...(isServer ? { [management]: token } : {}) },
    };
  }
}

const nodeIdOf = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

/** A leader answers through the agent, and the agent's own entry has reached the catalog. */
async function isReady(api: JsonClient, name: string): Promise<boolean> {
  const leader = await api.get<string>('/v1/status/leader');
  if (leader === '') return false;
  const { Node: node } = await api.get<{ Node: unknown }>(`/v1/catalog/node/${name}`);
  return node !== undefined;
}
