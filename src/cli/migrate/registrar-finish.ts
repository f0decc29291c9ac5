import type { LoadedConfig } from '../../config/load.ts';
import type { ConsulClient } from '../../consul/client.ts';
import type { KubeClient } from '../../kube/client.ts';
import { formatDuration } from '../../lib/duration.ts';
import { describe, RegistrarError } from '../../lib/errors.ts';
import { isOwned } from '../../model/owner.ts';
import { consulClientOf, consulHttpOf } from '../../operator/parts.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import { canAsk, confirm } from '../confirm.ts';
import type { Connections } from '../connections.ts';
import type { CliContext } from '../context.ts';
import { errorLine, warningLine } from '../messages.ts';
import { snapshotOptions } from '../open.ts';
import { readCluster } from '../read-cluster.ts';
import { agentOrigins } from './agent-origin.ts';
import { deregister } from './deregister.ts';
import { type OnAgent, readAgentNodes } from './on-agents.ts';
import type { Registrar } from './registrar.ts';
import { elsewhereLines, partitionByCluster, theirPods } from './registrar-check.ts';
import { planTwins, type TwinPlan, twinPlanText } from './twin-plan.ts';
import { workloadsThatRun } from './workloads.ts';

export interface FinishOptions {
  readonly registrar: Registrar;
  readonly loaded: LoadedConfig;
  readonly connections: Connections;
  readonly kube: KubeClient;
  readonly agentAddress: string | undefined;
  readonly yes: boolean;
  readonly syncIntervalMs: number;
  readonly timeoutMs: number;
}

/** An agent brings its change into the catalog at once, and tries again when that fails. */
const catalogFollowsMs = 30_000;
const lookAgainMs = 250;

/** It may have begun to register just before, and takes its time. */
const lookAfter = (syncIntervalMs: number): number => Math.ceil(syncIntervalMs * 1.2);

/**
 * Deregisters at each agent what the registrar has left there and a passing instance of kube-registrar stands in for.
 * Returns the exit code.
 */
export async function finishRegistrar(options: FinishOptions, context: CliContext): Promise<number> {
  const { registrar, loaded, connections, kube } = options;
  const { stdout, stderr, signal } = context;
  const { clock } = connections;
  const originOf = agentOrigins(options.agentAddress, loaded);
  const [running] = await workloadsThatRun(registrar, kube, signal);
  if (running !== undefined) {
    const message = `${running.kind} ${running.name} runs ${registrar.name}, which would register everything again; remove it first`;
    throw new RegistrarError('conflict', message);
  }
  const reading = { timeoutMs: options.timeoutMs, rename: false };
  const { snapshot, loaded: used } = await readCluster(loaded, connections, reading, context);
  await using _registry = snapshot.registry;
  const surroundings = snapshotOptions(used, connections, options.timeoutMs);
  const client = consulClientOf(surroundings);
  const decide = () => decideAll(registrar, snapshot, used, client, signal);

  const shown = await decide();
  stdout.write(twinPlanText(shown.plan));
  for (const line of elsewhereLines(shown.elsewhere.length)) stdout.write(`${line}\n`);
  const count = shown.removed.length;
  if (shown.plan.missing.length > 0) {
    stderr.write(
      errorLine(
        'nothing was removed, because consumers would lose instances without a counterpart; see "--check"',
      ),
    );
    return 1;
  }
  if (count === 0) return shown.plan.kept.length === 0 ? 0 : 1;
  if (!options.yes && !(await agreed(registrar.name, count, context))) return 1;

  // A person takes time: it is decided anew from what is there now.
  await snapshot.observed.readAll(signal);
  const last = await decide();
  const asShown = new Set(shown.removed.map(keyOf));
  if (last.plan.missing.length > 0 || last.removed.some((entry) => !asShown.has(keyOf(entry)))) {
    stderr.write(
      errorLine('nothing was removed, because the instances have changed in the meantime; run it again'),
    );
    return 1;
  }
  const failed = await deregister(
    last.removed,
    { api: consulHttpOf(surroundings), connect: connections.agents, originOf },
    signal,
  );
  for (const [node, error] of failed) {
    const left = last.removed.filter((entry) => entry.node.name === node).length;
    stderr.write(
      errorLine(
        `the agent of node "${node}" keeps its ${left} instances: ${describe(error)}; run this again when the agent answers`,
      ),
    );
  }
  const done = last.removed.filter(({ node }) => !failed.has(node.name));
  await untilGone(done, registrar, client, connections, signal);
  const lookAfterMs = lookAfter(options.syncIntervalMs);
  stdout.write(
    `Removed ${done.length}. Watching for ${formatDuration(lookAfterMs)} whether anything returns …\n`,
  );
  await clock.sleep(lookAfterMs, signal);
  const back = await stillThere(done, registrar, client, signal);
  if (back.length > 0) {
    throw new RegistrarError(
      'conflict',
      `${back.length} instances have returned: ${registrar.name} still runs somewhere; stop it, then run this again`,
    );
  }
  if (last.plan.kept.length > 0) {
    stderr.write(
      warningLine(
        `${last.plan.kept.length} instances remain; run it again when those of kube-registrar pass`,
      ),
    );
  }
  if (last.plan.kept.length > 0 || failed.size > 0) return 1;
  stdout.write('Nothing is left.\n');
  return 0;
}

interface Decision {
  readonly plan: TwinPlan;
  readonly removed: readonly OnAgent[];
  readonly elsewhere: readonly OnAgent[];
}

/** Decides from what consumers find in the catalog. */
async function decideAll(
  registrar: Registrar,
  snapshot: Snapshot,
  loaded: LoadedConfig,
  client: ConsulClient,
  signal: AbortSignal,
): Promise<Decision> {
  const found = await readAgentNodes(registrar, client, signal);
  const registered =
    loaded.config.registration.mode === 'catalog'
      ? [...snapshot.observed.nodes()]
      : found.nodes.map((node) => ownPart(node, snapshot.owner));
  const own = registered.flatMap(({ instances }) => [...instances.values()]);
  const pods = theirPods(snapshot, loaded);
  const { here, elsewhere } = partitionByCluster(found.theirs, own, pods);
  const entryOf = new Map(here.map((entry) => [entry.instance, entry]));
  const plan = planTwins([...entryOf.keys()], registered, (instance) =>
    pods.presenceOf(entryOf.get(instance)!),
  );
  return { plan, removed: plan.removed.map(({ instance }) => entryOf.get(instance)!), elsewhere };
}

/** Operators of several clusters may use the agents of one datacenter. */
const ownPart = (node: ObservedNode, owner: Snapshot['owner']): ObservedNode => ({
  ...node,
  instances: new Map([...node.instances].filter(([, { meta }]) => isOwned(meta, owner))),
});

const keyOf = ({ node, instance }: OnAgent): string => `${node.name}\0${instance.id}`;

/** Waits until the catalog has lost them. Rejects with `unavailable` when it has not in time. */
async function untilGone(
  removed: readonly OnAgent[],
  registrar: Registrar,
  client: ConsulClient,
  { clock }: Connections,
  signal: AbortSignal,
): Promise<void> {
  const end = clock.now() + catalogFollowsMs;
  for (;;) {
    const left = await stillThere(removed, registrar, client, signal);
    if (left.length === 0) return;
    if (clock.now() > end) {
      const names = [...new Set(left.map(({ node }) => `"${node.name}"`))].join(', ');
      throw new RegistrarError(
        'unavailable',
        `the catalog still has ${left.length} instances that were deregistered at the agents of ${names}; check the logs of these agents, then run this again`,
      );
    }
    await clock.sleep(lookAgainMs, signal);
  }
}

async function stillThere(
  removed: readonly OnAgent[],
  registrar: Registrar,
  client: ConsulClient,
  signal: AbortSignal,
): Promise<readonly OnAgent[]> {
  if (removed.length === 0) return [];
  const names = new Set(removed.map(({ node }) => node.name));
  const { theirs } = await readAgentNodes(registrar, client, signal, names);
  const there = new Set(theirs.map(keyOf));
  return removed.filter((entry) => there.has(keyOf(entry)));
}

async function agreed(name: string, count: number, context: CliContext): Promise<boolean> {
  const { stderr } = context;
  if (!canAsk(context)) {
    stderr.write(errorLine('nothing was removed: use --yes, or confirm on a terminal'));
    return false;
  }
  if (await confirm(`Type "${name}" to deregister ${count} instances: `, name, context)) return true;
  stderr.write(errorLine('not confirmed; nothing was removed'));
  return false;
}
