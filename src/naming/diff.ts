import { isDeepStrictEqual } from 'node:util';
import { instanceKey, type ServiceInstance } from './instance.ts';

/** The difference between two lists of instances. Each part keeps the order of the list that it comes from. */
export interface InstanceDiff<T extends ServiceInstance = ServiceInstance> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  /** The same instance (node and id) with another address, port, tags, meta, state or weight. */
  readonly changed: readonly { readonly before: T; readonly after: T }[];
}

/** How `after` differs from `before`; instances are identified by node and id. */
export function diffInstances<T extends ServiceInstance>(
  before: readonly T[],
  after: readonly T[],
): InstanceDiff<T> {
  const old = new Map(before.map((instance) => [instanceKey(instance), instance]));
  const added: T[] = [];
  const changed: { before: T; after: T }[] = [];
  for (const instance of after) {
    const key = instanceKey(instance);
    const previous = old.get(key);
    old.delete(key);
    if (previous === undefined) added.push(instance);
    else if (!isDeepStrictEqual(previous, instance)) changed.push({ before: previous, after: instance });
  }
  return { added, removed: [...old.values()], changed };
}

/** True when nothing was added, removed or changed. */
export function isEmptyDiff({ added, removed, changed }: InstanceDiff): boolean {
  return added.length + removed.length + changed.length === 0;
}
