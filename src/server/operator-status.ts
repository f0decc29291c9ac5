import type { ReflectorStatus } from '../kube/reflector/reflector-state.ts';
import { describe, type ErrorCode, type RegistrarError } from '../lib/errors.ts';
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
import type { Workqueue } from '../reconcile/workqueue.ts';
import type {
  ConsulLine,
  Counts,
  DriftStatusLine,
  HeldLine,
  KubernetesLine,
  LeadershipLine,
  NodeLine,
  QueueLine,
  ReflectorLine,
  Status,
} from './status.ts';
import { syncStateOf } from './sync-state.ts';

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
  readonly queue: QueueLine;
  readonly consulUp: boolean | undefined;
  readonly consulError: RegistrarError | undefined;
  /** Wall-clock milliseconds. */
  readonly consulFailingSince: number | undefined;
  readonly lastFullSync: number | undefined;
}

/** What the status page and /status.json show. */
export function statusOf(input: StatusInput): Status {
  const { waitingFor, degraded, leadership, queue } = input;
  const kubernetes = kubernetesLine(input);
  const consul = consulLine(input);
  const counts = countsOf(input);
  return {
    version: input.version,
    now: iso(input.wall),
    startedAt: iso(input.startedAt),
    cluster: { name: input.clusterName, uid: input.owner ?? '' },
    state: syncStateOf({ waitingFor, degraded, leadership, kubernetes, consul, queue, counts }),
    counts,
    policy: input.policy,
    waitingFor,
    degraded,
    leadership,
    reflectors: input.reflectors.map((reflector) => reflectorLine(reflector, input.now)),
    kubernetes,
    consul,
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

function consulLine({
  consulAddresses: addresses,
  consulUp,
  consulError: error,
  consulFailingSince: since,
  lastFullSync,
}: StatusInput): ConsulLine {
  return {
    addresses,
    up: consulUp ?? null,
    refused: isRefusal(error?.code),
    since: consulUp !== false || since === undefined ? null : iso(since),
    error: error === undefined ? null : describe(error),
    lastFullSync: lastFullSync === undefined ? null : iso(lastFullSync),
  };
}

/** The API server is down when nothing can be read from it: one reflector alone may have trouble of its own. */
function kubernetesLine({ reflectors, now, wall }: StatusInput): KubernetesLine {
  const failures = reflectors.flatMap(({ lastError }) => (lastError === undefined ? [] : [lastError]));
  const [first] = failures;
  const isDown = failures.length === reflectors.length && failures.every(({ error }) => isAway(error.code));
  if (first === undefined || !isDown) {
    const isUp = reflectors.some(({ lastHeardAt }) => lastHeardAt !== undefined);
    return { up: isUp || null, refused: false, since: null, error: null };
  }
  return {
    up: false,
    refused: failures.every(({ error }) => isRefusal(error.code)),
    since: iso(wall - (now - Math.max(...failures.map(({ since }) => since)))),
    error: describe(first.error),
  };
}

const away: readonly ErrorCode[] = ['unreachable', 'timeout', 'unavailable', 'unauthorized'];
const isAway = (code: ErrorCode): boolean => away.includes(code);
const isRefusal = (code: ErrorCode | undefined): boolean => code === 'forbidden' || code === 'unauthorized';

function countsOf({ problems, findings, reflectors }: StatusInput): Counts {
  let errors = 0;
  for (const { item } of problems) if (item.severity === 'error') errors += 1;
  let held = 0;
  for (const { item } of findings) {
    if (item.kind === 'held' && (item.by === 'guard' || item.by === 'policy')) held += 1;
  }
  const failing = reflectors.filter(({ lastError, refused }) => lastError !== undefined && !refused).length;
  return { errors, warnings: problems.length - errors, held, failing };
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
