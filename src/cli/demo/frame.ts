import type { Glyphs } from './glyphs.ts';
import { instanceLines } from './instance-rows.ts';
import type { Progress } from './progress.ts';
import { measuredText } from './result-text.ts';
import { fit, type Line, span, wrap } from './span.ts';
import { msText } from './spread.ts';
import type { Expectation, StepResult } from './step.ts';

export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly glyphs: Glyphs;
}

/** Rows kept for parts that come and go, so that what is below them does not jump. */
interface Reserved {
  readonly explain: number;
  readonly outcome: number;
  readonly instances: number;
}

const roomy: Reserved = { explain: 3, outcome: 5, instances: 9 };
const tight: Reserved = { explain: 2, outcome: 4, instances: 8 };
/** With fewer rows than this, some parts are left out. */
const roomyRows = 30;
/** Fewest rows of the log that are shown, its title included. */
const leastLog = 4;
/** Longer lines of prose are hard to read. */
const proseColumns = 100;

/** The live picture: at most `rows` lines of at most `columns` columns. Pure. */
export function frame(progress: Progress, { columns, rows, glyphs }: FrameOptions): readonly Line[] {
  const width = Math.max(1, columns);
  const reserved = rows < roomyRows ? tight : roomy;
  const fixed = [
    ...header(progress, width, glyphs),
    ...stepLines(progress, width, reserved, glyphs),
    ...padded(instanceLines(progress.services, progress.load, glyphs), reserved.instances + 1),
  ];
  const results = resultLines(progress.results, rows - fixed.length - leastLog, glyphs);
  const log = logLines(progress.log, rows - fixed.length - results.length);
  return [...fixed, ...results, ...log]
    .slice(0, Math.max(0, rows))
    .map((line) => fit(line, width, glyphs.ellipsis));
}

function header(
  { consul, elapsedMs, steps, current }: Progress,
  width: number,
  { arrow, rule }: Glyphs,
): readonly Line[] {
  const name = 'kube-registrar demo';
  const step = current === undefined ? '' : `step ${current.number} of ${steps}   `;
  const clock = `${step}${Math.floor(elapsedMs / 1_000)} s`;
  const gap = ' '.repeat(Math.max(2, width - name.length - clock.length));
  const flow = ['Kubernetes in memory', 'operator', `Consul ${consul}`, 'consumer'].join(` ${arrow} `);
  return [
    [span(name, 'title'), span(gap), span(clock, 'dim')],
    [span(flow)],
    [span(rule.repeat(width), 'dim')],
  ];
}

function stepLines(
  { current, invitation }: Progress,
  width: number,
  reserved: Reserved,
  glyphs: Glyphs,
): readonly Line[] {
  const rows = 1 + reserved.explain + reserved.outcome;
  if (invitation !== undefined) {
    return padded(
      invitation.slice(0, rows).map((line) => [span(line)]),
      rows,
    );
  }
  if (current === undefined) return padded([], rows);
  const { number, step, expectations, result } = current;
  const prose = wrap(step.explain, Math.min(width, proseColumns)).map((line): Line => [span(line)]);
  const outcome = [
    ...expectations.map((each) => expectationLine(each, glyphs)),
    ...(result === undefined ? [] : [resultLine(result, glyphs)]),
  ];
  return [
    [span(`${number}. ${step.title}`, 'strong')],
    ...padded(prose, reserved.explain),
    ...padded(outcome, reserved.outcome),
  ];
}

const expectationLine = ({ text, met }: Expectation, glyphs: Glyphs): Line =>
  met
    ? [span(`  ${glyphs.met} `, 'good'), span(text)]
    : [span(`  ${glyphs.unmet} `, 'warn'), span(`waiting for ${text}`)];

function resultLine(result: StepResult, { arrow }: Glyphs): Line {
  if (result.outcome === 'missed') {
    return [span(`  ${arrow} FAILED: not reached within ${msText(result.tookMs)}`, 'bad')];
  }
  const measured = measuredText(result);
  return [
    span(`  ${arrow} `, 'good'),
    ...(measured === '' ? [] : [span(measured, 'good'), span('; ')]),
    span(result.finding),
  ];
}

/** The latest steps that are done, in at most `rows` rows. */
function resultLines(results: readonly StepResult[], rows: number, { met }: Glyphs): readonly Line[] {
  if (rows < 3 || results.length === 0) return [];
  const width = Math.max(...results.map(({ title }) => title.length));
  const lines = results
    .slice(2 - rows)
    .map(
      (result): Line => [
        result.outcome === 'reached' ? span(`  ${met} `, 'good') : span('  FAILED ', 'bad'),
        span(result.title.padEnd(width + 2)),
        span(measuredText(result), 'dim'),
      ],
    );
  return [[span('DONE', 'dim')], ...lines, []];
}

function logLines(log: readonly string[], rows: number): readonly Line[] {
  if (rows < 2) return [];
  const lines = log.slice(1 - rows).map((line): Line => [span(shortened(line), 'dim')]);
  return [[span('LOG OF THE OPERATOR, without its fields', 'dim')], ...lines];
}

/** Without the fields, of which the reason is the first: the message says what they say. */
const shortened = (line: string): string => line.replace(/ reason=.*$/, '');

const padded = (lines: readonly Line[], rows: number): readonly Line[] => [
  ...lines,
  ...Array.from({ length: Math.max(0, rows - lines.length) }, (): Line => []),
];
