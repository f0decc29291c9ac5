import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { describe, type RegistrarError } from '../lib/errors.ts';
import { entryFields, entryNoun } from '../model/entry-ref.ts';
import type { ClusterUid } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import { type Finding, type Held, type HeldBy, heldBy } from '../plan/finding.ts';
import { worst } from '../plan/health.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { findingText } from '../plan/render.ts';
import { stateLabel } from '../reconcile/exported-metrics.ts';
import type { LedgerLine } from '../reconcile/ledger.ts';
import type { DriftLine } from '../reconcile/recent-drift.ts';
import { countServices } from '../reconcile/service-counts.ts';
import type { DriftStatusLine, HeldLine, LeadershipLine, NodeLine, ReflectorLine, Status } from './status.ts';

export interface StatusInput {
  readonly clusterName: string;
  readonly policy: string;
  readonly consulAddresses: readonly string[];
  readonly version: string;
  /** Wall-clock and monotonic milliseconds. */
  readonly wall: number;
  readonly now: number;
  readonly startedAt: number;
  readonly owner: ClusterUid | undefined;
  readonly waitingFor: readonly string[];
  readonly degraded: readonly string[];
  readonly leadership: LeadershipLine;
  readonly reflectors: readonly ReflectorStatus[];
  readonly nodes: readonly ObservedNode[];
  readonly problems: readonly LedgerLine<Problem>[];
  readonly findings: readonly LedgerLine<Finding>[];
  readonly drift: readonly DriftLine[];
  readonly queue: { readonly depth: number; readonly oldestMs: number; readonly inFlight: number };
  readonly consulUp: boolean | undefined;
  readonly consulError: RegistrarError | undefined;
  readonly lastFullSync: number | undefined;
}

/** What the status page and /status.json show. */
export function statusOf(input: StatusInput): Status {
  const { consulUp, consulError, lastFullSync, queue } = input;
  return {
    version: input.version,
    now: iso(input.wall),
    startedAt: iso(input.startedAt),
    cluster: { name: input.clusterName, uid: input.owner ?? '' },
    policy: input.policy,
    waitingFor: input.waitingFor,
    degraded: input.degraded,
    leadership: input.leadership,
    reflectors: input.reflectors.map((reflector) => reflectorLine(reflector, input.now)),
    consul: {
      addresses: input.consulAddresses,
      up: consulUp ?? null,
      error: consulError === undefined ? null : describe(consulError),
      lastFullSync: lastFullSync === undefined ? null : iso(lastFullSync),
    },
    nodes: input.nodes.map(nodeLine).sort((a, b) => (a.name < b.name ? -1 : 1)),
    services: [...countServices(input.nodes)]
      .map(([name, counts]) => ({ name, ...counts }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    problems: input.problems.map(({ item, since }) => ({ ...item, since: iso(since) })),
    held: heldLines(input.findings),
    drift: input.drift.map(driftLine),
    queue,
  };
}

/** Of these so many are shown at most: there may be one for each entry. Commands need all that the others hold. */
const mostHeld: Partial<Record<HeldBy, number>> = { policy: 1_000, conflict: 1_000 };

function heldLines(lines: readonly LedgerLine<Finding>[]): HeldLine[] {
  const held = lines.flatMap(({ item, since }) => (item.kind === 'held' ? [{ item, since }] : []));
  return heldBy.flatMap((by) =>
    held
      .filter(({ item }) => item.by === by)
      .slice(0, mostHeld[by])
      .map(heldLine),
  );
}

const iso = (wall: number): string => new Date(wall).toISOString();

function reflectorLine(status: ReflectorStatus, now: number): ReflectorLine {
  const { resource, namespace, synced, objects, lastHeardAt, lastError } = status;
  return {
    resource,
    namespace,
    state: stateLabel(status),
    synced,
    objects,
    lastEventAgeMs: lastHeardAt === undefined ? null : Math.round(now - lastHeardAt),
    error: lastError === undefined ? null : describe(lastError.error),
  };
}

function heldLine({ item, since }: LedgerLine<Held>): HeldLine {
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

function driftLine({ drift, times, first, last }: DriftLine): DriftStatusLine {
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

function nodeLine({ name, address, checks, instances }: ObservedNode): NodeLine {
  return {
    name,
    address,
    status: checks.size === 0 ? null : worst(checks.values()),
    instances: instances.size,
  };
}
