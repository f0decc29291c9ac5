/** What a page is asked for: the part of its address after `?`. */
export interface Query {
  /** Text to look for, in whatever case. */
  readonly q: string;
  /** The column to sort by; '': trouble first. */
  readonly sort: string;
  /** From 1. */
  readonly page: number;
  /** Of which service or node, of which status; '': of all. */
  readonly service: string;
  readonly node: string;
  readonly status: string;
}

export const emptyQuery: Query = { q: '', sort: '', page: 1, service: '', node: '', status: '' };

/** Consul's names are shorter, and a longer text finds nothing. */
const longest = 200;
const lastPage = 100_000;

/** The query of a request's target. What cannot be read as one is as if it were not there. */
export function queryOf(target: string): Query {
  const at = target.indexOf('?');
  const given = new URLSearchParams(at < 0 ? '' : target.slice(at + 1));
  const text = (key: keyof Query) => (given.get(key) ?? '').trim().slice(0, longest);
  const page = Number(given.get('page') ?? 1);
  return {
    q: text('q'),
    sort: text('sort'),
    page: Number.isInteger(page) && page >= 1 ? Math.min(page, lastPage) : 1,
    service: text('service'),
    node: text('node'),
    status: text('status'),
  };
}

/** A relative link, so that it also works behind a proxy that serves the operator under a path. */
export function linkTo(path: string, query: Partial<Query> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== emptyQuery[key as keyof Query]) search.set(key, String(value));
  }
  const relative = `.${path}`;
  return search.size === 0 ? relative : `${relative}?${search}`;
}
