import { counted } from '../../lib/counted.ts';
import type { CheckStatus } from '../../model/check.ts';
import type { EntryFields } from '../../model/entry-ref.ts';
import type { ObjectRef } from '../../model/problem.ts';
import { type Html, html } from '../html.ts';
import { linkTo, type Query } from './query.ts';
import type { Rows } from './rows.ts';

/** How good or bad something is. It is said in words too: colour alone would not reach everybody. */
export type Tone = 'good' | 'fair' | 'bad' | 'calm';

export const nothing = html``;

export const badge = (tone: Tone, text: string): Html => html`<span class="badge ${tone}">${text}</span>`;

export const statusTones = { passing: 'good', warning: 'fair', critical: 'bad' } as const;
export const statusBadge = (status: CheckStatus): Html => badge(statusTones[status], status);

export const link = (path: string, query: Partial<Query>, text: string | number | Html): Html =>
  html`<a href="${linkTo(path, query)}">${text}</a>`;

/** `2,000` */
export const number = (value: number): string => value.toLocaleString('en');

export const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A time for people, exact for programs. */
export const time = (iso: string): Html =>
  html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time>`;

export const objectName = ({ namespace, name }: Pick<ObjectRef, 'namespace' | 'name'>): string =>
  namespace === '' ? name : `${namespace}/${name}`;

/** Names that the API server accepts: nothing in them means anything to a shell. */
const kubeName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/** The command that shows an object; nothing when its name could not be one, for somebody may paste it into a shell. */
export function kubectl({ kind, namespace, name }: Omit<ObjectRef, 'uid'>): Html {
  if (!kubeName.test(name) || (namespace !== '' && !kubeName.test(namespace))) return nothing;
  const where = namespace === '' ? '' : ` -n ${namespace}`;
  return html`<code class="command">kubectl${where} describe ${kind.toLowerCase()} ${name}</code>`;
}

/** An entry in Consul in words. */
export function entryName({ instance, service, check }: EntryFields): Html {
  const of =
    instance === null || service === null
      ? html`the node`
      : html`${link('/instances', { service, q: instance }, instance)} of ${link('/instances', { service }, service)}`;
  return check === null ? of : html`${of}, check ${check}`;
}

/** A part of a page. It has a name of its own, by which it is replaced when it changes. */
export interface Section {
  readonly id: string;
  readonly body: Html;
}

export const section = (id: string, title: string | Html, ...body: readonly Html[]): Section => ({
  id,
  body: html`<h2>${title}</h2>${body}`,
});

type Cell = string | number | Html;

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'wide';
  /** The key by which this column sorts. */
  readonly sort?: string;
}

export interface TableOptions<Row> {
  /** What the table holds, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly cells: (row: Row) => readonly Cell[];
  /** Instead of a table without rows. */
  readonly none: string;
  /** Where the page is, for the links that sort. */
  readonly at?: { readonly path: string; readonly query: Query };
}

export function table<Row>({ label, columns, rows, cells, none, at }: TableOptions<Row>): Html {
  if (rows.length === 0) return html`<p class="none">${none}</p>`;
  const head = columns.map(({ title, kind = '', sort }) => {
    if (sort === undefined || at === undefined) return html`<th scope="col" class="${kind}">${title}</th>`;
    const isSorted = at.query.sort === sort;
    const to = link(at.path, { ...at.query, sort: isSorted ? '' : sort, page: 1 }, title);
    const direction = kind === 'number' ? 'descending' : 'ascending';
    return html`<th scope="col" class="${kind}" aria-sort="${isSorted ? direction : 'none'}">${to}</th>`;
  });
  const body = rows.map(
    (row) => html`<tr>${cells(row).map((value, at) => cell(value, at, columns[at]!))}</tr>\n`,
  );
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}

/** `data-title`: where there is no room for columns, each cell stands in a line of its own with its title. */
function cell(value: Cell, at: number, { title, kind }: Column): Html {
  const text = typeof value === 'number' ? number(value) : value;
  return at === 0
    ? html`<th scope="row" class="${kind ?? ''}">${text}</th>`
    : html`<td class="${kind ?? ''}" data-title="${title}">${text}</td>`;
}

/** Which rows are shown, and the way to the others. */
export function paging(
  { total, page, pages }: Rows<unknown>,
  path: string,
  query: Query,
  noun: string,
): Html {
  if (pages === 1) return html`<p class="paging">${counted(total, noun)}</p>`;
  const to = (wanted: number, text: string, rel: string): Html =>
    wanted < 1 || wanted > pages
      ? html`<span class="off">${text}</span>`
      : html`<a rel="${rel}" href="${linkTo(path, { ...query, page: wanted })}">${text}</a>`;
  return html`<nav class="paging" aria-label="Pages">${to(page - 1, 'Previous', 'prev')}
<span>page ${number(page)} of ${number(pages)}, ${counted(total, noun)}</span>
${to(page + 1, 'Next', 'next')}</nav>`;
}

/** A form that looks for text on a page; what else the page is asked for stays. */
export function searchForm(path: string, query: Query, label: string): Html {
  const { q, page: _page, ...rest } = query;
  const kept = Object.entries(rest).filter(([, value]) => value !== '');
  const id = `search-${path.slice(1)}`;
  return html`<form class="search" role="search" action="${linkTo(path)}" method="get">
${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<label for="${id}">${label}</label>
<input id="${id}" type="search" name="q" value="${q}" maxlength="200" autocomplete="off">
<button>Search</button>${q === '' ? nothing : html` ${link(path, { ...query, q: '', page: 1 }, 'Show all')}`}
</form>`;
}

export const facts = (lines: readonly (readonly [string, Cell])[]): Html =>
  html`<dl>${lines.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
