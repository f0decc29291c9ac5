import { cutToBytes } from '../lib/cut-to-bytes.ts';
import type { EntryRef } from '../model/entry-ref.ts';
import type { CheckId } from '../model/keys.ts';
import { checkChanges, type FieldChange, instanceChanges, nodeChanges } from './fields.ts';
import type { Drift } from './finding.ts';
import { isProbed } from './notes.ts';
import type { ObservedCheck, ObservedNode } from './observed.ts';
import { isMonitorCheck } from './ownership.ts';

/** Of a value, in bytes. Others may write what is far longer; a person has seen enough of it by then. */
const longestValue = 1_000;

/**
 * What somebody else did to a node: the difference between the known node, from our last reading and our own
 * committed changes since, and a fresh reading. Entries with the same ModifyIndex are equal and are not compared
 * further. A node that is gone is one drift, not one for each entry on it.
 */
export function drift(known: ObservedNode, fresh: ObservedNode | undefined): Drift[] {
  const { name: node } = known;
  const found: Drift[] = [];
  const add = (at: EntryRef, what: Drift['what'], fields: readonly FieldChange[] = []): void => {
    found.push({ kind: 'drift', what, at, fields });
  };
  const changed = (at: EntryRef, fields: readonly FieldChange[]): void => {
    if (fields.length > 0) add(at, 'changed', fields.map(shortened));
  };
  const checks = (before: Checks, after: Checks, refOf: (check: CheckId) => EntryRef): void => {
    for (const [check, old] of before) {
      const now = after.get(check);
      if (now === undefined) add(refOf(check), 'missing');
      else if (now.modifyIndex !== old.modifyIndex) changed(refOf(check), othersChanges(old, now));
    }
    for (const check of after.keys()) if (!before.has(check)) add(refOf(check), 'unexpected');
  };

  if (fresh === undefined) {
    add({ kind: 'node', node }, 'missing');
    return found;
  }
  if (fresh.modifyIndex !== known.modifyIndex) changed({ kind: 'node', node }, nodeChanges(known, fresh));
  const [own, ownNow] = [withoutMonitors(known.checks, known), withoutMonitors(fresh.checks, known)];
  checks(own, ownNow, (check) => ({ kind: 'node-check', node, check }));
  for (const [instance, old] of known.instances) {
    const { service } = old;
    const at = { kind: 'instance', node, instance, service } as const;
    const now = fresh.instances.get(instance);
    if (now === undefined) {
      add(at, 'missing');
      continue;
    }
    if (now.modifyIndex !== old.modifyIndex) changed(at, instanceChanges(old, now));
    checks(old.checks, now.checks, (check) => ({ ...at, kind: 'instance-check', check }));
  }
  for (const [instance, { service }] of fresh.instances) {
    if (!known.instances.has(instance)) add({ kind: 'instance', node, instance, service }, 'unexpected');
  }
  return found;
}

const shortened = ({ field, before, after }: FieldChange): FieldChange => ({
  field,
  before: before && cutToBytes(before, longestValue),
  after: after && cutToBytes(after, longestValue),
});

/** The status and output that a prober finds are not drift. */
function othersChanges(old: ObservedCheck, now: ObservedCheck): FieldChange[] {
  const fields = checkChanges(old, now);
  return isProbed(old) ? fields.filter(({ field }) => field !== 'status' && field !== 'output') : fields;
}

const withoutMonitors = (checks: Checks, node: ObservedNode): Checks =>
  new Map([...checks].filter(([, check]) => !isMonitorCheck(check, node)));

type Checks = ReadonlyMap<CheckId, ObservedCheck>;
