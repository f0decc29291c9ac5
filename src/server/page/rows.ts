/** Rows on one page. */
export const pageSize = 50;

/** A part of a long list. */
export interface Rows<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  /** The page that is shown, from 1, and how many there are. */
  readonly page: number;
  readonly pages: number;
}

/** The rows of one page; of the last when there are fewer. */
export function rowsOf<Row>(all: readonly Row[], wanted: number, size = pageSize): Rows<Row> {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const page = Math.min(wanted, pages);
  return { rows: all.slice((page - 1) * size, page * size), total: all.length, page, pages };
}

/** Whether one of the texts contains what is looked for. */
export function finder(q: string): (...texts: readonly string[]) => boolean {
  if (q === '') return () => true;
  const pattern = new RegExp(q.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'iu');
  return (...texts) => texts.some((text) => pattern.test(text));
}

/** The same rows in groups, the group with the smallest rank first; within a group the order stays. */
export function ranked<Row>(rows: Iterable<Row>, rankOf: (row: Row) => number): Row[] {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const rank = rankOf(row);
    const group = groups.get(rank);
    if (group === undefined) groups.set(rank, [row]);
    else group.push(row);
  }
  return [...groups].sort(([a], [b]) => a - b).flatMap(([, group]) => group);
}

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
