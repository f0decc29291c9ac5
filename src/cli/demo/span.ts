import { styleText } from 'node:util';

/** The meaning of a piece of text, not its look: without colour the words are enough. */
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'warn' | 'bad' | 'title';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One line on the screen. */
export type Line = readonly Span[];

export const span = (text: string, tone: Tone = 'plain'): Span => ({ text, tone });

const formats = {
  strong: 'bold',
  dim: 'dim',
  good: 'green',
  warn: 'yellow',
  bad: ['bold', 'red'],
  title: ['bold', 'cyan'],
} as const;

/** The line cut to `width` columns, with `…` where something was cut. */
export function fit(line: Line, width: number, ellipsis: string): Line {
  let left = width;
  const total = line.reduce((sum, { text }) => sum + text.length, 0);
  if (total <= width) return line;
  left -= ellipsis.length;
  const kept: Span[] = [];
  for (const { text, tone } of line) {
    if (left <= 0) break;
    kept.push(span(text.slice(0, left), tone));
    left -= text.length;
  }
  return [...kept, span(ellipsis.slice(0, Math.max(0, width)), 'dim')];
}

/** The line for a terminal; without `colour` its bare text. */
export function paint(line: Line, colour: boolean): string {
  return line
    .map(({ text, tone }) =>
      !colour || tone === 'plain' || text === ''
        ? text
        : styleText(formats[tone] as Parameters<typeof styleText>[0], text, { validateStream: false }),
    )
    .join('');
}

/** The text in lines of at most `width` columns, broken between words. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
