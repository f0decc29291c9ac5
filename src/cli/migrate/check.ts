import type { Config } from '../../config/schema.ts';
import type { Instance } from '../../model/instance.ts';
import type { ConsulNodeName } from '../../model/keys.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import { compareTwins } from '../../plan/twins.ts';
import {
  type ComparedInstance,
  comparedInstance,
  isAlike,
  type PlacedInstance,
  placed,
  type TwinCounts,
  twinCounts,
  wantedInstances,
} from './compared-instance.ts';
import { isStillThere } from './still-there.ts';
import type { TheirNode } from './their-node.ts';

/** How what consul-k8s has registered compares with what kube-registrar registers, for people and scripts. */
export interface Comparison {
  /** The Consul node on which consul-k8s registers. */
  readonly node: ConsulNodeName;
  /** Each instance on it, by id. */
  readonly instances: readonly ComparedInstance[];
  /** Instances of kube-registrar that consul-k8s would remove while it runs: they have its tag and not its id. */
  readonly removed: readonly PlacedInstance[];
  readonly summary: ComparisonSummary;
}

export interface ComparisonSummary extends TwinCounts {
  readonly removed: number;
}

/** Compares one by one. Reads nothing but the snapshot. */
export function compareWithTheirs(theirs: TheirNode, snapshot: Snapshot, config: Config): Comparison {
  const ours = wantedInstances(snapshot);
  const twins = compareTwins(theirs.instances, ours);
  const instances = twins.map((each) =>
    comparedInstance(each, {
      isStillThere: (one) => isStillThere(one, snapshot.stores),
      whyMissing: (one) => whyMissing(one, snapshot),
    }),
  );
  const removed = removedByThem(theirs.instances, ours, config).map(placed);
  const summary = { ...twinCounts(instances, twins, ours), removed: removed.length };
  return { node: theirs.name, instances, removed, summary };
}

/** Whether consumers would find all that they find now. */
export const isEqual = ({ summary }: Comparison): boolean => isAlike(summary) && summary.removed === 0;

/** Instances that consul-k8s would remove as its own leftovers: it identifies these by tag and id. */
function removedByThem(
  theirs: readonly ObservedInstance[],
  ours: readonly Instance[],
  { compatibility: { consulK8s } }: Config,
): Instance[] {
  if (theirs.length === 0 || consulK8s.k8sTag === '') return [];
  const ids = new Set<string>(theirs.map(({ id }) => id));
  const names = new Set<string>(theirs.map(({ service }) => service));
  return ours.filter(
    ({ id, service, tags }) => names.has(service) && tags.includes(consulK8s.k8sTag) && !ids.has(id),
  );
}

/** What the Service that asks for the name was refused for. */
function whyMissing({ service, meta }: ObservedInstance, { nodes }: Snapshot): string {
  const namespace = meta['external-k8s-ns'];
  const stale = nodes.flatMap(({ desired }) => desired.stale);
  const asking = stale.filter(
    (source) => source.namespace === namespace && (source.service === '' || source.service === service),
  );
  const names = new Set(asking.map(({ kubeService }) => kubeService));
  const problem = nodes
    .flatMap(({ desired }) => desired.problems)
    .find(
      ({ object, severity }) =>
        severity === 'error' &&
        object.namespace === namespace &&
        object.kind === 'Service' &&
        names.has(object.name),
    );
  if (problem === undefined) return 'nothing asks for it';
  return `Service ${problem.object.namespace}/${problem.object.name}: ${problem.message}`;
}
