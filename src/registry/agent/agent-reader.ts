import type { AgentCheckAnswer, AgentServiceAnswer } from '../../consul/agent-schemas.ts';
import { maintenanceType } from '../../model/check.ts';
import {
  type CheckId,
  type ClusterUid,
  type ConsulNodeName,
  checkId,
  type InstanceId,
} from '../../model/keys.ts';
import { originKeys } from '../../model/origin.ts';
import { clusterUidKey, isOwned, managedByKey, managedByValue } from '../../model/owner.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { isOwnCheck, ownNotes } from '../../plan/ownership.ts';
import { agentFeatures } from '../../plan/registry-features.ts';
import type { NodeReader } from '../node-reader.ts';
import { toCheck, toInstance } from '../stored.ts';
import { unmarkedReason } from './agent-bodies.ts';
import type { Agents } from './agents.ts';

export interface AgentReaderOptions {
  readonly agents: Agents;
  /** Whose instances are read. */
  readonly owner: ClusterUid;
  /** The nodes there are. */
  readonly names: () => Iterable<ConsulNodeName>;
  /** The Kubernetes node that a node of this cluster stands for; '' = none, undefined = not known (any more). */
  readonly kubeNode: (node: ConsulNodeName) => string | undefined;
}

/**
 * Reads this cluster's instances from the agent on each node, and leaves out the services and checks of others. The node
 * itself is the agent's: it is shown with nothing but the meta by which the rest of the operator knows it.
 */
export class AgentReader implements NodeReader {
  readonly features = agentFeatures;
  readonly #options: AgentReaderOptions;
  /** Agents have no indexes: no two readings share one, so their entries are compared field by field. */
  #reading = 0;

  constructor(options: AgentReaderOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly ConsulNodeName[]> {
    return [...this.#options.names()];
  }

  async read(node: ConsulNodeName, signal: AbortSignal) {
    const { agents, kubeNode } = this.#options;
    // A node that is forgotten, see AgentWatcher.
    if (kubeNode(node) === undefined) return { node: undefined, index: undefined };
    // Endpoints that name no node: there is no agent, and nothing can be registered.
    if (kubeNode(node) === '') return { node: this.#node(node, '', [], []), index: undefined };
    // Checks after services: what comes between the two is a check without a service, which is left out.
    const services = await agents.read(node, (client) => client.services(signal));
    const checks = await agents.read(node, (client) => client.checks(signal));
    const address = new URL(agents.origin(node)).hostname;
    return {
      node: this.#node(node, address, Object.values(services), Object.values(checks)),
      index: undefined,
    };
  }

  /** Every node has an agent, which is to be asked. */
  async absent(): Promise<readonly ConsulNodeName[]> {
    return [];
  }

  /** An agent's own list is the truth. To those who have a token, a list thinned by ACLs says that it is. */
  async confirmAbsence(): Promise<void> {}

  #node(
    name: ConsulNodeName,
    address: string,
    services: readonly AgentServiceAnswer[],
    answers: readonly AgentCheckAnswer[],
  ): ObservedNode {
    const { owner, kubeNode } = this.#options;
    const modifyIndex = ++this.#reading;
    const instances = new Map<InstanceId, ObservedInstance>();
    for (const answer of services) {
      const ofService = answers.filter(({ ServiceID }) => ServiceID === answer.ID);
      const checks = new Map<CheckId, ObservedCheck>();
      for (const each of ofService) checks.set(checkId(each.CheckID), checkOf(each, modifyIndex));
      if (!isOwnedService(answer, checks, owner)) continue;
      const instance = toInstance({ ...answer, ModifyIndex: modifyIndex });
      const taggedAddresses = ownTaggedAddresses(instance);
      instances.set(instance.id, { ...instance, taggedAddresses, checks });
    }
    return {
      name,
      address,
      taggedAddresses: {},
      meta: {
        [managedByKey]: managedByValue,
        [clusterUidKey]: owner,
        [originKeys.node]: kubeNode(name) ?? '',
      },
      checks: new Map(),
      instances,
      createIndex: 0,
      modifyIndex,
      stampedBefore: true,
    };
  }
}

/** By its stamp; or, when somebody else registered it again without the stamp, by a check of the operator's that is left. */
function isOwnedService(
  { Meta }: AgentServiceAnswer,
  checks: ReadonlyMap<CheckId, ObservedCheck>,
  owner: ClusterUid,
): boolean {
  if (isOwned(Meta, owner)) return true;
  const isUnstamped = Meta[clusterUidKey] === undefined || Meta[clusterUidKey] === owner;
  return isUnstamped && [...checks.values()].some(isOwnCheck);
}

/** The check of a maintenance mode has its reason in the notes. */
function checkOf(answer: AgentCheckAnswer, modifyIndex: number): ObservedCheck {
  const check = toCheck({ ...answer, ModifyIndex: modifyIndex });
  const reason = check.type === maintenanceType ? unmarkedReason(check.notes) : undefined;
  return reason === undefined ? check : { ...check, notes: ownNotes, output: reason };
}

/** Without those the agent adds: the instance's own address, for LAN and WAN (agent/agent.go, addServiceLocked). */
function ownTaggedAddresses({ taggedAddresses }: Pick<ObservedInstance, 'taggedAddresses'>) {
  const { lan_ipv4, lan_ipv6 } = taggedAddresses;
  return lan_ipv4 === undefined || lan_ipv6 === undefined ? {} : { lan_ipv4, lan_ipv6 };
}
