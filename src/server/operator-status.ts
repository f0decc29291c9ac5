import { describe, type ErrorCode } from '../lib/errors.ts';
import type { Reading } from './reading.ts';
import type { ConsulLine, Counts, KubernetesLine, Overview, Status } from './status.ts';
import {
  changeLine,
  driftLine,
  heldLines,
  iso,
  nodeLine,
  problemLine,
  reflectorLine,
} from './status-lines.ts';
import { syncStateOf } from './sync-state.ts';

/** All of it, for /status.json. */
export function statusOf(reading: Reading): Status {
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
  return {
    ...overviewOf(reading),
    nodes: reading.nodes.map(nodeLine).sort(byName),
    services: [...reading.services].map(([name, counts]) => ({ name, ...counts })).sort(byName),
    problems: reading.problems.map(problemLine),
    held: heldLines(reading.findings),
    drift: reading.drift.map(driftLine),
    changes: reading.changes.map(changeLine),
  };
}

/** What can be said without the long lists. */
export function overviewOf(input: Reading): Overview {
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
    queue,
  };
}

function consulLine({
  consulAddresses: addresses,
  consulUp,
  consulError: error,
  consulFailingSince: since,
  lastFullSync,
}: Reading): ConsulLine {
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
function kubernetesLine({ reflectors, now, wall }: Reading): KubernetesLine {
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

function countsOf({ problems, findings, reflectors }: Reading): Counts {
  let errors = 0;
  for (const { item } of problems) if (item.severity === 'error') errors += 1;
  let held = 0;
  for (const { item } of findings) {
    if (item.kind === 'held' && (item.by === 'guard' || item.by === 'policy')) held += 1;
  }
  const failing = reflectors.filter(({ lastError, refused }) => lastError !== undefined && !refused).length;
  return { errors, warnings: problems.length - errors, held, failing };
}
