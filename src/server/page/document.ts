import { createHash } from 'node:crypto';
import type { Pause } from '../../lib/pause.ts';
import { type Html, html } from '../html.ts';
import { overviewOf } from '../operator-status.ts';
import type { Reading } from '../reading.ts';
import type { Overview, SyncKind } from '../status.ts';
import { changesPage } from './changes.ts';
import { instancesPage } from './instances.ts';
import { nodesPage } from './nodes.ts';
import { overviewPage } from './overview.ts';
import { badge, capitalized, nothing, type Section, type Tone, time } from './parts.ts';
import { linkTo, type Query } from './query.ts';
import { pageScript } from './script.ts';
import { servicesPage } from './services.ts';
import { pageStyle } from './style.ts';
import { heldPage, problemsPage } from './troubles.ts';

type Render = (
  reading: Reading,
  query: Query,
  more: { readonly overview: Overview; readonly pause: Pause },
) => readonly Section[] | Promise<readonly Section[]>;

/** The pages there are, in the order of the navigation. */
const pages = {
  '/': ['Overview', (reading, _query, { overview }) => overviewPage(reading, overview)],
  '/services': ['Services', servicesPage],
  '/instances': ['Instances', instancesPage],
  '/nodes': ['Nodes', nodesPage],
  '/problems': ['Problems', problemsPage],
  '/held': ['Held', heldPage],
  '/changes': ['Changes', changesPage],
} as const satisfies Readonly<Record<string, readonly [string, Render]>>;

export type PagePath = keyof typeof pages;
export const pagePaths = Object.keys(pages) as readonly PagePath[];

/** A page in parts, the state first. */
export interface Page {
  readonly path: PagePath;
  readonly kind: SyncKind;
  /** For the tab: the state, and of which cluster. */
  readonly title: string;
  readonly tone: Tone;
  readonly sections: readonly Section[];
}

/** The page for a path and a query, from what the operator knows now. */
export async function pageOf(path: PagePath, query: Query, reading: Reading, pause: Pause): Promise<Page> {
  const overview = overviewOf(reading);
  const { kind, text } = overview.state;
  const render: Render = pages[path][1];
  return {
    path,
    kind,
    title: `${capitalized(text)} · ${overview.cluster.name} – kube-registrar`,
    tone: tones[kind],
    sections: [stateSection(overview), ...(await render(reading, query, { overview, pause }))],
  };
}

const tones: Readonly<Record<SyncKind, Tone>> = {
  starting: 'fair',
  'kubernetes-down': 'bad',
  'consul-down': 'bad',
  'no-leader': 'bad',
  standby: 'calm',
  'catching-up': 'fair',
  problems: 'bad',
  held: 'fair',
  'in-sync': 'good',
};

function stateSection({ cluster, state, now, policy }: Overview): Section {
  const { kind, text, also } = state;
  const more = [...also, ...(policy === 'sync' ? [] : [`policy ${policy}`])];
  return {
    id: 'state',
    body: html`<p class="state ${tones[kind]}">${badge(tones[kind], capitalized(text))}${more.map((line) => html` ${badge('calm', line)}`)}</p>
<p class="when">Cluster <b>${cluster.name}</b>, as of ${time(now)} UTC</p>`,
  };
}

/** The whole document. It has no inline script or style and loads nothing from elsewhere. */
export function documentOf({ path, kind, title, tone, sections }: Page): string {
  const [state, ...others] = sections;
  const wrap = ({ id, body }: Section): Html => html`<section id="${id}">${body}</section>\n`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="./favicon-${tone}.svg">
<link rel="stylesheet" href="./page.css?${versionOf(pageStyle)}">
<script src="./page.js?${versionOf(pageScript)}" defer></script>
</head>
<body>
<header>
<p class="brand"><a href="./">kube-registrar</a></p>
${navigation(path)}
<p id="live" hidden><span></span> <button type="button"></button></p>
</header>
<main data-kind="${kind}">
<p id="announced" class="hidden" role="status"></p>
<h1 class="hidden">kube-registrar: ${pages[path][0]}</h1>
${state === undefined ? nothing : wrap(state)}
${others.map(wrap)}
</main>
<footer><p>The same as <a href="./status.json">JSON</a>, and <a href="./metrics">metrics</a> for Prometheus.</p></footer>
</body>
</html>
`.text;
}

/** Part of a resource's address, so that a browser takes the new one after an upgrade. */
const versionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

function navigation(current: PagePath): Html {
  const items = pagePaths.map((path) => {
    const here = path === current ? html` aria-current="page"` : nothing;
    return html`<li><a href="${linkTo(path)}"${here}>${pages[path][0]}</a></li>\n`;
  });
  return html`<nav aria-label="Pages of the operator"><ul>${items}</ul></nav>`;
}
