import { describe, type ErrorCode } from '../lib/errors.ts';
import type { Pause } from '../lib/pause.ts';
import { visibleLines } from '../lib/visible.ts';
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

/** All of it. */
export function statusOf(reading: Reading): Status {
  const lists = Object.entries(listsOf(reading)).map(([name, lines]) => [name, [...lines]]);
  return { ...overviewOf(reading), ...(Object.fromEntries(lists) as Lists) };
}

/** The same as text, for /status.json, made in slices: there may be a hundred thousand lines. */
export async function statusText(reading: Reading, pause: Pause): Promise<Buffer> {
  const encoded: Buffer[] = [];
  let text = '';
  const encode = (): void => {
    encoded.push(Buffer.from(visibleLines(text)));
    text = '';
  };
  // Without the end of the object.
  text += JSON.stringify(overviewOf(reading), undefined, 2).slice(0, -2);
  for (const [name, lines] of Object.entries(listsOf(reading))) {
    text += `,\n  "${name}": [`;
    let isFirst = true;
    for (const line of lines) {
      // Line feeds within its strings are escaped: these are all between its fields.
      const indented = JSON.stringify(line, undefined, 2).replaceAll('\n', '\n    ');
      text += `${isFirst ? '' : ','}\n    ${indented}`;
      isFirst = false;
      if (text.length >= longestPiece) encode();
      const due = pause();
      if (due !== undefined) await due;
    }
    text += isFirst ? ']' : '\n  ]';
  }
  text += '\n}\n';
  encode();
  return Buffer.concat(encoded);
}

/** Characters that are encoded at once. */
const longestPiece = 65_536;

type Lists = Omit<Status, keyof Overview>;

/** Each line is made when it is asked for. */
function listsOf(reading: Reading): { readonly [Name in keyof Lists]: Iterable<Lists[Name][number]> } {
  const { nodes, services, problems, findings, drift, changes } = reading;
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
  const counts = [...services].map(([name, counted]) => ({ name, ...counted }));
  return {
    nodes: each(nodes.toSorted(byName), nodeLine),
    services: counts.sort(byName),
    problems: each(problems, problemLine),
    held: heldLines(findings),
    drift: each(drift, driftLine),
    changes: each(changes, changeLine),
  };
}

function* each<Item, Line>(items: readonly Item[], lineOf: (item: Item) => Line): Iterable<Line> {
  for (const item of items) yield lineOf(item);
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
