import { type Check, readinessCheckId } from '../model/check.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { allPassing, withStatusOf } from './health.ts';
import type { ObservedCheck, ObservedNode } from './observed.ts';

export interface PanicOptions {
  /** Above this share of a service's passing instances, a loss because of their nodes is held. Default 0.5. */
  readonly ratio: number;
  /** And above this share of the cluster's nodes. Default 0.3. */
  readonly nodeRatio: number;
  /** With fewer lost nodes than this it is an ordinary loss. Default 2. */
  readonly minimumNodes: number;
}

/** Nodes whose health is in question. */
export interface NodeLosses {
  /** Not Ready, and not yet critical in Consul. */
  readonly atRisk: ReadonlySet<ConsulNodeName>;
  /** Critical in Consul through us, since less than the window. */
  readonly lost: ReadonlySet<ConsulNodeName>;
  /** Share of the cluster's nodes, 0 to 1, that are not Ready since a short while. */
  readonly share: number;
}

/**
 * The services that would lose more than their share of passing instances because of their nodes, when those are
 * so large a share of the cluster that it is more likely cut off than broken: two dead nodes of twenty are two dead
 * nodes. What was lost within the window counts as if it were still to be lost: nodes that go one by one add up.
 */
export function servicesInPanic(
  nodes: Iterable<ObservedNode>,
  { atRisk, lost, share }: NodeLosses,
  { ratio, nodeRatio, minimumNodes }: PanicOptions,
): ReadonlySet<ServiceName> {
  if (atRisk.size + lost.size < minimumNodes || atRisk.size === 0 || share <= nodeRatio) return new Set();
  const counts = new Map<ServiceName, { losing: number; total: number }>();
  for (const node of nodes) {
    const isLosing = atRisk.has(node.name) || lost.has(node.name);
    // The node's own check is what is in question; of other nodes it counts.
    if (!isLosing && !allPassing(node.checks.values())) continue;
    for (const { service, checks } of node.instances.values()) {
      // One that failed by itself before is nobody's loss; of a lost node, its pods' checks followed the node.
      if (!lost.has(node.name) && !allPassing(checks.values())) continue;
      const count = counts.get(service) ?? { losing: 0, total: 0 };
      count.total += 1;
      if (isLosing) count.losing += 1;
      counts.set(service, count);
    }
  }
  const inPanic = new Set<ServiceName>();
  for (const [service, { losing, total }] of counts) if (losing > ratio * total) inPanic.add(service);
  return inPanic;
}

/** Which losses of health on a node are to be kept from Consul. */
export interface Keeping {
  /**
   * The node check stays as it was. Instances that are not kept then become critical by themselves: their
   * services can bear the loss.
   */
  readonly node: boolean;
  /** Instances that keep their health when they would lose it. */
  readonly instance: (instance: Instance) => boolean;
}

export interface Kept {
  readonly desired: DesiredNode;
  /** Instances that are better off in Consul than the cluster says. */
  readonly instances: readonly InstanceId[];
}

/**
 * The desired node with the last known health in place of a loss that is not to be believed yet. What is not
 * in Consul, or not passing there, has nothing to keep: it must not gain by a node check that is kept.
 */
export function keepLastKnown(
  desired: DesiredNode,
  observed: ObservedNode | undefined,
  keeping: Keeping,
): Kept {
  const { entry } = desired;
  // A node that any check keeps out of traffic has no health to keep.
  if (entry === undefined || observed === undefined || !allPassing(observed.checks.values())) {
    return { desired, instances: [] };
  }
  const isLost = ({ id, status }: Check) => status === 'critical' && observed.checks.has(id);
  const lost = keeping.node ? entry.checks.find(isLost) : undefined;
  const kept: InstanceId[] = [];
  /** What is shown otherwise than desired; undefined: not at all. */
  const others = new Map<InstanceId, Instance | undefined>();
  for (const instance of entry.instances.values()) {
    const { id } = instance;
    const before = observed.instances.get(id);
    const isKept = keeping.instance(instance) && before !== undefined && allPassing(before.checks.values());
    if (lost !== undefined && !isKept) {
      const failed = withReadiness(instance, () => ({ status: 'critical', output: `Node: ${lost.output}` }));
      if (failed !== undefined) others.set(id, failed);
      // A new one without a check would pass for healthy: it is registered later.
      else if (before === undefined && instance.checks.length === 0) others.set(id, undefined);
      continue;
    }
    // Somebody else may have removed its check: for consumers it passes since.
    const lastOf = ({ id: check }: Check) => before?.checks.get(check) ?? withoutCheck;
    const restored = isKept ? withReadiness(instance, lastOf) : undefined;
    if (isKept && (lost !== undefined || restored !== undefined)) kept.push(id);
    if (restored !== undefined) others.set(id, restored);
  }
  if (lost === undefined && others.size === 0) return { desired, instances: [] };
  const instances = new Map<InstanceId, Instance>();
  for (const [id, instance] of entry.instances) {
    const shown = others.has(id) ? others.get(id) : instance;
    if (shown !== undefined) instances.set(id, shown);
  }
  const checks = entry.checks.map((check) => {
    const old = observed.checks.get(check.id);
    return check === lost && old !== undefined ? withStatusOf(old, check) : check;
  });
  const shown: NodeEntry = { ...entry, checks, instances };
  return { desired: { ...desired, entry: shown }, instances: kept };
}

const withoutCheck = { status: 'passing', output: 'Kept as it was' } as const;

/** The instance with another status of its readiness check; undefined when that changes nothing. */
function withReadiness(
  instance: Instance,
  statusOf: (check: Check) => Pick<ObservedCheck, 'status' | 'output'> | undefined,
): Instance | undefined {
  const id = readinessCheckId(instance.id);
  const own = instance.checks.find((check) => check.id === id);
  const before = own && statusOf(own);
  if (own === undefined || before === undefined || own.status === before.status) return undefined;
  const checks = instance.checks.map((check) => (check === own ? withStatusOf(before, check) : check));
  return { ...instance, checks };
}
