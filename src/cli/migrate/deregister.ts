import { AgentClient } from '../../consul/agent-client.ts';
import type { ConsulApiOptions } from '../../consul/consul-api.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import type { Transport } from '../../lib/transport.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { AgentOrigin } from './agent-origin.ts';
import type { OnAgent } from './on-agents.ts';

export interface DeregisterOptions {
  readonly api: Omit<ConsulApiOptions, 'transport'>;
  readonly connect: (origin: string) => Transport;
  readonly originOf: AgentOrigin;
}

/** Agents asked at the same time. */
const atOnce = 8;

/**
 * Deregisters each at its agent, where the agent still has it like that. One that does not answer keeps its own, and the
 * others go on. Returns, by node, why something is left at its agent.
 */
export async function deregister(
  entries: readonly OnAgent[],
  options: DeregisterOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<ConsulNodeName, RegistrarError>> {
  const failed = new Map<ConsulNodeName, RegistrarError>();
  const byNode = Map.groupBy(entries, ({ node }) => node.name);
  await inParallel(byNode, atOnce, async ([name, all]) => {
    try {
      await atOneAgent(all, options, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      failed.set(name, RegistrarError.from(thrown));
    }
  });
  return failed;
}

async function atOneAgent(
  entries: readonly OnAgent[],
  { api, connect, originOf }: DeregisterOptions,
  signal: AbortSignal,
): Promise<void> {
  const transport = connect(originOf(entries[0]!.node));
  try {
    const client = new AgentClient({ ...api, transport });
    const there = await client.services(signal);
    for (const { instance } of entries) {
      // Its word counts: the catalog follows it, and the id may mean something else by now.
      const found = there[instance.id];
      const isSame =
        found?.Service === instance.service &&
        (found.Port || found.Ports) === instance.port &&
        (found.Address === '' || found.Address === instance.address);
      if (isSame) await client.deregisterService(instance.id, signal);
    }
  } finally {
    await transport.close().catch(() => {});
  }
}
