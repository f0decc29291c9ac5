import type { ConsulClient } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { visible } from '../../lib/visible.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import { worst } from '../../plan/health.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { isOwnInstance } from '../../plan/ownership.ts';
import { missingTags, placeKey, placesOf } from '../../plan/twins.ts';
import { placeText } from './check-text.ts';
import { isStillThere } from './still-there.ts';
import { isTheirsAlone, type TheirNode } from './their-node.ts';

/** What becomes of their instances. */
export interface FinishPlan {
  /** They go: ours passes in their place, or nothing is there any more. */
  readonly removed: readonly { readonly instance: ObservedInstance; readonly why: string }[];
  /** They stay for now: ours does not pass. */
  readonly kept: readonly { readonly instance: ObservedInstance; readonly why: string }[];
  /** kube-registrar has no such instance, although the cluster still has the endpoint: nothing may be removed. */
  readonly missing: readonly { readonly instance: ObservedInstance; readonly why: string }[];
  /** Nothing else is on the node. */
  readonly withNode: boolean;
}

interface Registered {
  readonly instance: ObservedInstance;
  readonly node: ObservedNode;
}

/** Decides from what Consul holds, not from what is wanted. */
export function planFinish(theirs: TheirNode, { observed, stores }: Snapshot): FinishPlan {
  const registered = new Map<ObservedInstance, Registered>();
  for (const node of observed.nodes()) {
    for (const instance of node.instances.values()) {
      if (isOwnInstance(instance)) registered.set(instance, { instance, node });
    }
  }
  const places = placesOf(registered.keys());
  const removed: FinishPlan['removed'][number][] = [];
  const kept: FinishPlan['kept'][number][] = [];
  const missing: FinishPlan['missing'][number][] = [];
  for (const instance of theirs.instances) {
    const there = places.get(placeKey(instance, instance.address)) ?? [];
    const twin = there.find(({ port }) => port === instance.port);
    if (twin === undefined) {
      const isThere = there.length > 0 || isStillThere(instance, stores);
      if (isThere) missing.push({ instance, why: missingText(instance, there[0]) });
      else removed.push({ instance, why: 'the cluster has it no more' });
      continue;
    }
    const { node } = registered.get(twin)!;
    const [tag] = missingTags(instance, twin);
    const failing = [...twin.checks.values(), ...node.checks.values()].find(
      ({ status }) => status !== 'passing',
    );
    if (tag !== undefined) {
      missing.push({ instance, why: `that of kube-registrar lacks the tag ${JSON.stringify(tag)}` });
    } else if (failing === undefined || worst(instance.checks.values()) !== 'passing') {
      removed.push({ instance, why: `${twin.id} on node "${node.name}" takes its place` });
    } else kept.push({ instance, why: `${twin.id} does not pass: ${failing.output || failing.name}` });
  }
  return { removed, kept, missing, withNode: kept.length === 0 && isTheirsAlone(theirs) };
}

const missingText = ({ port }: ObservedInstance, other: ObservedInstance | undefined): string =>
  other === undefined
    ? 'kube-registrar has not registered it'
    : `kube-registrar has registered port ${other.port}, not ${port}`;

/** For people: what is done, and what is not. */
export function finishText({ name }: TheirNode, { removed, kept, missing, withNode }: FinishPlan): string {
  const line = (sign: string) => (each: FinishPlan['removed'][number]) =>
    `${sign} ${placeText(each.instance)}: ${each.why}`;
  const lines = [
    ...removed.map(line('-')),
    ...(withNode ? [`- node "${name}"`] : []),
    ...kept.map(line('=')),
    ...missing.map(line('!')),
    `${removed.length} to remove, ${kept.length} stay, ${missing.length} without a counterpart.`,
  ];
  return lines.map((text) => `${visible(text)}\n`).join('');
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
    `Consul did not remove it: ${why}; somebody may have changed it, so run this again`,
  );
}
