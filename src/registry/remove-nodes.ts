import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { RegistrarError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { ClusterUid, ConsulNodeName } from '../model/keys.ts';
import { diff } from '../plan/diff.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { ChangeWriter, Registry } from './registry.ts';

export interface RemoveOptions {
  readonly owner: ClusterUid;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Removed {
  /** Changes written. */
  readonly removed: number;
  /** Nodes that could not be done, with why. */
  readonly left: ReadonlyMap<ConsulNodeName, RegistrarError>;
}

/** A node of which nothing is wanted: what this cluster owns there goes, and the node unless it holds anything else. */
export function unwanted(name: ConsulNodeName): DesiredNode {
  return { name, entry: undefined, stale: [], problems: [] };
}

/** Instances removed with one submission: a node's deletion is one entry of Consul's log, with all that is on it. */
const instancesAtOnce = 500;
const attempts = 5;

/**
 * Removes everything this cluster owns on these nodes, some nodes at a time. Each is read again just before, so that
 * what somebody else put there in the meantime is seen and stays. Tries a node several times.
 */
export async function removeNodes(
  nodes: readonly ObservedNode[],
  options: RemoveOptions,
  signal: AbortSignal,
): Promise<Removed> {
  const { clock, random, registry } = options;
  const writer = registry.writer({});
  const left = new Map<ConsulNodeName, RegistrarError>();
  let removed = 0;
  for (const names of chunks(nodes)) {
    const backoff = new Backoff({ initialMs: 200, maxMs: 5_000, random });
    let open = names;
    for (let attempt = 1; open.length > 0; attempt++) {
      const result = await removeOnce(open, options, writer, signal);
      removed += result.removed;
      open = [...result.left.keys()];
      if (attempt === attempts) for (const [name, error] of result.left) left.set(name, error);
      if (open.length === 0 || attempt === attempts) break;
      await clock.sleep(backoff.next(), signal);
    }
  }
  return { removed, left };
}

async function removeOnce(
  names: readonly ConsulNodeName[],
  { owner, registry: { observed } }: RemoveOptions,
  writer: ChangeWriter,
  signal: AbortSignal,
): Promise<Removed> {
  const left = new Map<ConsulNodeName, RegistrarError>();
  try {
    for (const name of names) await observed.refreshNode(name, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    const error = RegistrarError.from(thrown);
    return { removed: 0, left: new Map(names.map((name) => [name, error])) };
  }
  const changes = names.flatMap((name) => {
    const options = { owner, features: observed.features };
    return diff(unwanted(name), observed.node(name), options).changes;
  });
  let removed = 0;
  for (const [name, results] of observed.follow(writer.submit(changes))) {
    for (const { outcome } of await results) {
      if (outcome.kind === 'committed') removed += 1;
      else left.set(name, outcome.error);
    }
  }
  return { removed, left };
}

function* chunks(nodes: readonly ObservedNode[]): Generator<ConsulNodeName[]> {
  let chunk: ConsulNodeName[] = [];
  let instances = 0;
  for (const node of nodes) {
    if (chunk.length > 0 && instances + node.instances.size > instancesAtOnce) {
      yield chunk;
      [chunk, instances] = [[], 0];
    }
    chunk.push(node.name);
    instances += node.instances.size;
  }
  if (chunk.length > 0) yield chunk;
}
