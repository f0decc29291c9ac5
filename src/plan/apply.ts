import type { CheckId, InstanceId } from '../model/keys.ts';
import type { Change } from './change.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode, StoredEntry } from './observed.ts';

/** A committed change and the entries that Consul stored for it; a deletion has none. */
export interface AppliedChange {
  readonly change: Change;
  readonly entries: readonly StoredEntry[];
}

/**
 * The observed node after these changes were committed in order. Pure: the given node is not changed.
 *
 * Entries of an unknown node are dropped: such a node is read from Consul, not pieced together.
 */
export function apply(
  observed: ObservedNode | undefined,
  applied: readonly AppliedChange[],
): ObservedNode | undefined {
  let node = observed && draftOf(observed);
  for (const { change, entries } of applied) {
    if (change.kind === 'delete-node') node = undefined;
    else if (change.kind === 'delete-instance') node?.instances.delete(change.instance);
    else if (change.kind === 'delete-check') {
      if (change.instance === undefined) node?.checks.delete(change.check);
      else if (node !== undefined) checksOf(node, change.instance)?.delete(change.check);
    }
    for (const entry of entries) node = stored(node, entry);
  }
  return node;
}

interface Draft extends ObservedNode {
  readonly checks: Map<CheckId, ObservedCheck>;
  readonly instances: Map<InstanceId, ObservedInstance>;
}

function draftOf(node: ObservedNode): Draft {
  return { ...node, checks: new Map(node.checks), instances: new Map(node.instances) };
}

function stored(node: Draft | undefined, entry: StoredEntry): Draft | undefined {
  switch (entry.kind) {
    case 'node': {
      const { checks, instances } = node ?? {};
      return {
        ...entry.node,
        stampedBefore: true,
        checks: checks ?? new Map(),
        instances: instances ?? new Map(),
      };
    }
    case 'instance': {
      const { instance } = entry;
      const checks = node?.instances.get(instance.id)?.checks ?? new Map();
      replace(node?.instances, instance.id);
      node?.instances.set(instance.id, { ...instance, checks });
      return node;
    }
    case 'check': {
      if (node === undefined) return node;
      const checks = entry.instance === undefined ? node.checks : checksOf(node, entry.instance);
      replace(checks, entry.check.id);
      checks?.set(entry.check.id, entry.check);
      return node;
    }
  }
}

/** Consul treats ids that differ in case as one: the new entry replaces the old one. */
function replace<Id extends string>(entries: Map<Id, unknown> | undefined, id: Id): void {
  if (entries === undefined || entries.has(id)) return;
  for (const other of entries.keys()) if (other.toLowerCase() === id.toLowerCase()) entries.delete(other);
}

/** A copy of the instance's checks that may be changed; undefined when the instance is not known. */
function checksOf(node: Draft, id: InstanceId): Map<CheckId, ObservedCheck> | undefined {
  const instance = node.instances.get(id);
  if (instance === undefined) return undefined;
  const checks = new Map(instance.checks);
  node.instances.set(id, { ...instance, checks });
  return checks;
}
