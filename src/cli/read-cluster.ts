import type { LoadedConfig } from '../config/load.ts';
import { RegistrarError } from '../lib/errors.ts';
import { originOf } from '../model/origin.ts';
import { type Snapshot, takeSnapshot } from '../operator/snapshot.ts';
import { isOwnInstance, nodeOwnership } from '../plan/ownership.ts';
import type { Connections } from './connections.ts';
import type { CliContext } from './context.ts';
import { warningLine } from './messages.ts';
import { snapshotOptions, warnOfUnread } from './open.ts';
import { sayingWhatWasTried } from './tried-server.ts';

export interface ReadClusterOptions {
  readonly timeoutMs: number;
  /** Whether the configured name may differ from the one that Consul has of this cluster. */
  readonly rename: boolean;
}

export interface ReadCluster {
  readonly snapshot: Snapshot;
  /** With the name that is used. */
  readonly loaded: LoadedConfig;
}

/**
 * Reads the cluster and Consul for a command. A name that nobody has configured is taken from Consul, which may hold
 * the cluster, known by its uid, under another one: otherwise all of it would seem to be missing. Rejects with
 * `conflict` when a name was configured and Consul has another, as takeSnapshot(), and says which servers were tried.
 */
export async function readCluster(
  loaded: LoadedConfig,
  connections: Connections,
  { timeoutMs, rename }: ReadClusterOptions,
  context: CliContext,
): Promise<ReadCluster> {
  const read = (from: LoadedConfig): Promise<Snapshot> =>
    sayingWhatWasTried(connections, () =>
      takeSnapshot(snapshotOptions(from, connections, timeoutMs), context.signal),
    );
  const first = await read(loaded);
  let name: string | undefined;
  try {
    name = rename ? undefined : adoptedName(first, loaded);
  } catch (thrown) {
    await first.registry[Symbol.asyncDispose]();
    throw thrown;
  }
  if (name === undefined) return { snapshot: warned(first, context), loaded };
  await first.registry[Symbol.asyncDispose]();
  context.stderr.write(warningLine(`cluster.name is not set; Consul has this cluster as "${name}"`));
  const { config } = loaded;
  const used = { ...loaded, config: { ...config, cluster: { ...config.cluster, name } } };
  return { snapshot: warned(await read(used), context), loaded: used };
}

function warned(snapshot: Snapshot, context: CliContext): Snapshot {
  warnOfUnread(snapshot, context);
  return snapshot;
}

/** The name to use instead of the default. Throws `conflict` when another one was configured. */
function adoptedName(snapshot: Snapshot, { config, origin }: LoadedConfig): string | undefined {
  const { name } = config.cluster;
  const known = namesInConsul(snapshot);
  if (known.length === 0 || known.includes(name)) return undefined;
  const names = known.map((each) => `"${each}"`).join(' and ');
  const place = origin('cluster.name');
  if (place !== undefined) {
    throw new RegistrarError(
      'conflict',
      `${place}: "${name}", but Consul has this cluster as ${names}; correct it, or preview the move to this name with plan --rename`,
    );
  }
  if (known.length === 1) return known[0];
  throw new RegistrarError('conflict', `Consul has this cluster as ${names}; choose one with --cluster-name`);
}

/** The names under which this cluster has instances in Consul. */
function namesInConsul({ observed, owner }: Snapshot): string[] {
  const names = new Set<string>();
  for (const node of observed.nodes()) {
    if (observed.features.ownsNodes && nodeOwnership(node, owner) !== 'ours') continue;
    for (const instance of node.instances.values()) {
      const { cluster } = originOf(instance.meta);
      if (isOwnInstance(instance) && cluster !== '') names.add(cluster);
    }
  }
  return [...names].sort();
}
