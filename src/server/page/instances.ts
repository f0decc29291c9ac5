import { counted } from '../../lib/counted.ts';
import type { Pause } from '../../lib/pause.ts';
import { type CheckStatus, checkStatus, checkStatuses } from '../../model/check.ts';
import { type Origin, originOf } from '../../model/origin.ts';
import type { ObjectRef } from '../../model/problem.ts';
import { parseRoute } from '../../model/route.ts';
import { worseOf, worst } from '../../plan/health.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { type Html, html } from '../html.ts';
import type { Reading } from '../reading.ts';
import { shownOutput } from './check-output.ts';
import {
  badge,
  type Column,
  kubectl,
  link,
  nothing,
  number,
  objectName,
  paging,
  type Section,
  searchForm,
  section,
  statusBadge,
  statusTones,
  table,
} from './parts.ts';
import type { Query } from './query.ts';
import { byText, finder, ranked, rowsOf } from './rows.ts';

interface Row {
  readonly node: ObservedNode;
  readonly instance: ObservedInstance;
  /** As Consul's health endpoint counts it: the worst of instance and node. */
  readonly status: CheckStatus;
}

const path = '/instances';

interface InstanceColumn extends Column {
  readonly of: (row: Row) => string | Html;
}

const columns: readonly InstanceColumn[] = [
  { title: 'Instance', of: ({ instance }) => instanceCell(instance) },
  { title: 'Service', sort: 'service', of: ({ instance: { service } }) => link(path, { service }, service) },
  { title: 'Status', of: ({ status }) => statusBadge(status) },
  { title: 'Address', of: ({ instance }) => addressCell(instance) },
  { title: 'Node', sort: 'node', of: ({ node: { name } }) => link(path, { node: name }, name) },
  { title: 'Checks', kind: 'wide', of: (row) => checksCell(row) },
];

/** Instances, of a service, of a node, or all, a page of them at a time. */
export async function instancesPage(
  reading: Reading,
  query: Query,
  { pause }: { readonly pause: Pause },
): Promise<readonly Section[]> {
  const selected = await select(reading.nodes, query, pause);
  const found = rowsOf(sorted(selected, query.sort), query.page);
  // What all of them have in common is in the title.
  const shown = columns.filter(
    ({ sort }) => !((sort === 'service' && query.service !== '') || (sort === 'node' && query.node !== '')),
  );
  const of = query.service !== '' ? query.service : query.node !== '' ? `node ${query.node}` : '';
  return [
    ...(query.service === '' ? [] : [serviceSection(reading, query.service, found.rows)]),
    section(
      'instances',
      of === '' ? 'Instances' : html`Instances of ${of}`,
      searchForm(path, query, 'Pod, service, address or node'),
      statusLinks(query),
      table({
        label: 'Instances',
        columns: shown,
        rows: found.rows,
        cells: (row) => shown.map((column) => column.of(row)),
        none: 'No instance found.',
        at: { path, query },
      }),
      paging(found, path, query, 'instance'),
    ),
  ];
}

/** In the order of the nodes' names. */
async function select(
  nodes: readonly ObservedNode[],
  { q, service, node: name, status }: Query,
  pause: Pause,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const matches = finder(q);
  const inOrder = name === '' ? [...nodes].sort((a, b) => byText(a.name, b.name)) : nodes;
  for (const node of inOrder) {
    if (name !== '' && node.name !== name) continue;
    const due = pause();
    if (due !== undefined) await due;
    const ofNode = worst(node.checks.values());
    for (const instance of node.instances.values()) {
      if (service !== '' && instance.service !== service) continue;
      if (!matches(instance.id, instance.service, instance.address, node.name)) continue;
      const own = worseOf(ofNode, worst(instance.checks.values()));
      if (status === '' || status === own) rows.push({ node, instance, status: own });
    }
  }
  return rows;
}

function sorted(rows: readonly Row[], sort: string): readonly Row[] {
  if (sort === 'node') return rows;
  if (sort !== 'service') return ranked(rows, ({ status }) => -checkStatuses.indexOf(status));
  const services = Map.groupBy(rows, ({ instance }) => instance.service);
  return [...services].sort(([a], [b]) => byText(a, b)).flatMap(([, group]) => group);
}

const addressCell = ({ address, port }: ObservedInstance): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

function checksCell({ node, instance }: Row): Html {
  const checks = [...node.checks.values(), ...instance.checks.values()];
  return html`<ul class="checks">${checks.map(checkLine)}</ul>`;
}

/** The object that the instance comes from; of an instance that is from elsewhere, its id. */
function instanceCell({ id, meta }: ObservedInstance): Html {
  const from = objectOf(originOf(meta));
  if (from === undefined) return html`${id}`;
  const name = from.kind === 'Pod' ? objectName(from) : `${from.kind} ${objectName(from)}`;
  return html`${name}<br><small>${id}</small><br>${kubectl(from)}`;
}

type From = Omit<ObjectRef, 'uid'>;

/** What is registered: a pod, or what a Service, an Ingress or a route is reached by. */
function objectOf({ pod, ...origin }: Origin): From | undefined {
  return pod === '' ? askingObject(origin) : { kind: 'Pod', namespace: origin.namespace, name: pod };
}

/** What asks for it beside the pod itself. */
function askingObject({ namespace, service, route }: Omit<Origin, 'pod'>): From | undefined {
  const asking = parseRoute(route);
  if (asking !== undefined) return { ...asking, namespace };
  return service === '' ? undefined : { kind: 'Service', namespace, name: service };
}

function checkLine(check: ObservedCheck): Html {
  const output = shownOutput(check);
  const status = checkStatus(check.status);
  return html`<li>${badge(statusTones[status], status)} ${check.name}${output === '' ? '' : `: ${output}`}</li>`;
}

function statusLinks(query: Query): Html {
  const to = (status: string, text: string): Html =>
    query.status === status
      ? html` <strong aria-current="true">${text}</strong>`
      : html` ${link(path, { ...query, status, page: 1 }, text)}`;
  return html`<p class="filter">Show:${to('', 'all')}${checkStatuses.map((status) => to(status, status))}</p>`;
}

/** What there is to say about the whole service. `rows`: those that are shown. */
function serviceSection({ services }: Reading, name: string, rows: readonly Row[]): Section {
  const counts = services.get(name);
  const title = html`Service ${name}`;
  if (counts === undefined) return section('service', title, html`<p>It has no registered instances.</p>`);
  const statuses = checkStatuses.filter((status) => counts[status] > 0);
  const asking = rows.flatMap(({ instance }) => askingObject(originOf(instance.meta)) ?? []);
  const owners = new Map(asking.map((each) => [`${each.kind} ${objectName(each)}`, each]));
  const commands = [...owners.values()].map((each) => html`<li>${kubectl(each)}</li>`);
  return section(
    'service',
    title,
    html`<p>${statuses.map((status) => html`${badge(statusTones[status], `${number(counts[status])} ${status}`)} `)}</p>`,
    commands.length === 0
      ? nothing
      : html`<p>Asked for by ${counted(commands.length, 'object')}:</p><ul class="plain">${commands}</ul>`,
  );
}
