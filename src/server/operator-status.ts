import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { describe, type RegistrarError } from '../lib/errors.ts';
import { entryFields, entryNoun } from '../model/entry-ref.ts';
import type { ClusterUid } from '../model/keys.ts';
import type { Problem } from '../model/problem.ts';
import type { Finding } from '../plan/finding.ts';
import { worst } from '../plan/health.ts';
import type { ObservedNode } from '../plan/observed.ts';
import { findingText } from '../plan/render.ts';
import type { Fight } from '../reconcile/contention.ts';
import { stateLabel } from '../reconcile/exported-metrics.ts';
import type { LedgerLine } from '../reconcile/ledger.ts';
import type { DriftLine } from '../reconcile/recent-drift.ts';
import { countServices } from '../reconcile/service-counts.ts';
import type {
  ContendedLine,
  DriftStatusLine,
  HeldLine,
  LeadershipLine,
  NodeLine,
  ReflectorLine,
  Status,
} from './status.ts';

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
  readonly fights: readonly Fight[];
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
    held: input.findings.flatMap(heldLines),
    drift: input.drift.map(driftLine),
    contended: input.fights.slice(0, mostFights).map((fight) => contendedLine(fight, input.wall)),
    queue,
  };
}

/** Fights that are shown: there may be one for each entry. */
const mostFights = 1_000;

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

function heldLines({ item, since }: LedgerLine<Finding>): HeldLine[] {
  if (item.kind !== 'held') return [];
  const { kind: _, until, ...held } = item;
  const release = `kube-registrar release ${item.node}`;
  const times = { since: iso(since), until: until === undefined ? null : iso(until) };
  return [{ ...held, why: findingText(item), release, ...times }];
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

function contendedLine({ at, since, nextInMs }: Fight, wall: number): ContendedLine {
  return { ...entryFields(at), since: iso(since), nextRepair: iso(wall + nextInMs) };
}

function nodeLine({ name, address, checks, instances }: ObservedNode): NodeLine {
  return {
    name,
    address,
    status: checks.size === 0 ? null : worst(checks.values()),
    instances: instances.size,
  };
}
