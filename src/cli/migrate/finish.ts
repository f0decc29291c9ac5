import type { ConsulClient } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import { presenceOf } from './still-there.ts';
import { type TheirNode, whyNodeStays } from './their-node.ts';
import { planTwins, type TwinPlan, twinPlanText } from './twin-plan.ts';

/** What becomes of the instances of consul-k8s. */
export interface FinishPlan extends TwinPlan {
  /** The node goes as well. */
  readonly withNode: boolean;
  /** Why the node stays, beside the instances that do; undefined: nobody else has anything on it. */
  readonly nodeStays: string | undefined;
}

export function planFinish(theirs: TheirNode, { observed, stores }: Snapshot): FinishPlan {
  const plan = planTwins(theirs.instances, observed.nodes(), (instance) => presenceOf(instance, stores));
  const nodeStays = whyNodeStays(theirs);
  const withNode = theirs.node !== undefined && plan.kept.length === 0 && nodeStays === undefined;
  return { ...plan, withNode, nodeStays };
}

export function finishText({ name }: TheirNode, plan: FinishPlan): string {
  const node = `node "${name}"`;
  const stays = plan.nodeStays === undefined ? [] : [`${node}: ${plan.nodeStays}`];
  return twinPlanText(plan, plan.withNode ? [node] : [], stays);
}

/** Within the limits of a transaction, whatever the server. */
const atOnce = 32;

/** Removes what was shown, if it is as it was. Rejects with `conflict` when somebody has changed it. */
export async function removeTheirs(
  { name, node }: TheirNode,
  { removed, withNode }: FinishPlan,
  client: ConsulClient,
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < removed.length; start += atOnce) {
    const operations = removed
      .slice(start, start + atOnce)
      .map(({ instance: { id, service, modifyIndex } }) => ({
        Service: {
          Verb: 'delete-cas',
          Node: name,
          Service: { ID: id, Service: service, ModifyIndex: modifyIndex },
        },
      }));
    await commit(operations, client, signal);
  }
  if (!withNode || node === undefined) return;
  // Their last instance may have been the last of the node, and an index of its own would be stale by now.
  const { value } = await client.nodeServices(name, signal);
  if (value === undefined || value.Services.length > 0) return;
  const { ModifyIndex } = value.Node;
  await commit([{ Node: { Verb: 'delete-cas', Node: { Node: name, ModifyIndex } } }], client, signal);
}

async function commit(
  operations: readonly object[],
  client: ConsulClient,
  signal: AbortSignal,
): Promise<void> {
  const answer = await client.transaction(operations, signal);
  if (answer.kind === 'committed') return;
  const why = answer.kind === 'rolled-back' ? (answer.errors[0]?.what ?? '') : answer.text;
  throw new RegistrarError(
    'conflict',
    `Consul did not remove it: ${why}; it may have changed, so run this again`,
  );
}
