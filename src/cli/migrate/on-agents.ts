import type { ConsulClient } from '../../consul/client.ts';
import type { ClusterStores } from '../../kube/cluster-stores.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import { agentCheckId } from '../../model/check.ts';
import { type ConsulNodeName, consulNodeName } from '../../model/keys.ts';
import { managedByKey } from '../../model/owner.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { isOwnInstance } from '../../plan/ownership.ts';
import { catalogReader } from '../../registry/catalog/catalog-reader.ts';
import type { Registrar, TheirOrigin } from './registrar.ts';
import type { Presence } from './twin-plan.ts';

/** What a registrar has registered with an agent, as the catalog shows it to consumers. */
export interface OnAgent {
  readonly node: ObservedNode;
  /** As consumers find it: with the address of the node where it has none. Without tags that are lost. */
  readonly instance: ObservedInstance;
  readonly origin: TheirOrigin;
}

/** Every node of an agent, with everything on it. */
export interface AgentNodes {
  readonly nodes: readonly ObservedNode[];
  readonly theirs: readonly OnAgent[];
}

/** Nodes read at the same time. */
const atOnce = 8;

/** Reads from the catalog: it shows what consumers find, and asks no agent. `only`: these nodes. Default: all of agents. */
export async function readAgentNodes(
  { originOf }: Registrar,
  client: ConsulClient,
  signal: AbortSignal,
  only?: Iterable<ConsulNodeName>,
): Promise<AgentNodes> {
  const reader = catalogReader(client);
  try {
    const names = only ?? (await agentNodeNames(client, signal));
    const read = await inParallel(names, atOnce, async (name) => (await reader.read(name, signal)).node);
    const nodes = read.flatMap((node) => (node?.checks.has(agentCheckId) ? [node] : []));
    const theirs = nodes.flatMap((node) =>
      [...node.instances.values()].flatMap((found) => {
        const origin = isOwnInstance(found) ? undefined : originOf(found);
        if (origin === undefined) return [];
        const address = found.address === '' ? node.address : found.address;
        const tags = found.tags.filter((tag) => origin.lostTags?.includes(tag) !== true);
        return [{ node, instance: { ...found, address, tags }, origin }];
      }),
    );
    return { nodes, theirs: theirs.sort((a, b) => (a.instance.id < b.instance.id ? -1 : 1)) };
  } catch (thrown) {
    if (RegistrarError.from(thrown).code !== 'forbidden') throw thrown;
    throw new RegistrarError(
      'forbidden',
      'the Consul token cannot see everything on the nodes of the agents: it needs read on nodes (node_prefix "") and services (service_prefix "")',
      { cause: thrown },
    );
  }
}

/** Without the nodes that an operator has made, of which there may be thousands. */
async function agentNodeNames(client: ConsulClient, signal: AbortSignal): Promise<ConsulNodeName[]> {
  const { value, knownLeader, filteredByAcls } = await client.catalogNodes({}, signal);
  if (!knownLeader) throw new RegistrarError('unavailable', 'Consul answers without a known leader');
  if (filteredByAcls) throw new RegistrarError('forbidden', 'the list of nodes is incomplete');
  return value.flatMap(({ Node, Meta }) => (Meta[managedByKey] === undefined ? [consulNodeName(Node)] : []));
}

/** What the cluster has of what a registrar has registered. */
export class TheirPods {
  readonly #byName = new Map<string, PodRecord[]>();
  /** Of the pods, and of Services from outside. */
  readonly #addresses = new Set<string>();
  readonly #hosts = new Set<string>();
  /** Uids of the Services. */
  readonly #services = new Set<string>();
  readonly #isWhole: boolean;

  /** `isWhole`: the configuration leaves out no pod. */
  constructor(stores: ClusterStores, { isWhole }: { readonly isWhole: boolean }) {
    this.#isWhole = isWhole && stores.reflectors.unread.length === 0;
    for (const pod of stores.pods.records()) {
      if (pod.phase === 'Succeeded' || pod.phase === 'Failed') continue;
      this.#byName.set(pod.name, [...(this.#byName.get(pod.name) ?? []), pod]);
      for (const address of pod.ips) this.#addresses.add(address.toLowerCase());
    }
    for (const { uid, externalIPs } of stores.services.records()) {
      this.#services.add(uid);
      for (const address of externalIPs) this.#addresses.add(address.toLowerCase());
    }
    for (const { internalIps, externalIps } of stores.kubeNodes.records()) {
      for (const address of [...internalIps, ...externalIps]) this.#hosts.add(address.toLowerCase());
    }
  }

  presenceOf({ instance: { address }, origin }: Pick<OnAgent, 'instance' | 'origin'>): Presence {
    const wanted = address.toLowerCase();
    if (origin.pod === '') {
      return this.#services.has(origin.uid) && this.#isAny(wanted) ? 'there' : this.#absent;
    }
    const named = (this.#byName.get(origin.pod) ?? []).filter(
      ({ namespace }) => origin.namespace === '' || origin.namespace === namespace,
    );
    const isThere = named.some(
      ({ uid, ips, hostIps }) =>
        uid === origin.uid || [...ips, ...hostIps].some((ip) => ip.toLowerCase() === wanted),
    );
    if (isThere) return 'there';
    // Perhaps a former pod of the name, perhaps this one at an address that the cluster does not know.
    return named.length > 0 && origin.namespace !== '' ? 'unknown' : this.#absent;
  }

  /** Whether the agent is on a machine of this cluster. */
  isHost({ address, taggedAddresses }: ObservedNode): boolean {
    return [address, ...Object.values(taggedAddresses)].some((each) => this.#hosts.has(each.toLowerCase()));
  }

  get #absent(): Presence {
    return this.#isWhole ? 'gone' : 'unknown';
  }

  #isAny(address: string): boolean {
    return this.#addresses.has(address) || this.#hosts.has(address);
  }
}
