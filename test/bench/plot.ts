import type { MemoryCourse } from './memory.ts';

/** Times that were measured, by what they are of. */
export interface Distribution {
  readonly name: string;
  /** In milliseconds. */
  readonly values: readonly number[];
}

const [width, height] = [720, 320];
const [left, right, top, bottom] = [56, 28, 40, 40];
/** Readable on white and on black. */
const colours = ['#1f77b4', '#888888', '#d62728', '#c2a200'];
const text = 'font-family="sans-serif" font-size="12" fill="#777777"';

/** Which share took at most how long, on a logarithmic axis, as SVG. */
export function cumulative(title: string, distributions: readonly Distribution[]): string {
  const all = distributions.flatMap(({ values }) => values);
  const from = 10 ** Math.floor(Math.log10(Math.max(0.1, Math.min(...all))));
  const to = 10 ** Math.ceil(Math.log10(Math.max(...all)));
  const x = (ms: number) =>
    left + ((width - left - right) * Math.log10(Math.max(from, ms) / from)) / Math.log10(to / from);
  const y = (share: number) => top + (height - top - bottom) * (1 - share);
  const parts: string[] = [];
  for (const share of [0, 0.5, 0.9, 0.99, 1]) {
    parts.push(...row(y(share), share === 0.99 ? '' : `${share * 100} %`));
  }
  for (let ms = from; ms <= to; ms *= 10) parts.push(...column(x(ms), `${ms} ms`));
  for (const [place, { name, values }] of distributions.entries()) {
    const colour = colours[place % colours.length]!;
    const sorted = [...values].sort((a, b) => a - b);
    const points = sorted.map((ms, index) => `${px(x(ms))},${px(y((index + 1) / sorted.length))}`);
    parts.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>`,
      `<text x="${left + 8}" y="${top + 18 + 16 * place}" font-family="sans-serif" font-size="12" fill="${colour}">${name}</text>`,
    );
  }
  return svg(title, parts);
}

/** Memory over time, as SVG: MB above the seconds since the start, with what was done. */
export function courseOfMemory(title: string, { samples, marks }: MemoryCourse): string {
  const end = Math.max(...samples.map(({ at }) => at));
  const highest = 50 * Math.ceil(Math.max(...samples.map(({ rss }) => rss)) / 50);
  const x = (at: number) => left + ((width - left - right) * at) / end;
  const y = (mb: number) => top + (height - top - bottom) * (1 - mb / highest);
  const parts: string[] = [];
  for (let mb = 0; mb <= highest; mb += highest / 5) parts.push(...row(y(mb), `${Math.round(mb)} MB`));
  for (const [place, { at, name }] of marks.entries()) {
    const label = y(0) - 6 - 14 * (place % 3);
    parts.push(...column(x(at), ''), `<text x="${px(x(at) + 3)}" y="${px(label)}" ${text}>${name}</text>`);
  }
  for (const share of [0, 0.5, 1]) {
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
    const seconds = Math.round(share * end);
    parts.push(
      `<text x="${px(x(share * end))}" y="${height - bottom + 16}" text-anchor="${anchor}" ${text}>${seconds} s</text>`,
    );
  }
  const points = samples.map(({ at, rss }) => `${px(x(at))},${px(y(rss))}`);
  parts.push(`<polyline fill="none" stroke="${colours[0]}" stroke-width="2" points="${points.join(' ')}"/>`);
  return svg(title, parts);
}

const row = (y: number, label: string): string[] => [
  `<line x1="${left}" x2="${width - right}" y1="${px(y)}" y2="${px(y)}" stroke="#999999" stroke-opacity="0.3"/>`,
  ...(label === ''
    ? []
    : [`<text x="${left - 6}" y="${px(y + 4)}" text-anchor="end" ${text}>${label}</text>`]),
];

const column = (x: number, label: string): string[] => [
  `<line x1="${px(x)}" x2="${px(x)}" y1="${top}" y2="${height - bottom}" stroke="#999999" stroke-opacity="0.3"/>`,
  ...(label === ''
    ? []
    : [`<text x="${px(x)}" y="${height - bottom + 16}" text-anchor="middle" ${text}>${label}</text>`]),
];

function svg(title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<text x="${left}" y="20" font-family="sans-serif" font-size="14" fill="#777777">${title}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

const px = (value: number): string => value.toFixed(1);
