import { formatDuration } from '../lib/duration.ts';
import { checkStatuses } from '../model/check.ts';
import type { EntryFields } from '../model/entry-ref.ts';
import { fieldText } from '../plan/render.ts';
import { Html, html } from './html.ts';
import { pageStyle } from './page-style.ts';
import type {
  ConsulLine,
  DriftStatusLine,
  HeldLine,
  LeadershipLine,
  NodeLine,
  ProblemLine,
  ReflectorLine,
  ServiceLine,
  Status,
  SyncKind,
} from './status.ts';

/** Rows of a table that are shown, and all that are not well; the rest is in /status.json. */
const mostRows = 200;

/**
 * The status page: one document without scripts and outside resources. States are given in words, never by colour
 * alone. It does not reload by itself: that would take a screen reader back to the top.
 */
export function statusPage(status: Status): string {
  const { kind, text, also } = status.state;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text} · ${status.cluster.name} – kube-registrar</title>
<style>${new Html(pageStyle)}</style>
</head>
<body>
<header>
<h1>kube-registrar</h1>
<p>${badge(stateTones[kind], capitalized(text))}${also.map((more) => `; ${more}`)}. ${status.now}. <a href="/">Reload</a>, <a href="/status.json">JSON</a>, <a href="/metrics">metrics</a></p>
</header>
<main>
${section('Waiting for', status.waitingFor)}
${section('Not readable in the cluster; what is registered from it stays as it is', status.degraded)}
${overview(status)}
${standby(status.leadership) ?? [problems(status.problems), held(status.held), drift(status.drift)]}
${services(status.services)}
${consul(status.consul)}
${reflectors(status.reflectors)}
${nodes(status.nodes)}
</main>
</body>
</html>
`.text;
}

const stateTones: Readonly<Record<SyncKind, Tone>> = {
  starting: 'fair',
  'kubernetes-down': 'bad',
  'consul-down': 'bad',
  'no-leader': 'bad',
  standby: 'fair',
  'catching-up': 'fair',
  problems: 'bad',
  held: 'fair',
  'in-sync': 'good',
};

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function section(title: string, lines: readonly string[]): Html {
  if (lines.length === 0) return html``;
  return html`<section><h2>${title}</h2><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></section>`;
}

function overview({ cluster, policy, leadership, queue, services: lines, version, startedAt }: Status): Html {
  const total = (key: 'passing' | 'warning' | 'critical') => lines.reduce((sum, line) => sum + line[key], 0);
  const facts: [string, string | number | Html][] = [
    ['Cluster', cluster.name],
    ['Cluster uid', cluster.uid],
    ['Policy', policy],
    ['Leader', leading(leadership)],
    ['Services', lines.length],
    ['Instances', `${total('passing')} passing, ${total('warning')} warning, ${total('critical')} critical`],
    ['Queue', `${queue.depth} waiting, the first for ${formatDuration(queue.oldestMs)}`],
    ['Transactions in flight', queue.inFlight],
    ['Running since', startedAt],
    ['Version', version],
  ];
  return html`<section><h2>Overview</h2><dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`;
}

function leading({ state, holder, lease, fenced, error }: LeadershipLine): Html {
  const what =
    state === 'alone'
      ? html`no election; this process writes`
      : state === 'leading'
        ? html`${badge('good', 'this process')} holds ${lease ?? ''}${fenced === false ? ', writes are not fenced' : ''}`
        : html`${badge('fair', 'standby')}, ${holder === null ? 'nobody leads' : `${holder} leads`}`;
  return error === null ? what : html`${what}. ${error}`;
}

/** Stands for what only the leader knows: "none" would be wrong on a standby. */
function standby({ state, holder }: LeadershipLine): Html | undefined {
  if (state !== 'standby') return undefined;
  const where = holder === null ? 'nobody leads at the moment' : html`ask the leader, ${podOf(holder)}`;
  return html`<section><h2>Problems</h2><p>This replica stands by: it follows the cluster and Consul, whose state is below, and writes nothing. What cannot be registered, what is held back and what others change, only the leader knows; ${where}.</p></section>`;
}

/** An identity starts with the name of the pod. */
const podOf = (identity: string): string => identity.replace(/_.*/, '');

function problems(lines: readonly ProblemLine[]): Html {
  return table(
    'Problems',
    'No problems.',
    ['Object', 'Reason', 'Field', 'Message', 'Since'],
    lines,
    ({ object, reason, field, message, severity, since }) => [
      `${object.kind} ${object.namespace === '' ? '' : `${object.namespace}/`}${object.name}`,
      badge(severity === 'error' ? 'bad' : 'fair', `${severity}: ${reason}`),
      field,
      message,
      since,
    ],
    ({ severity }) => (severity === 'error' ? 2 : 1),
  );
}

function held(lines: readonly HeldLine[]): Html {
  return table(
    'Held',
    'Nothing is held.',
    ['Entry', 'On node', 'Held by', 'Why', 'Since', 'Until, or next try', 'To release it'],
    lines,
    (line) => [
      entryOf(line),
      line.node,
      badge(line.by === 'consul' ? 'bad' : 'fair', line.by),
      line.why,
      line.since,
      line.until ?? 'not known',
      line.release ?? '',
    ],
  );
}

function drift(lines: readonly DriftStatusLine[]): Html {
  return table(
    'Recent drift',
    'Nobody else has changed an entry lately.',
    ['Entry', 'On node', 'Was', 'What', 'Times', 'Last'],
    lines,
    (line) => [
      entryOf(line),
      line.node,
      badge('fair', drifted[line.what]),
      line.fields.map(fieldText).join('; '),
      line.times,
      line.last,
    ],
  );
}

const drifted = { missing: 'removed', changed: 'edited', unexpected: 'added' } as const;

const entryOf = ({ instance, service, check }: EntryFields): string =>
  [instance === null ? 'the node' : `${instance} of ${service}`, check === null ? '' : `check ${check}`]
    .filter((text) => text !== '')
    .join(', ');

function services(lines: readonly ServiceLine[]): Html {
  return table(
    'Services',
    'Nothing is registered.',
    ['Service', 'Passing', 'Warning', 'Critical'],
    lines,
    ({ name, passing, warning, critical }) => [name, passing, warning, critical],
    ({ warning, critical }) => (critical > 0 ? 2 : warning > 0 ? 1 : 0),
  );
}

function consul({ addresses, up, error, lastFullSync }: ConsulLine): Html {
  const state =
    up === null ? badge('fair', 'not reached yet') : up ? badge('good', 'up') : badge('bad', 'down');
  return html`<section><h2>Consul</h2><dl>
<dt>State</dt><dd>${state}${error === null ? '' : ` ${error}`}</dd>
<dt>Addresses</dt><dd>${addresses.join(', ')}</dd>
<dt>Last full comparison</dt><dd>${lastFullSync ?? 'none yet'}</dd>
</dl></section>`;
}

function reflectors(lines: readonly ReflectorLine[]): Html {
  return table(
    'Kubernetes reflectors',
    'None is running.',
    ['Resource', 'Namespace', 'State', 'Objects', 'Last event', 'Error'],
    lines,
    ({ resource, namespace, state, synced, objects, lastEventAgeMs, error }) => [
      resource,
      namespace === '' ? 'all' : namespace,
      badge(error !== null ? 'bad' : synced ? 'good' : 'fair', state),
      objects,
      lastEventAgeMs === null ? 'none yet' : `${formatDuration(lastEventAgeMs)} ago`,
      error ?? '',
    ],
    ({ error, synced }) => (error !== null ? 2 : synced ? 0 : 1),
  );
}

function nodes(lines: readonly NodeLine[]): Html {
  return table(
    'Nodes in Consul',
    'No node of this cluster.',
    ['Node', 'Address', 'Check', 'Instances'],
    lines,
    ({ name, address, status, instances }) => [
      name,
      address,
      status === null ? 'none' : badge(tones[status], status),
      instances,
    ],
    ({ status }) => (status === null ? 0 : checkStatuses.indexOf(status)),
  );
}

const tones = { passing: 'good', warning: 'fair', critical: 'bad' } as const;

type Tone = 'good' | 'fair' | 'bad';

function badge(tone: Tone, text: string): Html {
  return html`<span class="${tone}">${text}</span>`;
}

type Cell = string | number | Html;

/** `trouble`: how unwell a line is; lines with the most come first, and none of them is cut off. */
function table<Line>(
  title: string,
  none: string,
  columns: readonly string[],
  lines: readonly Line[],
  cells: (line: Line) => readonly Cell[],
  trouble: (line: Line) => number = () => 0,
): Html {
  if (lines.length === 0) return html`<section><h2>${title}</h2><p>${none}</p></section>`;
  const sorted = [...lines].sort((a, b) => trouble(b) - trouble(a));
  const unwell = lines.filter((line) => trouble(line) > 0).length;
  const rows = sorted
    .slice(0, Math.max(mostRows, unwell))
    .map((line) => html`<tr>${cells(line).map(cell)}</tr>\n`);
  const more = lines.length - rows.length;
  return html`<section><h2>${title} (${lines.length})</h2>
<div class="wide" role="region" aria-label="${title}" tabindex="0"><table>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
${rows}</tbody></table></div>
${more > 0 ? html`<p>${more} more are in <a href="/status.json">/status.json</a>.</p>` : []}
</section>`;
}

function cell(value: Cell, index: number): Html {
  if (index === 0) return html`<th scope="row">${value}</th>`;
  return typeof value === 'number' ? html`<td class="number">${value}</td>` : html`<td>${value}</td>`;
}
