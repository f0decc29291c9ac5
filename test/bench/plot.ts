/** Times that were measured, by what they are of. */
export interface Distribution {
  readonly name: string;
  /** In milliseconds. */
  readonly values: readonly number[];
}

const [width, height] = [720, 320];
const [left, right, top, bottom] = [48, 16, 40, 40];
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
    parts.push(
      `<line x1="${left}" x2="${width - right}" y1="${px(y(share))}" y2="${px(y(share))}" stroke="#999999" stroke-opacity="0.3"/>`,
      ...(share === 0.99
        ? []
        : [
            `<text x="${left - 6}" y="${px(y(share) + 4)}" text-anchor="end" ${text}>${share * 100} %</text>`,
          ]),
    );
  }
  for (let ms = from; ms <= to; ms *= 10) {
    parts.push(
      `<line x1="${px(x(ms))}" x2="${px(x(ms))}" y1="${top}" y2="${height - bottom}" stroke="#999999" stroke-opacity="0.3"/>`,
      `<text x="${px(x(ms))}" y="${height - bottom + 16}" text-anchor="middle" ${text}>${ms} ms</text>`,
    );
  }
  for (const [place, { name, values }] of distributions.entries()) {
    const colour = colours[place % colours.length]!;
    const sorted = [...values].sort((a, b) => a - b);
    const points = sorted.map((ms, index) => `${px(x(ms))},${px(y((index + 1) / sorted.length))}`);
    parts.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>`,
      `<text x="${left + 8}" y="${top + 18 + 16 * place}" font-family="sans-serif" font-size="12" fill="${colour}">${name}</text>`,
    );
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<text x="${left}" y="20" font-family="sans-serif" font-size="14" fill="#777777">${title}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

const px = (value: number): string => value.toFixed(1);
