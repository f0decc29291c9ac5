import { roundedDuration } from '../../lib/duration.ts';
import { worst } from '../../plan/health.ts';
import { sumOf, totalOf } from '../../reconcile/service-counts.ts';
import { type Html, html } from '../html.ts';
import type { Reading } from '../reading.ts';
import type { ConsulLine, LeadershipLine, Overview, ReflectorLine } from '../status.ts';
import { changesInShort, driftSection } from './changes.ts';
import { badge, facts, link, number, type Section, section, table, time } from './parts.ts';
import { plotsSection } from './plots.ts';
import { ranked } from './rows.ts';
import { servicesInShort } from './services.ts';
import { asksLeader, heldInShort, problemsInShort } from './troubles.ts';

/** Rows of each list here; a page of its own has all of them. */
const most = 10;

/** The first page: what is wrong, then what there is. */
export function overviewPage(reading: Reading, overview: Overview): readonly Section[] {
  const { leadership, waitingFor, degraded } = overview;
  const ofLeader =
    leadership.state === 'standby'
      ? [asksLeader(leadership)]
      : [...problemsInShort(reading, most), ...heldInShort(reading, most)];
  return [
    ...listed('waiting', 'Waiting for', waitingFor),
    ...listed('degraded', 'Not readable in the cluster; its registrations stay unchanged', degraded),
    ...ofLeader,
    numbers(reading, overview),
    plotsSection(reading),
    servicesInShort(reading, most),
    ...(leadership.state === 'standby' ? [] : [...driftSection(reading), changesInShort(reading, most)]),
    connections(overview),
    about(overview),
  ];
}

function listed(id: string, title: string, lines: readonly string[]): readonly Section[] {
  if (lines.length === 0) return [];
  return [section(id, title, html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`)];
}

function numbers({ services, nodes }: Reading, { queue, counts }: Overview): Section {
  const totals = totalOf(services);
  const unwell = nodes.filter(({ checks }) => worst(checks.values()) !== 'passing').length;
  const waiting = queue.unanswered === 0 ? 'nothing waits' : `oldest ${roundedDuration(queue.unansweredMs)}`;
  return {
    id: 'numbers',
    body: html`<h2 class="hidden">Numbers</h2><ul class="tiles">
${tile('/services', 'Services', services.size, 'registered')}
${tile('/instances', 'Instances', sumOf(totals), `${number(totals.critical)} critical, ${number(totals.warning)} warning`)}
${tile('/nodes', 'Nodes', nodes.length, unwell === 0 ? 'all passing' : `${number(unwell)} not passing`)}
${tile('/problems', 'Problems', counts.errors, `${number(counts.warnings)} with a warning`)}
${tile('/held', 'Held', counts.held, 'by guard or policy')}
${tile('/changes', 'Waiting', queue.unanswered, waiting)}
</ul>`,
  };
}

const tile = (path: string, name: string, value: number, more: string): Html =>
  html`<li>${link(path, {}, html`<span class="name">${name}</span> <b>${number(value)}</b> <small>${more}</small>`)}</li>`;

function connections({ kubernetes, consul, reflectors }: Overview): Section {
  const rows = ranked(reflectors, ({ error, synced }) => (error !== null ? 0 : synced ? 2 : 1));
  return section(
    'connections',
    'Consul and Kubernetes',
    facts([
      ['Consul', server(consul)],
      ['Addresses', consul.addresses.join(', ')],
      ['Last full comparison', consul.lastFullSync === null ? 'none yet' : time(consul.lastFullSync)],
      ['API server', server(kubernetes)],
    ]),
    table({
      label: 'Reflectors',
      columns: [
        { title: 'Resource' },
        { title: 'Namespace' },
        { title: 'State' },
        { title: 'Objects', kind: 'number' },
        { title: 'Last event' },
        { title: 'Error', kind: 'wide' },
      ],
      rows,
      cells: reflectorCells,
      none: 'No reflector is running.',
    }),
  );
}

function server({ up, refused, since, error }: Pick<ConsulLine, 'up' | 'refused' | 'since' | 'error'>): Html {
  if (up === null) return html`${badge('fair', 'not reached yet')} ${error ?? ''}`;
  if (up) return badge('good', 'reachable');
  const what = badge('bad', refused ? 'refuses access' : 'unreachable');
  return html`${what} ${since === null ? '' : html`since ${time(since)}`} ${error ?? ''}`;
}

function reflectorCells({
  resource,
  namespace,
  state,
  synced,
  objects,
  lastEventAgeMs,
  error,
}: ReflectorLine) {
  return [
    resource,
    namespace === '' ? 'all' : namespace,
    badge(error !== null ? 'bad' : synced ? 'good' : 'fair', error === null ? state : `${state}, failing`),
    objects,
    lastEventAgeMs === null ? 'none yet' : age(lastEventAgeMs),
    error ?? '',
  ];
}

/** To the minute: bookmarks come about once a minute, and a page that changes all the time is hard to read. */
const age = (ms: number): string => (ms < 120_000 ? 'within 2 min' : `${roundedDuration(ms)} ago`);

function about({ cluster, policy, leadership, version, startedAt, queue }: Overview): Section {
  return section(
    'about',
    'About this process',
    facts([
      ['Cluster', cluster.name],
      ['Cluster uid', cluster.uid === '' ? 'not known yet' : cluster.uid],
      ['Policy', policy],
      ['Leader', leading(leadership)],
      ['Transactions in flight', queue.inFlight],
      ['Running since', time(startedAt)],
      ['Version', version],
    ]),
  );
}

function leading({ state, holder, lease, fenced, error }: LeadershipLine): Html {
  const what =
    state === 'alone'
      ? html`no election; this process writes`
      : state === 'leading'
        ? html`${badge('good', 'this process')} holds ${lease ?? ''}${fenced === false ? ', writes are not fenced' : ''}`
        : html`${badge('fair', 'standby')} ${holder === null ? 'nobody leads' : `${holder} leads`}`;
  return error === null ? what : html`${what}. ${error}`;
}
