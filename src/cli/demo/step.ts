import type { Baseline, Stage } from './stage.ts';

/** One thing that must come true. */
export interface Expectation {
  /** `web: 4 passing (3 now)` */
  readonly text: string;
  readonly met: boolean;
}

/** One step of a scenario. `act` does it; the rest is for the viewer. */
export interface Step {
  /** Stable name, for scripts. */
  readonly id: string;
  readonly title: string;
  /** What happens and why it matters, in two or three sentences. */
  readonly explain: string;
  /** What the numbers of this step measure; a step without is not measured. */
  readonly measures?: 'propagation' | 'repair';
  /** Longest time from the act until everything expected is true, ms. */
  readonly deadlineMs: number;
  readonly act: (stage: Stage, signal: AbortSignal) => Promise<void> | void;
  /** Checked repeatedly until everything is met or the deadline has passed. */
  readonly expect: (stage: Stage, before: Baseline) => readonly Expectation[];
  /** What is worth noticing afterwards, in one line. */
  readonly finding: (stage: Stage, before: Baseline) => string;
}

export interface StepResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: 'reached' | 'missed';
  /** From the act until everything expected was true, or until the deadline, ms. */
  readonly tookMs: number;
  /** What was measured: `propagation` from the change in Kubernetes, `repair` from the outsider's change. */
  readonly measures: 'propagation' | 'repair' | null;
  /** Until a consumer saw it, ms. */
  readonly latenciesMs: readonly number[];
  readonly finding: string;
  readonly expectations: readonly Expectation[];
}

export type PlayEvent =
  | { readonly kind: 'step'; readonly step: Step; readonly number: number; readonly of: number }
  | { readonly kind: 'expecting'; readonly expectations: readonly Expectation[] }
  | { readonly kind: 'result'; readonly result: StepResult };
