import type { LoadedConfig } from '../config/load.ts';
import { describe, RegistrarError } from '../lib/errors.ts';
import { visible } from '../lib/visible.ts';
import { consulClientOf } from '../operator/parts.ts';
import { takeConsulSnapshot } from '../operator/snapshot.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { isOwnInstance } from '../plan/ownership.ts';
import { type NodePlan, plan, type Step } from '../plan/plan.ts';
import { renderText } from '../plan/render.ts';
import { EpochKey } from '../registry/catalog/fence-epoch.ts';
import { heartbeatNodes, removeHeartbeatNode } from '../registry/catalog/heartbeat-node.ts';
import type { ObservedState } from '../registry/observed-state.ts';
import { removeNodes, unwanted } from '../registry/remove-nodes.ts';
import type { ConfigOptions } from './config-options.ts';
import { canAsk, confirm } from './confirm.ts';
import type { Connect, Connections } from './connections.ts';
import type { CliContext } from './context.ts';
import { errorLine, warningLine } from './messages.ts';
import { loadWithWarnings, snapshotOptions, wantsColour, warnOfUnread } from './open.ts';
import { runningLeader } from './running-leader.ts';
import { sayingWhatWasTried } from './tried-server.ts';

export interface PurgeCommandOptions extends ConfigOptions {
  readonly yes: boolean;
  /** Undefined: the uid of the cluster that the API server belongs to. */
  readonly clusterUid: string | undefined;
  /** Names of Consul nodes, a `*` at the end standing for anything. Empty: all. */
  readonly nodes: readonly string[];
  readonly timeoutMs: number;
}

/** How long after the removal to wait for a running operator to register again: it repairs within seconds. */
const lookAfterMs = 5_000;

const warning =
  'A running operator of this cluster would register everything again: stop it first\n' +
  '(kubectl scale --replicas=0, or helm uninstall).\n';

/**
 * `kube-registrar purge`: removes from Consul what the cluster owns, the key of its leaders included, after
 * showing it; nodes on which somebody else has a service stay, with that service. Returns the exit code: 0 when
 * nothing of the cluster is left, 1 when it was not confirmed, something stayed or an agent could not be read. Rejects
 * with ConfigError, with `conflict` beside a running operator, or with what could not be read.
 */
export async function purge(
  options: PurgeCommandOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const { stdout, stderr, signal } = context;
  const loaded = withUid(await loadWithWarnings(options, context), options.clusterUid);
  const { cluster, registration } = loaded.config;
  // With agents, their addresses come from the cluster.
  const needsCluster = cluster.uid === undefined || registration.mode === 'agent';
  await using connections = await connect(loaded, { kube: needsCluster });
  const surroundings = snapshotOptions(loaded, connections, options.timeoutMs);
  // Nodes of another cluster name may be removed beside an operator, which does not register them again.
  if (needsCluster && options.clusterUid === undefined && options.nodes.length === 0) {
    await sayingWhatWasTried(connections, () => refuseBesideLeader(loaded, connections, context));
  }
  const snapshot = await sayingWhatWasTried(connections, () => takeConsulSnapshot(surroundings, signal));
  await using registry = snapshot.registry;
  warnOfUnread(snapshot, context);
  const { owner, observed } = snapshot;
  // An agent keeps its node even without instances.
  const owned = (): ObservedNode[] =>
    [...observed.nodes()].filter(
      (node) => matches(node.name, options.nodes) && (observed.features.ownsNodes || hasOwnInstance(node)),
    );

  // Leaders still need the key when only some nodes go; with agents there is none.
  const isWhole = options.nodes.length === 0 && observed.features.ownsNodes;
  const client = consulClientOf(surroundings);
  const key = isWhole ? new EpochKey(client, owner) : undefined;
  const operators = isWhole ? await heartbeatNodes(client, owner, signal) : [];

  const inputs = owned().map((node) => ({ desired: unwanted(node.name), observed: node }));
  const { nodes, problems, summary } = plan(inputs, { owner, features: observed.features });
  if (summary.remove === 0 && operators.length === 0 && !(await key?.index(signal))) {
    stdout.write(`Nothing to remove: Consul has no entries of cluster ${owner}.\n`);
    return snapshot.unread.size === 0 ? 0 : 1;
  }
  const shown = { nodes: nodes.map((each) => withInstances(each, observed)), problems, summary };
  stdout.write(renderText(shown, { colour: wantsColour(context) }));
  if (key !== undefined) stdout.write(`- key ${key.name}, if there is one\n`);
  for (const name of operators) stdout.write(`- node ${visible(name)}, the operator's own entry\n`);
  stdout.write(`\n${warning}`);
  if (!options.yes) {
    const phrase = options.clusterUid ?? cluster.name;
    if (!canAsk(context)) {
      stderr.write(errorLine('nothing was removed: use --yes, or confirm on a terminal'));
      return 1;
    }
    const instances = owned().reduce((sum, node) => sum + node.instances.size, 0);
    const what = `${instances} instances on ${inputs.length} nodes`;
    if (!(await confirm(`Type "${phrase}" to remove ${what} from Consul: `, phrase, context))) {
      stderr.write(errorLine('not confirmed; nothing was removed'));
      return 1;
    }
  }

  const { clock, random } = connections;
  const { left } = await removeNodes(owned(), { registry, owner, clock, random }, signal);
  for (const [name, error] of left) stderr.write(errorLine(`node ${name}: ${describe(error)}`));
  if (left.size > 0) {
    stderr.write(errorLine('not everything was removed; run it again'));
    return 1;
  }
  for (const name of operators) await removeHeartbeatNode(client, name, owner, signal);
  stdout.write(`Removed. Watching for ${lookAfterMs / 1_000} s whether anything returns …\n`);
  await clock.sleep(lookAfterMs, signal);
  await observed.readAll(signal);
  const back = owned().filter(hasOwnInstance);
  if (back.length > 0) {
    throw new RegistrarError(
      'conflict',
      `${back.length} nodes are registered again (${back[0]!.name} …): an operator of this cluster is running; stop it first, then purge again`,
    );
  }
  if (key !== undefined && !(await removed(key, signal))) {
    stderr.write(
      warningLine(
        `the token may not write the key ${key.name}; if the key exists, remove it with: consul kv delete ${key.name}`,
      ),
    );
  }
  const stay = owned().length;
  stdout.write(
    stay === 0 ? 'Nothing is left.\n' : `${stay} nodes stay, because other programs have services on them.\n`,
  );
  return snapshot.unread.size === 0 ? 0 : 1;
}

/** False when the token may not remove it. */
async function removed(key: EpochKey, signal: AbortSignal): Promise<boolean> {
  const index = await key.index(signal);
  return index !== undefined && (await key.remove(index, signal));
}

/** Rejects with `conflict` when an operator holds the Lease, which would register everything again. */
async function refuseBesideLeader(
  { config }: LoadedConfig,
  connections: Connections,
  { stderr, signal }: CliContext,
): Promise<void> {
  let leader: string | undefined;
  try {
    leader = await runningLeader(config, connections, signal);
  } catch (thrown) {
    if (RegistrarError.from(thrown).code !== 'forbidden') throw thrown;
    stderr.write(warningLine(`cannot find out whether an operator is running: ${describe(thrown)}`));
  }
  if (leader === undefined) return;
  throw new RegistrarError(
    'conflict',
    `an operator of this cluster is running (${leader} holds the Lease) and would register everything again; nothing was removed: stop it first with kubectl scale --replicas=0 or helm uninstall`,
  );
}

/** With a node go its instances, which the plan leaves out. */
function withInstances({ node, steps, findings }: NodePlan, observed: ObservedState): NodePlan {
  const instances = [...(observed.node(node)?.instances.values() ?? [])].filter(isOwnInstance);
  const all = steps.flatMap((step) =>
    step.entry === 'node' && step.verb === 'remove'
      ? [step, ...instances.map(({ id, service }): Step => ({ ...step, entry: 'instance', id, service }))]
      : [step],
  );
  return { node, steps: all, findings };
}

function withUid(loaded: LoadedConfig, uid: string | undefined): LoadedConfig {
  if (uid === undefined) return loaded;
  const { config } = loaded;
  return { ...loaded, config: { ...config, cluster: { ...config.cluster, uid } } };
}

function matches(name: string, patterns: readonly string[]): boolean {
  return (
    patterns.length === 0 ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  );
}

const hasOwnInstance = ({ instances }: ObservedNode): boolean => {
  for (const instance of instances.values()) if (isOwnInstance(instance)) return true;
  return false;
};
