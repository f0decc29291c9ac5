import { formatDuration, parseDuration } from '../lib/duration.ts';
import type { Check, CheckDefinition } from '../model/check.ts';
import type { ObservedCheck } from './observed.ts';
import { isOwnCheck, ownNotes } from './ownership.ts';

/**
 * The notes of a check that we write: our mark, and the check's definition in words. Consul's agents do not show the
 * definition of a check, and external monitors write whole checks back; the notes show wherever the check is whether
 * its definition is the wanted one.
 */
export function notesOf({ definition }: Check): string {
  if (definition === undefined) return ownNotes;
  if (definition.kind === 'ttl') return `${ownNotes}; ttl ${formatDuration(definition.ttlMs)}`;
  const { kind, target, intervalMs, timeoutMs, deregisterAfterMs, redirects = true } = definition;
  const how = redirects ? '' : ' without redirects';
  const [every, timeout, after] = [intervalMs, timeoutMs, deregisterAfterMs].map(formatDuration);
  return `${ownNotes}; ${kind} ${target}${how} every ${every}, timeout ${timeout}, deregister after ${after}`;
}

/** The TTL definition that these notes state; undefined when they state none. */
export function ttlIn(notes: string): CheckDefinition | undefined {
  const start = `${ownNotes}; ttl `;
  const ttlMs = notes.startsWith(start) ? parseDuration(notes.slice(start.length)) : undefined;
  return ttlMs === undefined ? undefined : { kind: 'ttl', ttlMs };
}

const probes = ['http', 'tcp', 'grpc'].map((kind) => `${ownNotes}; ${kind} `);

/** Whether we wrote the check and somebody else finds out its status. */
export function isProbed(check: ObservedCheck): boolean {
  return isOwnCheck(check) && probes.some((start) => check.notes.startsWith(start));
}
