import { ById } from '../lib/by-id.ts';
import type { Instance } from '../model/instance.ts';
import type { InstanceId } from '../model/keys.ts';
import { writtenCheck } from './fields.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from './observed.ts';

type InstanceFields = Omit<Instance, 'checks' | 'warmup'>;
type NodeFields = Pick<ObservedNode, 'address' | 'taggedAddresses' | 'meta'>;
type CheckFields = Omit<ObservedCheck, 'id' | 'modifyIndex'>;

/**
 * A reading in which every unchanged instance is the same object as before, and so are all of them together when none
 * has changed. What was derived from it stays valid, and a reading does not replace everything in memory.
 */
export function withKnownInstances(fresh: ObservedNode, known: ObservedNode | undefined): ObservedNode {
  if (known === undefined) return fresh;
  let isSame = known.instances.size === fresh.instances.size;
  const instances = [...fresh.instances.values()].map((now) => {
    const before = known.instances.get(now.id);
    if (before !== undefined && isSameObserved(before, now)) return before;
    isSame = false;
    return now;
  });
  return { ...fresh, instances: isSame ? known.instances : new ById(instances) };
}

/**
 * The observed node with the values of the wanted instances where they are equal. Consul mostly holds what was
 * written, which is then in memory once. The result equals `observed` in content, and is the same object when nothing
 * can be shared.
 */
export function withWantedValues(observed: ObservedNode, wanted: Iterable<Instance>): ObservedNode {
  const shared = new Map<InstanceId, ObservedInstance>();
  for (const want of wanted) {
    const there = observed.instances.get(want.id);
    // No other instance shares this object.
    if (there === undefined || there.meta === want.meta || !isSameInstance(there, want)) continue;
    shared.set(want.id, valuesOf(want, there));
  }
  return shared.size === 0 ? observed : { ...observed, instances: ById.of(observed.instances).with(shared) };
}

function valuesOf(wanted: Instance, there: ObservedInstance): ObservedInstance {
  const { id, service, address, port, tags, meta, weights, taggedAddresses } = wanted;
  const checks = new Map(there.checks);
  for (const check of wanted.checks) {
    const before = there.checks.get(check.id);
    if (before === undefined) continue;
    const same = { ...writtenCheck(check, wanted), id: check.id, modifyIndex: before.modifyIndex };
    if (!isSameCheck(same, before)) continue;
    checks.delete(check.id);
    checks.set(check.id, same);
  }
  return { ...there, id, service, address, port, tags, meta, weights, taggedAddresses, checks };
}

/**
 * Whether two instances are equal apart from their checks, field by field and in order. Then fields.ts finds no
 * difference either, and takes much longer for it.
 */
export function isSameInstance(a: InstanceFields, b: InstanceFields): boolean {
  return (
    a.id === b.id &&
    a.service === b.service &&
    a.address === b.address &&
    a.port === b.port &&
    a.weights.passing === b.weights.passing &&
    a.weights.warning === b.weights.warning &&
    isSameList(a.tags, b.tags) &&
    isSameRecord(a.meta, b.meta, (one, other) => one === other) &&
    isSameRecord(
      a.taggedAddresses,
      b.taggedAddresses,
      (one, other) => one.address === other.address && one.port === other.port,
    )
  );
}

/** The same of two nodes, apart from what is on them. */
export function isSameNode(a: NodeFields, b: NodeFields): boolean {
  const isSame = (one: string, other: string) => one === other;
  return (
    a.address === b.address &&
    isSameRecord(a.meta, b.meta, isSame) &&
    isSameRecord(a.taggedAddresses, b.taggedAddresses, isSame)
  );
}

function isSameObserved(a: ObservedInstance, b: ObservedInstance): boolean {
  if (a.modifyIndex !== b.modifyIndex || a.checks.size !== b.checks.size || !isSameInstance(a, b))
    return false;
  for (const [id, check] of a.checks) {
    const other = b.checks.get(id);
    if (other === undefined || !isSameCheck(check, other)) return false;
  }
  return true;
}

function isSameCheck(a: ObservedCheck, b: ObservedCheck): boolean {
  return a.id === b.id && a.modifyIndex === b.modifyIndex && isSameWritten(a, b);
}

/** The same of two checks. */
export function isSameWritten(a: CheckFields, b: CheckFields): boolean {
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.status === b.status &&
    a.output === b.output &&
    a.notes === b.notes &&
    a.serviceName === b.serviceName &&
    isSameList(a.serviceTags, b.serviceTags)
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((each, index) => each === b[index]));
}

function isSameRecord<Value>(
  a: Readonly<Record<string, Value>>,
  b: Readonly<Record<string, Value>>,
  isSame: (one: Value, other: Value) => boolean,
): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key] as Value, b[key] as Value))
  );
}
