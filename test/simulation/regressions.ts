import type { ActionName } from './actions/actions.ts';
import type { Script, Step } from './script.ts';

interface Regression {
  readonly what: string;
  readonly script: Script;
}

/** Scripts that once failed, written out so that they stay what they were when the generator changes. */
export const regressions: readonly Regression[] = [
  {
    what: 'the meta key __proto__ was lost on the way back from Consul and written again at every comparison',
    script: written(
      'hostile or malformed annotations',
      [step(0, 'pod-add-db', 0.5, 0.5), step(10_000, 'annotate-hostile', 0.1, 0.7)],
      3_000,
    ),
  },
  {
    what: 'pods that were seen ending before a crash were held as unexplained after it',
    script: written(
      'deliberate scale-down, rollout, namespace deletion',
      [
        ...[0.1, 0.3, 0.5, 0.6, 0.7, 0.9].map((x) => step(0, 'pod-add-both', x, 0.2)),
        step(9_000, 'namespace-delete', 0, 0),
        step(10_000, 'crash', 0, 0, 20_000),
      ],
      5_000,
    ),
  },
];

/** A step of a script that is written out. */
export function step(at: number, action: ActionName, x: number, y: number, forMs = 1_000): Step {
  return { at, action, cluster: 0, x, y, forMs };
}

/** A script that is written out. */
export function written(row: string, steps: readonly Step[], promptMs = Number.POSITIVE_INFINITY): Script {
  return { seed: 1, rows: [row], traits: {}, steps, promptMs };
}
