import { checkStatuses } from '../../model/check.ts';
import { originKeys } from '../../model/origin.ts';
import { worst } from '../../plan/health.ts';
import type { ObservedNode } from '../../plan/observed.ts';
import { html } from '../html.ts';
import type { Reading } from '../reading.ts';
import { nodeLine } from '../status-lines.ts';
import { shownOutput } from './check-output.ts';
import {
  type Column,
  kubectl,
  link,
  paging,
  type Section,
  searchForm,
  section,
  statusBadge,
  table,
} from './parts.ts';
import type { Query } from './query.ts';
import { byText, finder, ranked, rowsOf } from './rows.ts';

const path = '/nodes';

const columns: readonly Column[] = [
  { title: 'Node', sort: 'name' },
  { title: 'Status' },
  { title: 'Address' },
  { title: 'Instances', kind: 'number', sort: 'instances' },
  { title: 'Check says', kind: 'wide' },
];

/** The Consul nodes of this cluster, a page of them at a time. */
export function nodesPage({ nodes }: Reading, query: Query): readonly Section[] {
  const matches = finder(query.q);
  const found = nodes.filter(({ name, address }) => matches(name, address));
  const shown = rowsOf(sorted(found, query.sort), query.page);
  return [
    section(
      'nodes',
      'Nodes in Consul',
      searchForm(path, query, 'Name or address'),
      table({
        label: 'Nodes',
        columns,
        rows: shown.rows,
        cells,
        none: query.q === '' ? 'This cluster has no node in Consul.' : 'No node found.',
        at: { path, query },
      }),
      paging(shown, path, query, 'node'),
    ),
  ];
}

function sorted(nodes: ObservedNode[], sort: string): readonly ObservedNode[] {
  const byName = nodes.sort((a, b) => byText(a.name, b.name));
  if (sort === 'name') return byName;
  if (sort === 'instances') return byName.sort((a, b) => b.instances.size - a.instances.size);
  return ranked(byName, ({ checks }) => -checkStatuses.indexOf(worst(checks.values())));
}

function cells(node: ObservedNode) {
  const { name, address, status, instances } = nodeLine(node);
  const kubeNode = node.meta[originKeys.node] ?? '';
  const outputs = [...node.checks.values()].map(shownOutput).filter((output) => output !== '');
  return [
    html`${link('/instances', { node: name }, name)}<br>${kubectl({ kind: 'Node', namespace: '', name: kubeNode })}`,
    status === null ? 'no check' : statusBadge(status),
    address,
    instances,
    outputs.join('; '),
  ];
}
