import type { Moment } from '../../reconcile/history.ts';
import { html } from '../html.ts';
import type { Reading } from '../reading.ts';
import { number, type Section, section } from './parts.ts';
import { type Line, plot } from './plot.ts';

/** The last hour: how fast, how much, what waits, and how the instances are. */
export function plotsSection({ history }: Reading): Section {
  if (history.length === 0) {
    return section(
      'plots',
      'Last hour',
      html`<p class="none">No data yet: the first values appear within 15 s.</p>`,
    );
  }
  const times = history.map(({ at }) => at);
  const line = (name: string, value: (moment: Moment) => number | undefined): Line => ({
    name,
    values: history.map(value),
  });
  const count = (value: number) => number(Math.round(value));
  const ms = (value: number) =>
    value < 1_000 ? `${count(value)} ms` : `${number(Math.round(value / 100) / 10)} s`;
  const rate = (value: number) => `${number(Math.round(value * 10) / 10)}/s`;
  const plots = [
    {
      title: 'Propagation',
      lines: [line('p50', ({ p50 }) => p50), line('p99', ({ p99 }) => p99)],
      logarithmic: true,
      format: ms,
    },
    { title: 'Writes', lines: [line('committed', ({ writes }) => writes)], format: rate },
    { title: 'Nodes waiting', lines: [line('in queue', ({ waiting }) => waiting)], format: count },
    {
      title: 'Oldest waiting',
      lines: [line('for', ({ oldestMs }) => oldestMs)],
      logarithmic: true,
      format: ms,
    },
    { title: 'Instances passing', lines: [line('passing', ({ passing }) => passing)], format: count },
    {
      title: 'Instances not passing',
      lines: [line('warning', ({ warning }) => warning), line('critical', ({ critical }) => critical)],
      format: count,
    },
  ];
  return section(
    'plots',
    'Last hour',
    html`<div class="plots">${plots.map((each) => plot({ times, ...each }))}</div>`,
  );
}
