import type { Held, heldBy } from '../../plan/finding.ts';
import type { LedgerLine } from '../../reconcile/ledger.ts';
import { html } from '../html.ts';
import type { Reading } from '../reading.ts';
import type { HeldLine, LeadershipLine, ProblemLine } from '../status.ts';
import { heldLine, problemLine } from '../status-lines.ts';
import {
  badge,
  type Column,
  entryName,
  kubectl,
  link,
  objectName,
  paging,
  type Section,
  searchForm,
  section,
  table,
  time,
} from './parts.ts';
import type { Query } from './query.ts';
import { finder, ranked, rowsOf } from './rows.ts';

const problemColumns: readonly Column[] = [
  { title: 'Object' },
  { title: 'Severity' },
  { title: 'Reason' },
  { title: 'Message', kind: 'wide' },
  { title: 'Since' },
];

/** Mistakes of objects and what Consul refuses them, errors first. */
export function problemsPage(reading: Reading, query: Query): readonly Section[] {
  const { leadership, problems } = reading;
  if (leadership.state === 'standby') return [asksLeader(leadership)];
  const matches = finder(query.q);
  const found = problems.filter(({ item: { object, reason, field, message } }) =>
    matches(objectName(object), reason, field, message),
  );
  const shown = rowsOf(
    ranked(found, ({ item }) => (item.severity === 'error' ? 0 : 1)),
    query.page,
  );
  return [
    section(
      'problems',
      'Problems',
      searchForm('/problems', query, 'Object or message'),
      table({
        label: 'Problems',
        columns: problemColumns,
        rows: shown.rows.map(problemLine),
        cells: problemCells,
        none: query.q === '' ? 'No problems.' : 'No problem matches the search.',
      }),
      paging(shown, '/problems', query, 'problem'),
    ),
  ];
}

/** The first of them, for the overview; nothing when there are none. */
export function problemsInShort({ problems }: Reading, most: number): readonly Section[] {
  if (problems.length === 0) return [];
  const { rows, total } = rowsOf(
    ranked(problems, ({ item }) => (item.severity === 'error' ? 0 : 1)),
    1,
    most,
  );
  const more = total > rows.length ? `All ${total} problems` : 'Search problems';
  const options = { label: 'Problems', columns: problemColumns, none: '' };
  return [
    section(
      'problems',
      'Problems',
      table({ ...options, rows: rows.map(problemLine), cells: problemCells }),
      link('/problems', {}, more),
    ),
  ];
}

function problemCells({ object, severity, reason, field, message, since }: ProblemLine) {
  return [
    html`${object.kind} ${objectName(object)}<br>${kubectl(object)}`,
    badge(severity === 'error' ? 'bad' : 'fair', severity),
    reason,
    field === '' ? message : html`<code>${field}</code>: ${message}`,
    time(since),
  ];
}

const heldColumns: readonly Column[] = [
  { title: 'Entry' },
  { title: 'On node' },
  { title: 'By' },
  { title: 'Why', kind: 'wide' },
  { title: 'Since' },
  { title: 'Until, or next attempt' },
];

/** What is not written now: the guard's and the policy's holds, then what is tried again. */
export function heldPage(reading: Reading, query: Query): readonly Section[] {
  const { leadership } = reading;
  if (leadership.state === 'standby') return [asksLeader(leadership)];
  const matches = finder(query.q);
  const found = heldOf(reading).filter(({ item: { by, at, because } }) =>
    matches(by, at.node, at.instance ?? '', at.service ?? '', because),
  );
  const shown = rowsOf(found, query.page);
  return [
    section(
      'held',
      'Held',
      searchForm('/held', query, 'Entry, node or reason'),
      table({
        label: 'Held',
        columns: heldColumns,
        rows: shown.rows.map(heldLine),
        cells: heldCells,
        none: query.q === '' ? 'Nothing is held.' : 'No held change matches the search.',
      }),
      paging(shown, '/held', query, 'entry'),
    ),
  ];
}

/** The first of them, for the overview; nothing when there are none. */
export function heldInShort(reading: Reading, most: number): readonly Section[] {
  const held = heldOf(reading);
  if (held.length === 0) return [];
  const rows = held.slice(0, most).map(heldLine);
  const more = held.length > rows.length ? `All ${held.length} held` : 'Search held changes';
  return [
    section(
      'held',
      'Held',
      table({ label: 'Held', columns: heldColumns, rows, cells: heldCells, none: '' }),
      link('/held', {}, more),
    ),
  ];
}

/** The guard first: a person may have to decide. */
const order = ['guard', 'consul', 'conflict', 'policy'] as const satisfies readonly (typeof heldBy)[number][];

function heldOf({ findings }: Reading): readonly LedgerLine<Held>[] {
  const held = findings.flatMap(({ item, since }) => (item.kind === 'held' ? [{ item, since }] : []));
  return ranked(held, ({ item }) => order.indexOf(item.by));
}

function heldCells(line: HeldLine) {
  const { by, why, release, since, until, node } = line;
  return [
    entryName(line),
    link('/instances', { node }, node),
    badge(by === 'consul' ? 'bad' : 'fair', heldWords[by]),
    release === null ? why : html`${why}<br><code class="command">${release}</code>`,
    time(since),
    until === null ? 'not known' : time(until),
  ];
}

const heldWords = {
  policy: 'policy',
  guard: 'guard',
  consul: 'refused by Consul',
  conflict: 'conflict',
} as const;

/** Stands for what only the leader knows: "none" would be wrong on a standby. */
export function asksLeader({ holder }: LeadershipLine): Section {
  // An identity starts with the name of the pod.
  const where =
    holder === null ? 'no replica is leading at the moment' : `ask the leader, ${holder.replace(/_.*/, '')}`;
  return section(
    'standby',
    'Standby',
    html`<p>This replica is a standby: it follows the cluster and Consul but writes nothing. Only the leader knows problems, holds and changes; ${where}.</p>`,
  );
}
