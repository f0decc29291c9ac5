import { msText, spreadOf } from './spread.ts';
import type { StepResult } from './step.ts';

/** What was measured, in few words: `median 2.1 ms, slowest 4.0 ms of 6`; empty when nothing was. */
export function measuredText({
  latenciesMs,
  measures,
}: Pick<StepResult, 'latenciesMs' | 'measures'>): string {
  const spread = spreadOf(latenciesMs);
  if (spread === undefined) return '';
  const { count, median, slowest } = spread;
  if (measures === 'repair') return `repaired after ${msText(slowest)}`;
  return count === 1
    ? `seen after ${msText(slowest)}`
    : `seen after ${msText(median)} (median of ${count}; slowest ${msText(slowest)})`;
}
