import type { LoadedConfig } from '../../config/load.ts';
import { visible } from '../../lib/visible.ts';
import type { Instance } from '../../model/instance.ts';
import { consulClientOf } from '../../operator/parts.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import { compareTwins, placeKey, placesOf } from '../../plan/twins.ts';
import type { Connections } from '../connections.ts';
import type { CliContext } from '../context.ts';
import { snapshotOptions } from '../open.ts';
import { readCluster } from '../read-cluster.ts';
import { type Structure, structured } from '../structured.ts';
import { comparedLines, moreLines } from './check-text.ts';
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
import { type AgentNodes, type OnAgent, readAgentNodes, TheirPods } from './on-agents.ts';
import type { Registrar, TheirOrigin } from './registrar.ts';

export interface CheckOptions {
  readonly registrar: Registrar;
  readonly loaded: LoadedConfig;
  readonly connections: Connections;
  readonly output: 'text' | Structure;
  readonly timeoutMs: number;
}

/** Compares what the registrar has registered with what kube-registrar registers. Writes nothing, and asks no agent. */
export async function checkRegistrar(
  { registrar, loaded, connections, output, timeoutMs }: CheckOptions,
  context: CliContext,
): Promise<number> {
  const { stdout, signal } = context;
  const { snapshot, loaded: used } = await readCluster(
    loaded,
    connections,
    { timeoutMs, rename: false },
    context,
  );
  await using _registry = snapshot.registry;
  const client = consulClientOf(snapshotOptions(used, connections, timeoutMs));
  const found = await readAgentNodes(registrar, client, signal);
  const pods = theirPods(snapshot, used);
  const comparison = compare(registrar, found, pods, snapshot);
  stdout.write(output === 'text' ? textOf(registrar, comparison) : structured(comparison, output));
  return isAlike(comparison.summary) ? 0 : 2;
}

/** As the configuration shows them. */
export const theirPods = ({ stores }: Snapshot, { config: { kubernetes } }: LoadedConfig): TheirPods =>
  new TheirPods(stores, {
    isWhole: kubernetes.namespaces.length === 0 && kubernetes.podLabelSelector === undefined,
  });

/** How what a registrar has registered compares with what kube-registrar registers, for people and scripts. */
export interface RegistrarComparison {
  readonly program: string;
  /** Each instance with its marks that is of this cluster, by id. */
  readonly instances: readonly ComparedInstance[];
  /** Those that nothing shows to be of this cluster. */
  readonly elsewhere: readonly PlacedInstance[];
  readonly summary: TwinCounts & { readonly elsewhere: number };
}

function compare(
  registrar: Registrar,
  { theirs }: AgentNodes,
  pods: TheirPods,
  snapshot: Snapshot,
): RegistrarComparison {
  const ours = wantedInstances(snapshot);
  const { here, elsewhere } = partitionByCluster(theirs, ours, pods);
  const { compared = (instance: ObservedInstance) => instance } = registrar;
  const entryOf = new Map(here.map((entry) => [compared(entry.instance), entry] as const));
  const twins = compareTwins(entryOf.keys(), ours);
  const instances = twins.map((each) =>
    comparedInstance(each, {
      isStillThere: (one) => pods.presenceOf(entryOf.get(one)!) === 'there',
      whyMissing: (one) => whyMissing(entryOf.get(one)!.origin, snapshot),
    }),
  );
  return {
    program: registrar.name,
    instances,
    elsewhere: elsewhere.map(({ instance }) => placed(instance)),
    summary: { ...twinCounts(instances, twins, ours), elsewhere: elsewhere.length },
  };
}

function textOf({ marks, before = [] }: Registrar, { instances, summary }: RegistrarComparison): string {
  const lines = [
    ...comparedLines(instances, summary, marks),
    ...(summary.gone === 0 ? [] : [`${summary.gone} belong to pods that no longer exist.`]),
    ...elsewhereLines(summary.elsewhere),
    ...moreLines(summary),
    ...before,
  ];
  return lines.map((line) => `${visible(line)}\n`).join('');
}

export const elsewhereLines = (count: number): string[] =>
  count === 0
    ? []
    : [
        `${count} are left alone: neither a pod nor their agent's machine shows that they belong to this cluster.`,
      ];

/** Agents of several clusters may be in one datacenter, and so may several of the program. */
export function partitionByCluster(
  theirs: readonly OnAgent[],
  ours: Iterable<Instance | ObservedInstance>,
  pods: TheirPods,
): { readonly here: readonly OnAgent[]; readonly elsewhere: readonly OnAgent[] } {
  const places = placesOf<Instance | ObservedInstance>(ours);
  const isHere = (entry: OnAgent): boolean => {
    const { instance, node } = entry;
    const there = places.get(placeKey(instance, instance.address)) ?? [];
    return (
      pods.presenceOf(entry) === 'there' ||
      pods.isHost(node) ||
      there.some(({ port }) => port === instance.port)
    );
  };
  const { true: here = [], false: elsewhere = [] } = Object.groupBy(theirs, (entry) => `${isHere(entry)}`);
  return { here, elsewhere };
}

/** What the pod or Service that it comes from was refused for. */
function whyMissing({ namespace, pod, uid }: TheirOrigin, { nodes }: Snapshot): string {
  const problem = nodes
    .flatMap(({ desired }) => desired.problems)
    .filter(({ severity }) => severity === 'error')
    .find(({ object }) =>
      pod === ''
        ? object.kind === 'Service' && object.uid === uid
        : object.kind === 'Pod' && object.name === pod && ['', object.namespace].includes(namespace),
    );
  if (problem === undefined) return 'nothing asks for it';
  const { kind, name, namespace: within } = problem.object;
  return `${kind} ${within}/${name}: ${problem.message}`;
}
