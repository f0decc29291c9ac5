import type { ServiceView } from './service-view.ts';
import type { Expectation, Step, StepResult } from './step.ts';

/** Everything a picture of the demo shows, at one moment. */
export interface Progress {
  /** What runs where: `in memory`, `http://127.0.0.1:8500`. */
  readonly consul: string;
  readonly elapsedMs: number;
  readonly steps: number;
  /** Undefined before the first step. */
  readonly current:
    | {
        readonly number: number;
        readonly step: Pick<Step, 'title' | 'explain'>;
        readonly expectations: readonly Expectation[];
        /** Once the step has ended. */
        readonly result: StepResult | undefined;
      }
    | undefined;
  /** After the scenario: how other programs reach the demo, in place of a step. */
  readonly invitation?: readonly string[] | undefined;
  readonly results: readonly StepResult[];
  readonly services: readonly { readonly service: string; readonly view: ServiceView }[];
  /** What runs beside them, in a few words; empty when nothing does. */
  readonly load: string;
  /** The operator's latest lines, oldest first. */
  readonly log: readonly string[];
}
