import type { Clock } from '../../lib/clock.ts';
import type { Baseline, Stage } from './stage.ts';
import type { PlayEvent, Step, StepResult } from './step.ts';

/** Pauses for those who watch, ms. */
export interface Pace {
  /** From a step's explanation to its act. */
  readonly lead: number;
  /** From its result to the next step. */
  readonly hold: number;
}

export interface PlayOptions {
  readonly clock: Clock;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PlayEvent) => void;
}

/** How often expectations are checked, ms. It does not affect latencies: the consumers measure those. */
const lookMs = 10;

/**
 * Plays the steps in their order, each when the one before was reached; the first that misses its deadline
 * ends the play. Rejects with the signal's reason, and when the operator fails.
 */
export async function play(
  steps: readonly Step[],
  stage: Stage,
  { clock, pace, signal, onEvent }: PlayOptions,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    onEvent({ kind: 'step', step, number: index + 1, of: steps.length });
    await clock.sleep(pace.lead, signal);
    const before = stage.baseline();
    await step.act(stage, signal);
    const outcome = await reach(step, stage, before, { clock, signal, onEvent });
    const result = resultOf(step, stage, before, outcome);
    results.push(result);
    onEvent({ kind: 'result', result });
    if (outcome === 'missed') break;
    await clock.sleep(pace.hold, signal);
  }
  return results;
}

async function reach(
  step: Step,
  stage: Stage,
  before: Baseline,
  { clock, signal, onEvent }: Omit<PlayOptions, 'pace'>,
): Promise<StepResult['outcome']> {
  for (;;) {
    if (stage.failure !== undefined) throw stage.failure;
    const expectations = step.expect(stage, before);
    onEvent({ kind: 'expecting', expectations });
    if (expectations.every(({ met }) => met)) return 'reached';
    if (clock.now() - before.at >= step.deadlineMs) return 'missed';
    await clock.sleep(lookMs, signal);
  }
}

function resultOf(step: Step, stage: Stage, before: Baseline, outcome: StepResult['outcome']): StepResult {
  return {
    id: step.id,
    title: step.title,
    outcome,
    tookMs: rounded(stage.now - before.at),
    measures: step.measures ?? null,
    latenciesMs: outcome === 'reached' ? latencies(step, stage, before).map(rounded) : [],
    finding: outcome === 'reached' ? step.finding(stage, before) : 'not reached within its deadline',
    expectations: step.expect(stage, before),
  };
}

function latencies({ measures }: Step, stage: Stage, before: Baseline): readonly number[] {
  if (measures === undefined) return [];
  if (measures === 'propagation') return stage.latencies.slice(before.measured);
  return [...stage.consumers]
    .filter(([service, { index }]) => index !== before.indexes.get(service))
    .map(([, { viewedAt }]) => viewedAt - before.at);
}

/** To the microsecond: finer says nothing. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;
