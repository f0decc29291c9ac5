import type { Glyphs } from './glyphs.ts';
import { type Line, span, wrap } from './span.ts';
import { msText, spreadOf } from './spread.ts';
import type { StepResult } from './step.ts';
import { heading, table } from './table.ts';

const proseColumns = 78;
const measured =
  'Measured from the change in Kubernetes (for the outsider: in Consul) until the blocking health query of ' +
  'a consumer was answered with it.';

/** The table at the end: every step with what was measured, and what that means. Pure. */
export function summary(results: readonly StepResult[], steps: number, { met }: Glyphs): readonly Line[] {
  const rows = results.map((result) => {
    const spread = spreadOf(result.latenciesMs);
    const isReached = result.outcome === 'reached';
    return [
      isReached ? span(`${met} ok`, 'good') : span('FAILED', 'bad'),
      span(result.title),
      span(spread === undefined ? '-' : msText(spread.median)),
      span(spread === undefined ? '-' : msText(spread.slowest)),
      span(result.finding, isReached ? 'plain' : 'bad'),
    ];
  });
  return [
    ...table([heading('', 'STEP', 'MEDIAN', 'SLOWEST', 'OUTCOME'), ...rows]),
    [],
    ...wrap(measured, proseColumns).map((line): Line => [span(line, 'dim')]),
    [],
    verdict(results, steps),
  ];
}

function verdict(results: readonly StepResult[], steps: number): Line {
  const failed = results.find(({ outcome }) => outcome === 'missed');
  if (failed !== undefined) {
    const unmet = failed.expectations.filter(({ met }) => !met).map(({ text }) => text);
    return [span('FAILED', 'bad'), span(`: "${failed.title}" did not come to: ${unmet.join('; ')}`)];
  }
  return [span(`All ${steps} steps reached what was expected.`, 'good')];
}
