import type { ActionName } from './actions/actions.ts';
import type { Draw } from './draw.ts';
import type { Script, Step } from './script.ts';
import type { WorldTraits } from './world.ts';

/** How a row of the table of faults is brought about. */
interface Scenario {
  readonly row: string;
  readonly actions: readonly [ActionName, ...ActionName[]];
  /** How long each lasts, ms; least and most. Default 100 and 20,000. */
  readonly lasts?: readonly [number, number];
  readonly traits?: Partial<WorldTraits>;
}

export const scenarios: readonly [Scenario, ...Scenario[]] = [
  { row: 'crash before, between or after any write', actions: ['crash-at-write', 'crash', 'crash-at-write'] },
  { row: 'restart', actions: ['restart'], lasts: [10, 30_000] },
  { row: 'stale apiserver', actions: ['kube-stale', 'kube-stale', 'crash', 'restart'] },
  { row: 'missed watch events', actions: ['kube-blind', 'kube-cut', 'kube-stall'], lasts: [1_000, 120_000] },
  { row: '410 Gone', actions: ['kube-compact', 'kube-no-watchlist', 'kube-compact'] },
  {
    row: 'apiserver outage',
    actions: ['kube-down', 'kube-flaky', 'kube-truncating', 'kube-garbage', 'kube-forbidden'],
    lasts: [100, 60_000],
  },
  {
    row: 'Consul leader change, 500, 429, 503, slow answers',
    actions: ['consul-down', 'consul-flaky', 'consul-deaf'],
    lasts: [100, 30_000],
  },
  { row: 'slow, stalled or clock-skewed host', actions: ['stall', 'skew'], lasts: [100, 40_000] },
];

const usual: readonly [ActionName, ...ActionName[]] = [
  'pod-add',
  'pod-add',
  'pod-add',
  'pod-flip',
  'pod-flip',
  'pod-blink',
  'pod-delete',
  'pod-delete',
  'pod-force-delete',
  'pod-finish',
  'pod-recreate',
  'rollout',
  'scale-to-zero',
  'annotate',
  'annotate',
  'mend',
  'irrelevant',
  'service-put',
  'service-put',
  'service-remove',
  'node-not-ready',
  'node-remove',
];

/** The script of a seed: one scenario in turn, sometimes more, and a workload under them. */
export function scriptOf(seed: number, draw: Draw): Script {
  const chosen = [scenarios[seed % scenarios.length]!];
  while (draw.chance(0.3) && chosen.length < 3) chosen.push(draw.pick(scenarios));
  const spanMs = draw.int(20_000, 90_000);
  const clusters = Math.max(1, ...chosen.map(({ traits }) => traits?.clusters ?? 1));
  const steps: Step[] = [];
  const add = (action: ActionName, at: number, forMs = draw.int(50, 8_000)): void => {
    steps.push({ at, action, cluster: draw.int(0, clusters - 1), x: draw.random(), y: draw.random(), forMs });
  };
  for (let index = draw.int(1, 6); index > 0; index -= 1) add('pod-add', 0);
  for (let index = draw.int(6, 20); index > 0; index -= 1) add(draw.pick(usual), draw.int(0, spanMs));
  for (const { actions, lasts: [least, most] = [100, 20_000] } of chosen) {
    for (let index = draw.int(1, 4); index > 0; index -= 1) {
      add(draw.pick(actions), draw.int(500, spanMs), draw.int(least, most));
    }
  }
  steps.sort((a, b) => a.at - b.at);
  const latencyMs = draw.pick([0, 0, 5, 200] as const);
  const traits = Object.assign(
    { latencyMs },
    ...chosen.map((each) => each.traits ?? {}),
  ) as Partial<WorldTraits>;
  return { seed, rows: chosen.map(({ row }) => row), traits, steps };
}
