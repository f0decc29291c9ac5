import type { ServiceName } from '../model/keys.ts';
import { checkChanges, type FieldChange, instanceChanges, nodeChanges } from './fields.ts';
import type { Drift } from './finding.ts';
import { isProbed } from './notes.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from './observed.ts';
import { isMonitorCheck } from './ownership.ts';

/**
 * What somebody else did to a node: the difference between what we knew of it, from our last reading and
 * our own committed changes since, and a fresh reading. Entries of the same ModifyIndex are equal and not
 * compared further. A node that is gone is one drift, not one for each entry on it.
 */
export function drift(known: ObservedNode, fresh: ObservedNode | undefined): Drift[] {
  const about = { kind: 'drift', node: known.name, fields: [] } as const;
  const onNode = { instance: undefined, service: undefined, check: undefined };
  if (fresh === undefined) return [{ ...about, ...onNode, what: 'missing', entry: 'node' }];
  const found: Drift[] = [];
  const changed = (place: Place, entry: Drift['entry'], fields: readonly FieldChange[]): void => {
    if (fields.length > 0) found.push({ ...about, ...onNode, ...place, what: 'changed', entry, fields });
  };
  const checks = (place: Place, before: Checks, after: Checks): void => {
    for (const [check, old] of before) {
      const now = after.get(check);
      if (now === undefined) {
        found.push({ ...about, ...onNode, ...place, what: 'missing', entry: 'check', check });
      } else if (now.modifyIndex !== old.modifyIndex) {
        changed({ ...place, check }, 'check', othersChanges(old, now));
      }
    }
    for (const check of after.keys()) {
      if (!before.has(check)) {
        found.push({ ...about, ...onNode, ...place, what: 'unexpected', entry: 'check', check });
      }
    }
  };

  if (fresh.modifyIndex !== known.modifyIndex) changed({}, 'node', nodeChanges(known, fresh));
  checks({}, withoutMonitors(known.checks, known), withoutMonitors(fresh.checks, known));
  for (const [instance, old] of known.instances) {
    const place = { instance, service: old.service };
    const now = fresh.instances.get(instance);
    if (now === undefined) {
      found.push({ ...about, ...onNode, ...place, what: 'missing', entry: 'instance' });
      continue;
    }
    if (now.modifyIndex !== old.modifyIndex) changed(place, 'instance', instanceChanges(old, now));
    checks(place, old.checks, now.checks);
  }
  for (const [instance, { service }] of fresh.instances) {
    if (known.instances.has(instance)) continue;
    found.push({ ...about, ...onNode, instance, service, what: 'unexpected', entry: 'instance' });
  }
  return found;
}

/** What a prober finds out is its business, and no drift. */
function othersChanges(old: ObservedCheck, now: ObservedCheck): FieldChange[] {
  const fields = checkChanges(old, now);
  return isProbed(old) ? fields.filter(({ field }) => field !== 'status' && field !== 'output') : fields;
}

const withoutMonitors = (checks: Checks, node: ObservedNode): Checks =>
  new Map([...checks].filter(([, check]) => !isMonitorCheck(check, node)));

interface Place {
  readonly instance?: ObservedInstance['id'];
  readonly service?: ServiceName;
  readonly check?: ObservedCheck['id'];
}

type Checks = ReadonlyMap<ObservedCheck['id'], ObservedCheck>;
