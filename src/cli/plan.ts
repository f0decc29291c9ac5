import { RegistrarError } from '../lib/errors.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { NodeEntry } from '../model/node-entry.ts';
import { plan } from '../plan/plan.ts';
import { previewHolds } from '../plan/preview.ts';
import { renderText } from '../plan/render.ts';
import { guardOptionsOf } from '../reconcile/holds/guard-options.ts';
import { heartbeatNode } from '../registry/catalog/heartbeat-node.ts';
import type { Registry } from '../registry/registry.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { warningLine } from './messages.ts';
import { loadWithWarnings, wantsColour } from './open.ts';
import { readCluster } from './read-cluster.ts';
import { knownByOperator } from './running-operator.ts';
import { type Structure, structured } from './structured.ts';

export interface PlanCommandOptions extends ConfigOptions {
  readonly output: 'text' | Structure;
  /** Origin of the HTTP server of a running operator; undefined: the plan shows what one that starts now would do. */
  readonly server: string | undefined;
  /** Asks Consul whether the token may write everything that is wanted. */
  readonly checkWrites: boolean;
  /** Plans a move to another cluster name. */
  readonly rename: boolean;
  readonly timeoutMs: number;
}

/**
 * `kube-registrar plan`: reads the cluster and Consul once and shows what the operator would write; it writes
 * nothing and may run beside an operator. It marks what the guard would hold. With a running operator it marks
 * what that one holds and what Consul refuses it. Returns the exit code: 0 when nothing would be written, 2 when
 * something would. Rejects with ConfigError, with what could not be read, or with `forbidden` and what Consul
 * would refuse.
 */
export async function showPlan(
  options: PlanCommandOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const given = await loadWithWarnings(options, context);
  await using connections = await connect(given);
  const { snapshot, loaded } = await readCluster(given, connections, options, context);
  await using registry = snapshot.registry;
  const { owner, observed, nodes, stores } = snapshot;
  const { sync, guard } = loaded.config;
  const wanted = { owner, features: observed.features, policy: sync.policy };
  const { server } = options;
  const known =
    server === undefined
      ? {
          held: previewHolds(nodes, {
            ...wanted,
            ...guardOptionsOf(guard),
            view: stores,
            nodesKnown: loaded.config.kubernetes.namespaces.length === 0,
          }),
        }
      : await knownByOperator({ command: 'plan', server }, owner, context.signal);
  const found = plan(nodes, { ...wanted, ...known });
  context.stdout.write(
    options.output === 'text'
      ? renderText(found, { colour: wantsColour(context) })
      : structured(found, options.output),
  );
  if (options.checkWrites && registry.refusedWrites === undefined) {
    context.stderr.write(warningLine('with agents, rights can only be tested by writing'));
  } else if (options.checkWrites && sync.policy !== 'dry-run') {
    const entries = nodes.flatMap(({ desired }) => desired.entry ?? []);
    // When nothing is wanted yet, the name of the heartbeat node is tried: it has the same prefix as every node of this
    // cluster.
    const fallback = heartbeatNode(loaded.config.cluster.name);
    await assertWritable(registry, entries, fallback, context.signal);
  }
  const { add, change, remove } = found.summary;
  return add + change + remove === 0 ? 0 : 2;
}

/** Rejects with `forbidden` when Consul would refuse to take one of these. */
async function assertWritable(
  registry: Registry,
  entries: readonly NodeEntry[],
  fallback: ConsulNodeName,
  signal: AbortSignal,
): Promise<void> {
  const services = entries.flatMap(({ instances }) => [...instances.values()].map(({ service }) => service));
  const [first = fallback, ...more] = entries.map(({ name }) => name);
  const asked = { nodes: [first, ...more], services: [...new Set(services)] } as const;
  const refused = (await registry.refusedWrites?.(asked, signal)) ?? [];
  if (refused.length === 0) return;
  const what = `Consul would refuse:\n  ${refused.join('\n  ')}`;
  throw new RegistrarError('forbidden', `${what}\ngive the token the policy in consul-access.md`);
}
