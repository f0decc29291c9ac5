/** A cluster whose pods another program has registered with the agents of two nodes. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ProgramOptions } from '../../src/cli/program.ts';
import type { ClientAgent } from '../../src/sandbox/consul/client-agent.ts';
import { type PodFields, SmallCluster } from './small-cluster.ts';

export interface TheirService {
  readonly ID: string;
  readonly Name: string;
  readonly Address?: string;
  readonly Port?: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
}

export class AgentsMoving extends SmallCluster {
  readonly agents = {
    n1: this.addAgent('client-1', '10.0.0.1'),
    n2: this.addAgent('client-2', '10.0.0.2'),
  };
  readonly program: string;
  readonly #file: string;

  constructor(program: string, directory: string) {
    super();
    this.program = program;
    this.#file = path.join(directory, 'config.yaml');
  }

  /** A pod with annotations under their whole keys. */
  putWith(name: string, annotations: Readonly<Record<string, string>>, fields: PodFields = {}): void {
    this.putPod(name, {}, fields);
    const known = this.kube.store.get('pods', fields.namespace ?? 'default', name) as {
      readonly metadata: object;
    };
    this.kube.store.apply({ ...known, metadata: { ...known.metadata, annotations } } as never);
  }

  async register(node: 'n1' | 'n2', service: TheirService): Promise<void> {
    await send(this.agents[node], 'PUT', '/v1/agent/service/register', { Port: 8080, ...service });
    await this.clock.advance(1_000);
  }

  async deregister(node: 'n1' | 'n2', id: string): Promise<void> {
    await send(this.agents[node], 'PUT', `/v1/agent/service/deregister/${id}`);
    await this.clock.advance(1_000);
  }

  /** Ids that an agent has, without those of kube-registrar. */
  async ids(node: 'n1' | 'n2'): Promise<string[]> {
    const services = JSON.parse(await send(this.agents[node], 'GET', '/v1/agent/services')) as Record<
      string,
      { readonly Meta?: Readonly<Record<string, string>> }
    >;
    return Object.entries(services)
      .filter(([, { Meta }]) => Meta?.['managed-by'] === undefined)
      .map(([id]) => id)
      .sort();
  }

  /** `last`: what the command sees of the process, if it is no text. */
  async command(config: object, ...last: readonly (string | Partial<ProgramOptions>)[]) {
    await writeFile(this.#file, JSON.stringify(config));
    const argv = last.filter((each) => typeof each === 'string');
    const more = last.find((each) => typeof each !== 'string');
    return this.run(['migrate', this.program, ...argv, '--config', this.#file], more, 400_000);
  }
}

async function send(
  agent: ClientAgent,
  method: 'GET' | 'PUT',
  address: string,
  body?: object,
): Promise<string> {
  const response = await agent.transport().request({
    method,
    path: address,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: new AbortController().signal,
  });
  let text = '';
  for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
  if (response.status !== 200) throw new Error(`${method} ${address}: ${response.status} ${text}`);
  return text;
}
