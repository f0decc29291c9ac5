import type { ConsulNodeName } from '../../model/keys.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import type { WatchContext } from './watch-context.ts';

/**
 * Whether Consul holds the same instances, or the same checks, on a node as memory does: one request, and a
 * comparison of their ModifyIndexes. False says nothing yet: the node is to be compared.
 */
export async function isAsKnown(
  { client, observed }: WatchContext,
  name: ConsulNodeName,
  what: 'services' | 'checks',
  signal: AbortSignal,
): Promise<boolean> {
  if (what === 'checks') {
    const { value: checks } = await client.healthNode(name, signal);
    const known = checkIndexes(observed.node(name));
    return (
      checks.length === known.size &&
      checks.every(({ CheckID, ModifyIndex }) => known.get(CheckID) === ModifyIndex)
    );
  }
  const { value } = await client.nodeServices(name, signal);
  const known = observed.node(name);
  if (value === undefined || known === undefined || value.Node.ModifyIndex !== known.modifyIndex)
    return false;
  const instances = new Map<string, number>();
  for (const { id, modifyIndex } of known.instances.values()) instances.set(id, modifyIndex);
  return (
    value.Services.length === instances.size &&
    value.Services.every(({ ID, ModifyIndex }) => instances.get(ID) === ModifyIndex)
  );
}

function checkIndexes(node: ObservedNode | undefined): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  for (const { id, modifyIndex } of node?.checks.values() ?? []) indexes.set(id, modifyIndex);
  for (const { checks } of node?.instances.values() ?? []) {
    for (const { id, modifyIndex } of checks.values()) indexes.set(id, modifyIndex);
  }
  return indexes;
}
