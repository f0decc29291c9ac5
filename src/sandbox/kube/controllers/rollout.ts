import type { Deployment } from './shapes.ts';

/** One ReplicaSet of a Deployment, as a rollout counts it. */
export interface Replicas {
  readonly name: string;
  /** What its spec asks for. */
  readonly desired: number;
  /** How many of its pods are available. */
  readonly available: number;
  /** Pods that are not being deleted. */
  readonly current: number;
}

/** `25%` of the total or a number; rounded up for the surge, down for what may be unavailable. */
export function resolve(value: number | string, total: number, round: (n: number) => number): number {
  return typeof value === 'number' ? value : round((total * Number.parseInt(value, 10)) / 100);
}

/** How many pods a rolling update leaves available at any time. */
export function leastAvailable({
  replicas,
  strategy,
}: Pick<Deployment['spec'], 'replicas' | 'strategy'>): number {
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy.rollingUpdate ?? {};
  const surge = resolve(maxSurge, replicas, Math.ceil);
  // Both 0 would never move; then one may be missing.
  return replicas - (resolve(maxUnavailable, replicas, Math.floor) || (surge === 0 ? 1 : 0));
}

/**
 * How many replicas each ReplicaSet should have next, by name; those that stay are left out. `newest` has the
 * current template, `old` the others, the oldest first. The arithmetic is the Deployment controller's:
 * never more than replicas + maxSurge pods, never fewer than replicas − maxUnavailable available ones.
 */
export function nextReplicas(
  { replicas, strategy }: Deployment['spec'],
  newest: Replicas,
  old: readonly Replicas[],
): ReadonlyMap<string, number> {
  const next = new Map<string, number>();
  if (strategy.type === 'Recreate') {
    for (const set of old) if (set.desired > 0) next.set(set.name, 0);
    const gone = old.every((set) => set.desired === 0 && set.current === 0);
    if (gone && newest.desired !== replicas) next.set(newest.name, replicas);
    return next;
  }
  const surge = resolve(strategy.rollingUpdate?.maxSurge ?? '25%', replicas, Math.ceil);
  const total = sum([newest, ...old], ({ desired }) => desired);
  if (newest.desired > replicas) next.set(newest.name, replicas);
  else if (newest.desired < replicas) {
    const room = Math.max(0, replicas + surge - total);
    const grown = newest.desired + Math.min(room, replicas - newest.desired);
    if (grown !== newest.desired) next.set(newest.name, grown);
  }
  const least = leastAvailable({ replicas, strategy });
  const newUnavailable = Math.max(0, newest.desired - newest.available);
  let removable = Math.max(0, total - least - newUnavailable);
  const left = new Map(old.map((set) => [set.name, set.desired]));
  const shrink = (set: Replicas, by: number) => {
    const count = Math.min(by, left.get(set.name) ?? 0);
    left.set(set.name, (left.get(set.name) ?? 0) - count);
    return count;
  };
  // Old pods that serve nobody go first.
  for (const set of old)
    removable -= shrink(set, Math.min(removable, Math.max(0, set.desired - set.available)));
  let spare = sum([newest, ...old], ({ available }) => available) - least;
  for (const set of old) {
    const count = shrink(set, Math.max(0, Math.min(spare, removable)));
    spare -= count;
    removable -= count;
  }
  for (const set of old) if (left.get(set.name) !== set.desired) next.set(set.name, left.get(set.name) ?? 0);
  return next;
}

const sum = (sets: readonly Replicas[], value: (set: Replicas) => number) =>
  sets.reduce((total, set) => total + value(set), 0);
