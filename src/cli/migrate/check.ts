import type { Config } from '../../config/schema.ts';
import type { Instance } from '../../model/instance.ts';
import type { ConsulNodeName, InstanceId } from '../../model/keys.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import { compareTwins, type Twins } from '../../plan/twins.ts';
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

export interface PlacedInstance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly id: InstanceId;
}

export interface ComparedInstance extends PlacedInstance {
  /** `gone`: kube-registrar has none, and the cluster has the endpoint no more. */
  readonly outcome: 'matches' | 'differs' | 'missing' | 'gone';
  /** Id of that of kube-registrar; undefined: there is none. */
  readonly ours: InstanceId | undefined;
  /** What consumers would find changed. */
  readonly differences: readonly string[];
  /** Why that of kube-registrar would not pass although this one does; undefined: it would pass, too. */
  readonly losesHealth: string | undefined;
  /** Why kube-registrar would not register it; undefined unless it is missing. */
  readonly whyMissing: string | undefined;
}

export interface ComparisonSummary {
  readonly matching: number;
  readonly differing: number;
  readonly losingHealth: number;
  readonly missing: number;
  readonly gone: number;
  readonly removed: number;
  /** Instances of kube-registrar without a counterpart. */
  readonly more: number;
}

/** Compares one by one. Reads nothing but the snapshot. */
export function compareWithTheirs(theirs: TheirNode, snapshot: Snapshot, config: Config): Comparison {
  const ours = wantedInstances(snapshot);
  const twins = compareTwins(theirs.instances, ours);
  const instances = twins.map((each) => comparedInstance(each, snapshot));
  const matched = new Set(twins.flatMap((each) => each.ours ?? []));
  const removed = removedByThem(theirs.instances, ours, config).map(placed);
  const count = (fits: (instance: ComparedInstance) => boolean): number => instances.filter(fits).length;
  const summary = {
    matching: count(({ outcome }) => outcome === 'matches'),
    differing: count(({ differences }) => differences.length > 0),
    losingHealth: count(({ losesHealth }) => losesHealth !== undefined),
    missing: count(({ outcome }) => outcome === 'missing'),
    gone: count(({ outcome }) => outcome === 'gone'),
    removed: removed.length,
    more: ours.filter((instance) => !matched.has(instance)).length,
  };
  return { node: theirs.name, instances, removed, summary };
}

/** Whether consumers would find all that they find now. */
export const isEqual = ({ summary }: Comparison): boolean =>
  summary.differing + summary.losingHealth + summary.missing + summary.removed === 0;

function comparedInstance(
  { theirs, ours, differences, losesHealth }: Twins,
  snapshot: Snapshot,
): ComparedInstance {
  const common = { ...placed(theirs), ours: ours?.id, differences, losesHealth };
  if (ours === undefined) {
    return isStillThere(theirs, snapshot.stores)
      ? { ...common, outcome: 'missing', whyMissing: whyMissing(theirs, snapshot) }
      : { ...common, outcome: 'gone', whyMissing: undefined };
  }
  const isSame = differences.length === 0 && losesHealth === undefined;
  return { ...common, outcome: isSame ? 'matches' : 'differs', whyMissing: undefined };
}

const placed = ({ service, address, port, id }: PlacedInstance): PlacedInstance => ({
  service,
  address,
  port,
  id,
});

const wantedInstances = ({ nodes }: Snapshot): Instance[] =>
  nodes.flatMap(({ desired: { entry } }) => [...(entry?.instances.values() ?? [])]);

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
