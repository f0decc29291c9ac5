import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { describe } from '../lib/errors.ts';
import { entryFields, entryNoun } from '../model/entry-ref.ts';
import type { Problem } from '../model/problem.ts';
import { type Finding, type Held, type HeldBy, heldBy } from '../plan/finding.ts';
import { worst } from '../plan/health.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { findingText } from '../plan/render.ts';
import { stateLabel } from '../reconcile/exported-metrics.ts';
import type { LedgerLine } from '../reconcile/ledger.ts';
import type { ChangeLine } from '../reconcile/recent-changes.ts';
import type { DriftLine } from '../reconcile/recent-drift.ts';
import type { Workqueue } from '../reconcile/workqueue.ts';
import type {
  ChangeStatusLine,
  DriftStatusLine,
  HeldLine,
  NodeLine,
  ProblemLine,
  QueueLine,
  ReflectorLine,
} from './status.ts';

/** One thing that the operator knows, in the words of /status.json and the pages. */

/** Of these so many are shown at most: there may be one for each entry. Commands need all that the others hold. */
const mostHeld: Partial<Record<HeldBy, number>> = { policy: 1_000, conflict: 1_000 };

export function* heldLines(lines: readonly LedgerLine<Finding>[]): IterableIterator<HeldLine> {
  const held = lines.flatMap(({ item, since }) => (item.kind === 'held' ? [{ item, since }] : []));
  for (const by of heldBy) {
    let left = mostHeld[by] ?? Number.POSITIVE_INFINITY;
    for (const line of held) {
      if (line.item.by !== by || left === 0) continue;
      left -= 1;
      yield heldLine(line);
    }
  }
}

export const iso = (wall: number): string => new Date(wall).toISOString();

export function reflectorLine(status: ReflectorStatus, now: number): ReflectorLine {
  const { resource, namespace, synced, objects, notInstalled, lastHeardAt, lastError } = status;
  return {
    resource,
    namespace,
    state: stateLabel(status),
    synced,
    objects,
    lastEventAgeMs: lastHeardAt === undefined ? null : Math.round(now - lastHeardAt),
    error: lastError === undefined || notInstalled ? null : describe(lastError.error),
  };
}

export function heldLine({ item, since }: LedgerLine<Held>): HeldLine {
  const { by, what, at, because, error, until } = item;
  return {
    by,
    what,
    ...entryFields(at),
    because,
    error: error ?? null,
    why: findingText(item),
    release: by === 'guard' ? `kube-registrar release ${at.node}` : null,
    since: iso(since),
    until: until === undefined ? null : iso(until),
  };
}

export function driftLine({ drift, times, first, last }: DriftLine): DriftStatusLine {
  const { what, at, fields } = drift;
  return {
    what,
    entry: entryNoun(at),
    ...entryFields(at),
    fields,
    times,
    first: iso(first),
    last: iso(last),
  };
}

export const problemLine = ({ item, since }: LedgerLine<Problem>): ProblemLine => ({
  ...item,
  since: iso(since),
});

export function changeLine({ when, text, at, durationMs }: ChangeLine): ChangeStatusLine {
  return {
    when: iso(when),
    text,
    ...entryFields(at),
    durationMs: durationMs === undefined ? null : Math.round(durationMs),
  };
}

export function nodeLine({ name, address, checks, instances }: ObservedNode): NodeLine {
  return {
    name,
    address,
    status: checks.size === 0 ? null : worst(checks.values()),
    instances: instances.size,
  };
}

/** `queue`: undefined while this process does not write. */
export function queueLine(
  queue: Pick<Workqueue<unknown>, 'depth' | 'oldestMs' | 'busy' | 'unanswered'> | undefined,
  inFlight: number,
): QueueLine {
  const { depth = 0, oldestMs = 0, busy = 0, unanswered = { count: 0, oldestMs: 0 } } = queue ?? {};
  return {
    depth,
    oldestMs: Math.round(oldestMs),
    busy,
    unanswered: unanswered.count,
    unansweredMs: Math.round(unanswered.oldestMs),
    inFlight,
  };
}
