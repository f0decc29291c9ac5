import type { Writes } from './counting-transport.ts';
import type { ServiceView } from './service-view.ts';
import { type Spread, spreadOf } from './spread.ts';
import type { StepResult } from './step.ts';

/** What `--output json` prints: for scripts, so its fields stay what they are. Times in milliseconds. */
export interface FinalState {
  readonly outcome: 'passed' | 'failed';
  /** Where Consul was: `in memory`, `http://127.0.0.1:8500`. */
  readonly consul: string;
  /** Everything the operator wrote. */
  readonly writes: Writes;
  readonly steps: readonly (StepResult & { readonly latency: Spread | null })[];
  /** What a consumer of Consul sees in the end. */
  readonly services: readonly { readonly service: string; readonly instances: ServiceView }[];
}

export function finalState(
  consul: string,
  writes: Writes,
  results: readonly StepResult[],
  services: ReadonlyMap<string, { readonly view: ServiceView }>,
): FinalState {
  return {
    outcome: results.every(({ outcome }) => outcome === 'reached') ? 'passed' : 'failed',
    consul,
    writes,
    steps: results.map((result) => ({ ...result, latency: spreadOf(result.latenciesMs) ?? null })),
    services: [...services].map(([service, { view }]) => ({ service, instances: view })),
  };
}
