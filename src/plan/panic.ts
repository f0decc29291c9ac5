import { ById } from '../lib/by-id.ts';
import { type Check, readinessCheckId } from '../model/check.ts';
import type { DesiredNode, StaleSource } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { allPassing, withStatusOf } from './health.ts';
import { followedCheck, staleSourceOf } from './kept.ts';
import type { ObservedCheck, ObservedNode } from './observed.ts';

export interface PanicOptions {
  /** Above this share of a service's passing instances, a loss because of their nodes is held. Default 0.5. */
  readonly ratio: number;
  /** And above this share of the cluster's nodes. Default 0.3. */
  readonly nodeRatio: number;
  /** With fewer lost nodes than this it is an ordinary loss. Default 2. */
  readonly minimumNodes: number;
}

/** Nodes whose loss of health is in doubt. */
export interface NodeLosses {
  /** Not Ready, and not yet critical in Consul. */
  readonly atRisk: ReadonlySet<ConsulNodeName>;
  /** Made critical in Consul by us within the window. */
  readonly lost: ReadonlySet<ConsulNodeName>;
  /** Share of the cluster's nodes, 0 to 1, that became not Ready a short while ago. */
  readonly share: number;
}

/**
 * The services that would lose more than their share of passing instances because of their nodes. Nothing is in panic
 * unless the lost nodes are also a large share of the cluster, which is then more likely cut off than broken: two
 * dead nodes of twenty are two dead nodes. Nodes lost within the window count as if they were still at risk, so that
 * nodes that are lost one by one add up.
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
    // The check of a node at risk is what is in doubt. On other nodes it counts.
    if (!isLosing && !allPassing(node.checks.values())) continue;
    for (const { service, checks } of node.instances.values()) {
      // An instance that failed before is not a loss. On a lost node the pods' checks have followed the node.
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

/** An instance that would lose its health, with the checks that it would have. */
export type Losing = Pick<Instance, 'id' | 'service' | 'meta' | 'checks'>;

/** Which losses of health on a node are not written to Consul. */
export interface Keeping {
  /**
   * The node check stays as it was. Instances that are not kept become critical by their own check: their services
   * can bear the loss.
   */
  readonly node: boolean;
  /** Whether an instance keeps its health when it would lose it. */
  readonly instance: (instance: Losing) => boolean;
  /** The instances that may lose their health; the others are in Consul as wanted. Default: all. */
  readonly among?: ReadonlySet<InstanceId> | undefined;
}

export interface Kept {
  readonly desired: DesiredNode;
  /** Instances with a better status in Consul than in the cluster. */
  readonly instances: readonly InstanceId[];
}

/**
 * The desired node with the last known health in place of a loss that is held. An instance that is not in Consul, or
 * not passing there, has nothing to keep: a kept node check must not improve it.
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
  const lost = keeping.node ? entry.checks.find(({ status }) => status === 'critical') : undefined;
  const kept: InstanceId[] = [];
  /** Instances that differ from the desired ones; undefined: left out. */
  const others = new Map<InstanceId, Instance | undefined>();
  for (const id of keeping.among ?? entry.instances.keys()) {
    const instance = entry.instances.get(id);
    if (instance === undefined) continue;
    const before = observed.instances.get(id);
    const isKept = keeping.instance(instance) && before !== undefined && allPassing(before.checks.values());
    if (lost !== undefined && !isKept) {
      const failed = withReadiness(instance, () => ({ status: 'critical', output: `Node: ${lost.output}` }));
      if (failed !== undefined) others.set(id, failed);
      // A new instance without a check would count as passing; it is registered later.
      else if (before === undefined && instance.checks.length === 0) others.set(id, undefined);
      continue;
    }
    if (!isKept) continue;
    // Somebody else may have removed its check; it has passed for consumers since.
    const restored = withReadiness(instance, ({ id: check }) => before.checks.get(check) ?? withoutCheck);
    if (lost !== undefined || restored !== undefined) kept.push(id);
    if (restored !== undefined) others.set(id, restored);
  }
  const alone = leftAlone(desired, observed, keeping);
  if (lost === undefined && others.size === 0 && alone === undefined) return { desired, instances: [] };
  const instances = ById.of(entry.instances).with(others);
  // Another program may have removed the node's check, too.
  const checks = entry.checks.map((check) =>
    check === lost ? withStatusOf(observed.checks.get(check.id) ?? withoutCheck, check) : check,
  );
  const shown: NodeEntry = { ...entry, checks, instances };
  const { instances: stay = [], ...parts } = alone ?? {};
  return { desired: { ...desired, ...parts, entry: shown }, instances: [...kept, ...stay] };
}

/**
 * What is not wanted and stays all the same, because its annotations are wrong or another takes its place, follows the
 * health of what is behind it. The checks whose loss is held are left alone; undefined when there is none.
 */
function leftAlone(
  { entry, stale, handedOver }: DesiredNode,
  observed: ObservedNode,
  keeping: Keeping,
): (Pick<DesiredNode, 'stale' | 'handedOver'> & Pick<Kept, 'instances'>) | undefined {
  if (stale.length === 0 && handedOver === undefined) return undefined;
  const sources: StaleSource[] = [];
  const handed = new Map(handedOver);
  const instances: InstanceId[] = [];
  for (const instance of observed.instances.values()) {
    const { id } = instance;
    if (entry?.instances.has(id) || !allPassing(instance.checks.values())) continue;
    const handover = handedOver?.get(id);
    const source = staleSourceOf(instance, stale);
    const followed = handover ?? source;
    const check = followed && followedCheck(instance, followed);
    if (check === undefined || check.status === 'passing') continue;
    if (!keeping.instance({ ...instance, checks: [check] })) continue;
    instances.push(id);
    if (handover !== undefined) handed.set(id, { ...handover, check: undefined });
    else if (source !== undefined) sources.push({ ...source, instance: id, check: undefined });
  }
  if (instances.length === 0) return undefined;
  return { instances, stale: [...sources, ...stale], ...(handedOver && { handedOver: handed }) };
}

const withoutCheck = { status: 'passing', output: 'Kept as it was' } as const;

/** The instance with another status of its readiness check; undefined when nothing changes. */
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
