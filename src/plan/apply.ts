import { ById } from '../lib/by-id.ts';
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
  let node = observed && new Draft(observed);
  for (const { change, entries } of applied) {
    if (change.kind === 'delete-node') node = undefined;
    else if (change.kind === 'delete-instance') node?.remove(change.instance);
    else if (change.kind === 'delete-check') node?.checksOf(change.instance)?.delete(change.check);
    for (const entry of entries) {
      if (entry.kind === 'node') {
        const { checks, instances } = node?.done() ?? nothingOn;
        node = new Draft({ ...entry.node, stampedBefore: true, checks, instances });
      } else if (entry.kind === 'instance') node?.put(entry.instance);
      else {
        const checks = node?.checksOf(entry.instance);
        replace(checks, entry.check.id);
        checks?.set(entry.check.id, entry.check);
      }
    }
  }
  return node?.done();
}

const nothingOn: Pick<ObservedNode, 'checks' | 'instances'> = { checks: new Map(), instances: new Map() };

/** A node that is being changed. */
class Draft {
  readonly #node: ObservedNode;
  readonly #known: ById<InstanceId, ObservedInstance>;
  readonly #instances = new Map<InstanceId, ObservedInstance | undefined>();
  #checks: Map<CheckId, ObservedCheck> | undefined;

  constructor(node: ObservedNode) {
    this.#node = node;
    this.#known = ById.of(node.instances);
  }

  done(): ObservedNode {
    const instances = this.#known.with(this.#instances);
    return { ...this.#node, checks: this.#checks ?? this.#node.checks, instances };
  }

  remove(id: InstanceId): void {
    this.#instances.set(id, undefined);
  }

  put(instance: Omit<ObservedInstance, 'checks'>): void {
    const { id } = instance;
    const before = this.#instance(id);
    if (before === undefined) {
      for (const other of [...this.#known.keys(), ...this.#instances.keys()])
        if (other !== id && other.toLowerCase() === id.toLowerCase()) this.remove(other);
    }
    this.#instances.set(id, { ...instance, checks: before?.checks ?? new Map() });
  }

  /** A copy of the checks of the instance, or of the node, that may be changed; undefined: there is no such instance. */
  checksOf(id: InstanceId | undefined): Map<CheckId, ObservedCheck> | undefined {
    if (id === undefined) {
      this.#checks ??= new Map(this.#node.checks);
      return this.#checks;
    }
    const instance = this.#instance(id);
    if (instance === undefined) return undefined;
    const checks = new Map(instance.checks);
    this.#instances.set(id, { ...instance, checks });
    return checks;
  }

  #instance(id: InstanceId): ObservedInstance | undefined {
    return this.#instances.has(id) ? this.#instances.get(id) : this.#known.get(id);
  }
}

/** Consul treats ids that differ in case as one: the new entry replaces the old one. */
function replace<Id extends string>(entries: Map<Id, unknown> | undefined, id: Id): void {
  if (entries === undefined || entries.has(id)) return;
  for (const other of entries.keys()) if (other.toLowerCase() === id.toLowerCase()) entries.delete(other);
}
