import { type Line, type Span, span } from './span.ts';

const gap = '  ';

/** Rows of cells in columns as wide as their widest cell; the last column is as long as it is. */
export function table(rows: readonly (readonly Span[])[]): readonly Line[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return rows.map((row) =>
    row.map(({ text, tone }, column) =>
      column === row.length - 1 ? span(text, tone) : span(text.padEnd(widths[column]!) + gap, tone),
    ),
  );
}

export const heading = (...titles: readonly string[]): readonly Span[] =>
  titles.map((title) => span(title, 'dim'));
