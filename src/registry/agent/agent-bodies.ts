import { formatDuration } from '../../lib/duration.ts';
import { type Check, type CheckDefinition, maintenanceType } from '../../model/check.ts';
import type { Instance } from '../../model/instance.ts';
import { cappedOutput } from '../../plan/fields.ts';
import { notesOf } from '../../plan/notes.ts';
import { ownNotes } from '../../plan/ownership.ts';
import { probeFields, serviceFields } from '../stored.ts';

/** The reason of a maintenance mode that the operator sets. Its check has no other field to mark it as the operator's. */
export const markedReason = (reason: string): string => `${reason} (${ownNotes})`;

/** The reason without the mark; undefined when somebody else set the maintenance mode. */
export function unmarkedReason(notes: string): string | undefined {
  const mark = ` (${ownNotes})`;
  return notes.endsWith(mark) ? notes.slice(0, -mark.length) : undefined;
}

/** Body of `PUT /v1/agent/service/register`, with the given checks of the instance. */
export function serviceBody(instance: Instance): object {
  const checks = instance.checks.filter(({ type }) => type !== maintenanceType);
  return {
    Name: instance.service,
    ...serviceFields(instance),
    Checks: checks.map((check) => ({ CheckID: check.id, ...checkFields(check) })),
  };
}

/** Body of `PUT /v1/agent/check/register` for a check of an instance. */
export function checkBody(check: Check, instance: string): object {
  return { ID: check.id, ServiceID: instance, ...checkFields(check) };
}

/** What is reported as the output of a check with a TTL. */
export const reportedOutput = (check: Check): string => cappedOutput(check.output);

function checkFields(check: Check): object {
  const { name, status, definition } = check;
  return {
    Name: name,
    Notes: notesOf(check),
    Status: status,
    ...(definition === undefined ? {} : definitionFields(definition)),
  };
}

const definitionFields = (definition: CheckDefinition): object =>
  definition.kind === 'ttl' ? { TTL: formatDuration(definition.ttlMs) } : probeFields(definition);
