import { roundedDuration } from '../../lib/duration.ts';
import { fieldText } from '../../plan/render.ts';
import { html } from '../html.ts';
import type { Reading } from '../reading.ts';
import type { ChangeStatusLine, DriftStatusLine } from '../status.ts';
import { changeLine, driftLine } from '../status-lines.ts';
import {
  badge,
  type Column,
  entryName,
  link,
  paging,
  type Section,
  searchForm,
  section,
  table,
  time,
} from './parts.ts';
import type { Query } from './query.ts';
import { finder, rowsOf } from './rows.ts';
import { asksLeader } from './troubles.ts';

const columns: readonly Column[] = [
  { title: 'When' },
  { title: 'Change', kind: 'wide' },
  { title: 'Service' },
  { title: 'Node' },
  { title: 'Took', kind: 'number' },
];

/** What was written to Consul lately, and what others changed there. */
export function changesPage(reading: Reading, query: Query): readonly Section[] {
  const { leadership, changes } = reading;
  if (leadership.state === 'standby') return [asksLeader(leadership)];
  const matches = finder(query.q);
  const found = changes.filter(({ text, at }) => matches(text, at.node, at.instance ?? '', at.service ?? ''));
  const shown = rowsOf(found, query.page);
  return [
    ...driftSection(reading),
    section(
      'changes',
      'Recent changes',
      searchForm('/changes', query, 'Entry, node or change'),
      table({
        label: 'Recent changes',
        columns,
        rows: shown.rows.map(changeLine),
        cells: changeCells,
        none:
          query.q === ''
            ? 'Nothing has been written since this process became leader.'
            : 'No change matches the search.',
      }),
      paging(shown, '/changes', query, 'change'),
    ),
  ];
}

/** The latest of them, for the overview. */
export function changesInShort({ changes }: Reading, most: number): Section {
  return section(
    'changes',
    'Recent changes',
    table({
      label: 'Recent changes',
      columns,
      rows: changes.slice(0, most).map(changeLine),
      cells: changeCells,
      none: 'Nothing has been written since this process became leader.',
    }),
    link('/changes', {}, 'More changes'),
  );
}

function changeCells({ when, text, service, node, durationMs }: ChangeStatusLine) {
  return [
    time(when),
    text,
    service === null ? '' : link('/instances', { service }, service),
    link('/instances', { node }, node),
    durationMs === null ? '' : durationMs < 1_000 ? `${durationMs} ms` : roundedDuration(durationMs),
  ];
}

const driftColumns: readonly Column[] = [
  { title: 'Entry' },
  { title: 'On node' },
  { title: 'Was' },
  { title: 'What', kind: 'wide' },
  { title: 'Times', kind: 'number' },
  { title: 'Last' },
];

/** What somebody else changed; nothing when nobody did. */
export function driftSection({ drift }: Reading): readonly Section[] {
  if (drift.length === 0) return [];
  const rows = drift.map(driftLine);
  return [
    section(
      'drift',
      'Recent drift',
      table({ label: 'Recent drift', columns: driftColumns, rows, cells: driftCells, none: '' }),
    ),
  ];
}

function driftCells(line: DriftStatusLine) {
  const { node, what, fields, times, last } = line;
  return [
    entryName(line),
    link('/instances', { node }, node),
    badge('fair', drifted[what]),
    html`${fields.map(fieldText).join('; ')}`,
    times,
    time(last),
  ];
}

const drifted = { missing: 'removed', changed: 'edited', unexpected: 'added' } as const;
