import type { EvidenceView } from './evidence.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from './observed.ts';

// A pod that ends while nobody watches is merely absent afterwards: so are all that a rollout replaced while
// the registrar was restarted. What tells this from a loss of data is that somebody has made others in their
// place, and that these work.
//
// Why that is safe. What is counted are pods
//
// - that this process has never seen. One that it has seen, and that is gone without having been seen ending,
//   went behind the API's back, or with a part of the history: that is held, whoever takes its place;
// - whose absence a second, consistent read confirms;
// - in whose place stand as many younger pods, ready, on nodes that are Ready, and committed in Consul as
//   passing. Younger: an etcd that was restored from a backup shows pods as ready that ended long ago, but none
//   that is younger than what was registered after the backup, until a kubelet has really started one;
// - beyond those their service had anyway: pods that were registered before replace nobody.
//
// So a consumer finds at least as many healthy instances as before, and every one that goes is one the API
// server does not know, which its kubelet stops as soon as it hears of that.

/** Instances of one service and one namespace: what stands in for each other. */
export interface RenewalGroup {
  /** Instances in service when this process began to write, those that are missing now included. */
  readonly before: number;
  /** Those whose pods are gone without an explanation, also those that went already. */
  readonly missing: readonly MissingInstance[];
  /** Those in service now: when their pods were created, wall-clock ms. */
  readonly ready: readonly number[];
}

export interface MissingInstance {
  /** When its pod was created, wall-clock ms; 0 when that is not known: then nothing is younger. */
  readonly createdAt: number;
  /** Consumers find it. */
  readonly inService: boolean;
}

/** How many of the missing have been replaced. */
export function renewed({ before, missing, ready }: RenewalGroup): number {
  const youngest = Math.max(...missing.map(({ createdAt }) => createdAt || Number.POSITIVE_INFINITY));
  const younger = ready.filter((createdAt) => createdAt > youngest).length;
  const others = Math.max(0, before - missing.filter(({ inService }) => inService).length);
  return Math.max(0, Math.min(missing.length, younger, ready.length - others));
}

/** What is one group: instances of a Consul service from one namespace. */
export const groupOf = ({ service, meta }: Pick<ObservedInstance, 'service' | 'meta'>): string =>
  `${meta['kube-namespace'] ?? ''}/${service}`;

/** When the pod of a registered instance was created, wall-clock ms; 0 when Consul does not tell. */
export const createdAtOf = ({ meta }: Pick<ObservedInstance, 'meta'>): number =>
  Date.parse(meta['kube-pod-created'] ?? '') || 0;

/** Whether consumers find an instance. */
export const isInService = (node: ObservedNode, instance: ObservedInstance): boolean =>
  allPassing(node.checks) && allPassing(instance.checks);

/** Instances in service by group, as Consul has them. */
export function countInService(nodes: Iterable<ObservedNode>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    if (!allPassing(node.checks)) continue;
    for (const instance of node.instances.values()) {
      if (!allPassing(instance.checks)) continue;
      const group = groupOf(instance);
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * When the pods of these groups' instances were created, as far as they are in service and the cluster, too,
 * calls them ready.
 */
export function readyPods(
  nodes: Iterable<ObservedNode>,
  groups: ReadonlySet<string>,
  view: Pick<EvidenceView, 'pod'>,
): Map<string, number[]> {
  const found = new Map<string, number[]>();
  if (groups.size === 0) return found;
  // Most instances are of others: they cost a look into a set and no text.
  const services = new Set([...groups].map((group) => group.slice(group.indexOf('/') + 1)));
  for (const node of nodes) {
    if (!allPassing(node.checks)) continue;
    for (const instance of node.instances.values()) {
      if (!services.has(instance.service)) continue;
      const group = groupOf(instance);
      if (!groups.has(group) || !allPassing(instance.checks)) continue;
      const { meta } = instance;
      const pod = view.pod(meta['kube-namespace'] ?? '', meta['kube-pod'] ?? '');
      if (pod === undefined || pod.uid !== meta['kube-pod-uid'] || !pod.ready || pod.deleting) continue;
      const created = found.get(group);
      if (created === undefined) found.set(group, [pod.createdAt]);
      else created.push(pod.createdAt);
    }
  }
  return found;
}

function allPassing(checks: ReadonlyMap<unknown, ObservedCheck>): boolean {
  for (const { status } of checks.values()) if (status !== 'passing') return false;
  return true;
}
