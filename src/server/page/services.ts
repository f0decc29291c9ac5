import { counted } from '../../lib/counted.ts';
import { type StatusCounts, sumOf } from '../../reconcile/service-counts.ts';
import type { Html } from '../html.ts';
import type { Reading } from '../reading.ts';
import {
  badge,
  type Column,
  link,
  paging,
  type Section,
  searchForm,
  section,
  statusTones,
  table,
} from './parts.ts';
import { emptyQuery, type Query } from './query.ts';
import { byText, finder, ranked, rowsOf } from './rows.ts';

type Row = readonly [name: string, counts: StatusCounts];

const path = '/services';

const columns: readonly Column[] = [
  { title: 'Service', sort: 'name' },
  { title: 'State' },
  { title: 'Instances', kind: 'number', sort: 'instances' },
  { title: 'Passing', kind: 'number' },
  { title: 'Warning', kind: 'number' },
  { title: 'Critical', kind: 'number' },
];

/** All services, a page of them at a time. */
export function servicesPage({ services }: Reading, query: Query): readonly Section[] {
  const matches = finder(query.q);
  const found = sorted(
    [...services].filter(([name]) => matches(name)),
    query.sort,
  );
  const shown = rowsOf(found, query.page);
  const none = query.q === '' ? 'Nothing is registered.' : 'No service matches the search.';
  return [
    section(
      'services',
      'Services',
      searchForm(path, query, 'Name'),
      tableOf(shown.rows, none, query),
      paging(shown, path, query, 'service'),
    ),
  ];
}

/** The first of them, for the overview. */
export function servicesInShort({ services }: Reading, most: number): Section {
  const { rows, total } = rowsOf(sorted([...services], ''), 1, most);
  return section(
    'services',
    'Services',
    searchForm(path, emptyQuery, 'Name'),
    tableOf(rows, 'Nothing is registered.', emptyQuery),
    total > rows.length
      ? link(path, {}, `All ${counted(total, 'service')}`)
      : link(path, {}, 'Search and sort'),
  );
}

function sorted(rows: Row[], sort: string): readonly Row[] {
  const byName = rows.sort(([a], [b]) => byText(a, b));
  if (sort === 'name') return byName;
  if (sort === 'instances') return byName.sort(([, a], [, b]) => sumOf(b) - sumOf(a));
  return ranked(byName, ([, counts]) => rankOf(counts));
}

const rankOf = ({ passing, warning, critical }: StatusCounts): number =>
  critical > 0 ? (passing + warning === 0 ? 0 : 1) : warning > 0 ? 2 : 3;

function tableOf(rows: readonly Row[], none: string, query: Query): Html {
  return table({
    label: 'Services',
    columns,
    rows,
    none,
    at: { path, query },
    cells: ([service, counts]) => {
      const { passing, warning, critical } = counts;
      return [
        link('/instances', { service }, service),
        stateOf(counts),
        sumOf(counts),
        passing,
        warning,
        critical,
      ];
    },
  });
}

/** The worst of a service's instances: consumers may still find enough others. */
function stateOf({ passing, warning, critical }: StatusCounts): Html {
  if (critical > 0 && passing + warning === 0) return badge('bad', 'down');
  if (critical > 0) return badge(statusTones.critical, 'critical');
  return warning > 0 ? badge(statusTones.warning, 'warning') : badge(statusTones.passing, 'passing');
}
