import { AgentClient } from '../../consul/agent-client.ts';
import type { ConsulApiOptions } from '../../consul/consul-api.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { Slots } from '../../lib/slots.ts';
import type { Transport } from '../../lib/transport.ts';
import type { ConsulNodeName } from '../../model/keys.ts';

export interface AgentsOptions {
  readonly api: Omit<ConsulApiOptions, 'transport'>;
  /** Connections to the agent at an origin. */
  readonly connect: (origin: string) => Transport;
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** Host address of a node as the cluster says now; undefined when it is not known (any more). */
  readonly addressOf: (node: ConsulNodeName) => string | undefined;
}

interface Agent {
  readonly origin: string;
  readonly transport: Transport;
  readonly client: AgentClient;
  /** Writes to one agent follow each other, so that the last one asked for is the last one made. */
  readonly writes: Slots;
}

/**
 * The Consul agents on the Kubernetes nodes, by node name. The address of an agent is remembered: what is registered
 * there has to be removed when the last pod, or the node, is gone.
 */
export class Agents implements AsyncDisposable {
  readonly #options: AgentsOptions;
  readonly #agents = new Map<ConsulNodeName, Agent>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: AgentsOptions) {
    this.#options = options;
  }

  /** Where the node's agent is. Throws `unavailable` when that is not known. */
  origin(node: ConsulNodeName): string {
    return this.#agent(node).origin;
  }

  read<Result>(node: ConsulNodeName, work: (client: AgentClient) => Promise<Result>): Promise<Result> {
    return this.#with(node, ({ client }) => work(client));
  }

  /** One piece of work at a time for each agent, in the order they were asked for. */
  write<Result>(node: ConsulNodeName, work: (client: AgentClient) => Promise<Result>): Promise<Result> {
    return this.#with(node, ({ client, writes }) => writes.run(() => work(client)));
  }

  /** The agent is not needed any more. */
  forget(node: ConsulNodeName): void {
    const agent = this.#agents.get(node);
    this.#agents.delete(node);
    if (agent !== undefined) this.#close(agent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of [...this.#agents.keys()]) this.forget(node);
    await Promise.all(this.#closing);
  }

  async #with<Result>(node: ConsulNodeName, work: (agent: Agent) => Promise<Result>): Promise<Result> {
    return work(this.#agent(node));
  }

  #agent(node: ConsulNodeName): Agent {
    const { addressOf, scheme, port, connect, api } = this.#options;
    const known = this.#agents.get(node);
    const address = addressOf(node);
    if (address === undefined) {
      if (known !== undefined) return known;
      throw new RegistrarError('unavailable', `the address of the agent on node ${node} is not known yet`);
    }
    const origin = `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
    if (known?.origin === origin) return known;
    // The node was replaced by another of its name.
    if (known !== undefined) this.#close(known);
    const transport = connect(origin);
    const client = new AgentClient({ ...api, transport });
    const agent = { origin, transport, client, writes: known?.writes ?? new Slots(1) };
    this.#agents.set(node, agent);
    return agent;
  }

  #close({ transport }: Agent): void {
    const closing = transport
      .close()
      .catch(() => {})
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
