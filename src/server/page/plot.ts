import { Html, html } from '../html.ts';

/** A line of a plot. The second differs from the first by its dashes too. */
export interface Line {
  readonly name: string;
  /** Undefined where there is nothing to show. */
  readonly values: readonly (number | undefined)[];
}

export interface PlotOptions {
  readonly title: string;
  /** Of each value, wall-clock ms. The right edge is the last of them. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** Logarithmic from 1 up, for durations: one long one must not hide the others. Default: linear from 0. */
  readonly logarithmic?: boolean;
  /** A value for people: `25 ms`. */
  readonly format: (value: number) => string;
}

const hourMs = 3_600_000;
/** The drawing, in units of its own: it is stretched to the space there is. */
const width = 240;
const height = 60;
const kinds = ['one', 'two'] as const;

/** Values of the last hour as inline SVG. Without the picture, the caption has the latest and the greatest values. */
export function plot({ title, times, lines, logarithmic = false, format }: PlotOptions): Html {
  const end = times.at(-1) ?? 0;
  const top = niceAbove(
    Math.max(
      logarithmic ? 10 : 0,
      ...lines.flatMap(({ values }) => values.filter((value) => value !== undefined)),
    ),
  );
  const x = (at: number) => round(width * (1 - (end - times[at]!) / hourMs));
  const share = (value: number) => (logarithmic ? Math.log(Math.max(1, value)) / Math.log(top) : value / top);
  const y = (value: number) => round(height * (1 - share(value)));
  const bottom = logarithmic ? html`<span>from ${format(1)}, logarithmic</span>` : '';
  const paths = lines.map(
    ({ values }, at) => html`<path class="${kinds[at] ?? ''}" d="${pathOf(values, x, y)}"/>`,
  );
  const keys = lines.map((line, at) => keyOf(line, kinds[at] ?? '', format));
  const spoken = lines.map((line) => spokenOf(line, format)).join('; ');
  return html`<figure class="plot"><figcaption><b>${title}</b> ${keys}</figcaption>
<span class="top"><span>${format(top)}</span>${bottom}</span>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${title} in the last hour: ${spoken}"><path class="grid" d="M0 0H${width}M0 ${height / 2}H${width}M0 ${height}H${width}"/>${paths}</svg>
<span class="span"><span>${clockText(end - hourMs)}</span><span>${clockText(end)} UTC</span></span></figure>
`;
}

function keyOf({ name, values }: Line, kind: string, format: PlotOptions['format']): Html {
  const last = values.findLast((value) => value !== undefined);
  return html`<span class="key ${kind}">${name} ${last === undefined ? 'none' : format(last)}</span> `;
}

function spokenOf({ name, values }: Line, format: PlotOptions['format']): string {
  const known = values.filter((value) => value !== undefined);
  const last = known.at(-1);
  return last === undefined
    ? `${name} has no value`
    : `${name} is ${format(last)}, at most ${format(Math.max(...known))}`;
}

/** Moves where a value is missing. A single value is a dot: a line of no length with round ends. */
function pathOf(values: Line['values'], x: (at: number) => number, y: (value: number) => number): Html {
  let isDrawing = false;
  const steps = values.map((value, at) => {
    if (value === undefined) {
      isDrawing = false;
      return '';
    }
    const step = isDrawing ? `L${x(at)} ${y(value)}` : `M${x(at)} ${y(value)}h0`;
    isDrawing = true;
    return step;
  });
  // As HTML, for as text it would be cut: it may be long, and it holds numbers alone.
  return new Html(steps.join(''));
}

/** The next of 1, 2, 5, 10, 20 … that is not below. */
function niceAbove(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= value) ?? value;
}

const round = (value: number): number => Math.round(value * 10) / 10;

const clockText = (wall: number): string => new Date(Math.max(0, wall)).toISOString().slice(11, 16);
