import { podOf } from '../desired/identity.ts';
import type { ObjectRef, Problem } from '../model/problem.ts';
import type { StaleInstance } from '../plan/finding.ts';

export const nameOf = ({ namespace, name }: ObjectRef): string =>
  namespace === '' ? name : `${namespace}/${name}`;

/**
 * The pods of one ReplicaSet, DaemonSet, StatefulSet or Job by the part of their names that they share:
 * `shop/web-6d5f-*`. Their names end in a number or in five characters without vowels, which Kubernetes chooses.
 */
const sharedName = (pod: string): string => pod.replace(/-(?:[bcdfghjklmnpqrstvwxz2456789]{5}|\d+)$/, '-*');

/** What stands in the log for all replicas: their pods together, any other object for itself. */
export const replicasOf = (object: ObjectRef): string =>
  object.kind === 'Pod' ? sharedName(nameOf(object)) : nameOf(object);

/** Equal for one mistake of all replicas of a workload. */
export const problemOfReplicas = ({ object, ...problem }: Problem) => ({
  ...problem,
  kind: object.kind,
  replicas: replicasOf(object),
});

/** Equal for all replicas of a workload that are kept as they were. */
export const staleReplicas = ({ kind, instance, service }: StaleInstance) => ({
  kind,
  service,
  replicas: sharedName(podOf(instance) ?? instance),
});
