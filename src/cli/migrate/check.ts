import type { Config } from '../../config/schema.ts';
import { visible } from '../../lib/visible.ts';
import type { Instance } from '../../model/instance.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import { compareTwins, type Twins } from '../../plan/twins.ts';
import { isStillThere } from './still-there.ts';
import type { TheirNode } from './their-node.ts';

/** How what consul-k8s has registered compares with what kube-registrar registers, for people. */
export interface Comparison {
  readonly lines: readonly string[];
  readonly isEqual: boolean;
}

/** Compares one by one. Reads nothing but the snapshot. */
export function compareWithTheirs(theirs: TheirNode, snapshot: Snapshot, config: Config): Comparison {
  const ours = wantedInstances(snapshot);
  const twins = compareTwins(theirs.instances, ours);
  const [alive, gone] = partition(
    twins,
    ({ ours: twin, theirs: one }) => twin !== undefined || isStillThere(one, snapshot.stores),
  );
  const missing = alive.filter((each) => each.ours === undefined);
  const differing = alive.filter(({ differences }) => differences.length > 0);
  const losing = alive.filter(({ losesHealth }) => losesHealth !== undefined);
  const removed = removedByThem(theirs.instances, ours, config);
  const matching = alive.filter(
    (each) => each.ours !== undefined && each.differences.length === 0 && each.losesHealth === undefined,
  );
  const matched = new Set(alive.flatMap((each) => each.ours ?? []));
  const more = ours.filter((instance) => !matched.has(instance)).length;
  const lines = [
    `${matching.length} of ${alive.length} instances on node "${theirs.name}" match.`,
    ...section(differing, 'differ', ({ differences }) => differences.join('; ')),
    ...section(losing, 'would not pass any more', ({ losesHealth = '' }) => losesHealth),
    ...section(missing, 'would not be registered', (each) => whyMissing(each.theirs, snapshot)),
    ...(removed.length === 0
      ? []
      : [
          `${removed.length} would be removed by consul-k8s while it runs: they have its tag and not its id; set compatibility.consulK8s.ids`,
          ...removed.map((instance) => `  ${placeText(instance)}: ${instance.id}`),
        ]),
    ...(gone.length === 0 ? [] : [`${gone.length} are of pods or Services that are gone.`]),
    ...(more === 0 ? [] : [`${more} more are registered by kube-registrar.`]),
  ];
  return {
    lines: lines.map(visible),
    isEqual: differing.length + losing.length + missing.length + removed.length === 0,
  };
}

const wantedInstances = ({ nodes }: Snapshot): Instance[] =>
  nodes.flatMap(({ desired: { entry } }) => [...(entry?.instances.values() ?? [])]);

function section(some: readonly Twins[], what: string, why: (twins: Twins) => string): string[] {
  if (some.length === 0) return [];
  return [`${some.length} ${what}:`, ...some.map((each) => `  ${placeText(each.theirs)}: ${why(each)}`)];
}

export const placeText = ({
  service,
  address,
  port,
}: Pick<Instance, 'service' | 'address' | 'port'>): string =>
  `${service} at ${address.includes(':') ? `[${address}]` : address}:${port}`;

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

function partition<Item>(items: readonly Item[], fits: (item: Item) => boolean): readonly [Item[], Item[]] {
  return [items.filter(fits), items.filter((item) => !fits(item))];
}
