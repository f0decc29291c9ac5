import { formatDuration, parseDuration } from '../lib/duration.ts';
import type { Check, CheckDefinition } from '../model/check.ts';
import type { ObservedCheck } from './observed.ts';
import { isOwnCheck, ownNotes } from './ownership.ts';

/**
 * Notes of a check we write: our mark and, in words, what is to be done for it. Consul's agents do not show
 * the definition of a check, and external monitors write whole checks back: by its notes a check with another
 * definition is told from the one that is wanted, wherever it is.
 */
export function notesOf({ definition }: Check): string {
  if (definition === undefined) return ownNotes;
  if (definition.kind === 'ttl') return `${ownNotes}; ttl ${formatDuration(definition.ttlMs)}`;
  const { kind, target, intervalMs, timeoutMs, deregisterAfterMs, redirects = true } = definition;
  const how = redirects ? '' : ' without redirects';
  const [every, timeout, after] = [intervalMs, timeoutMs, deregisterAfterMs].map(formatDuration);
  return `${ownNotes}; ${kind} ${target}${how} every ${every}, timeout ${timeout}, deregister after ${after}`;
}

/** The definition of a check whose notes say that it has a TTL. */
export function ttlIn(notes: string): CheckDefinition | undefined {
  const start = `${ownNotes}; ttl `;
  const ttlMs = notes.startsWith(start) ? parseDuration(notes.slice(start.length)) : undefined;
  return ttlMs === undefined ? undefined : { kind: 'ttl', ttlMs };
}

const probes = ['http', 'tcp', 'grpc'].map((kind) => `${ownNotes}; ${kind} `);

/** Whether a check of ours is one whose status somebody else finds out. */
export function isProbed(check: ObservedCheck): boolean {
  return isOwnCheck(check) && probes.some((start) => check.notes.startsWith(start));
}
