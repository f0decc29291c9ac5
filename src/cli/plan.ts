import { takeSnapshot } from '../operator/snapshot.ts';
import { plan } from '../plan/plan.ts';
import { renderJson, renderText } from '../plan/render.ts';
import type { ConfigOptions } from './config-options.ts';
import type { Connect } from './connections.ts';
import type { CliContext } from './context.ts';
import { loadTold, snapshotOptions, tellUnread, wantsColour } from './open.ts';

export interface PlanCommandOptions extends ConfigOptions {
  readonly output: 'text' | 'json';
  readonly timeoutMs: number;
}

/**
 * `kube-registrar plan`: reads the cluster and Consul once and shows what the operator would write; it writes
 * nothing and may run beside an operator. Returns the exit code: 0 when nothing would be written, 2 when
 * something would. Rejects with ConfigError, or with what could not be read.
 */
export async function showPlan(
  options: PlanCommandOptions,
  context: CliContext,
  connect: Connect,
): Promise<number> {
  const loaded = await loadTold(options, context);
  await using connections = await connect(loaded);
  const surroundings = snapshotOptions(loaded, connections, options.timeoutMs);
  const snapshot = await takeSnapshot(surroundings, context.signal);
  await using registry = snapshot.registry;
  tellUnread(snapshot, context);
  const { owner, observed, nodes } = snapshot;
  const { policy } = loaded.config.sync;
  const found = plan(nodes, { owner, server: observed.features, nodes: registry.nodes, policy });
  context.stdout.write(
    options.output === 'json' ? renderJson(found) : renderText(found, { colour: wantsColour(context) }),
  );
  const { add, change, remove } = found.summary;
  return add + change + remove === 0 ? 0 : 2;
}
