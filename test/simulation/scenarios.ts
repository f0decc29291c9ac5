import type { ActionName } from './actions/actions.ts';
import { defaultScenarios, withDefaults } from './default-scenarios.ts';
import { Draw } from './draw.ts';
import type { Script, Step } from './script.ts';
import type { WorldTraits } from './world.ts';

/** How a row of the table of faults is brought about. */
export interface Scenario {
  readonly row: string;
  readonly actions: readonly [ActionName, ...ActionName[]];
  /** Pods that are there before, by application; see workload.ts. */
  readonly pods?: readonly string[];
  /** How many of its actions; least and most. Default 1 and 4. */
  readonly count?: readonly [number, number];
  /** What is done at the very beginning. */
  readonly before?: readonly ActionName[];
  /** How long each lasts, ms; least and most. Default 100 and 20,000. */
  readonly lasts?: readonly [number, number];
  readonly traits?: Partial<WorldTraits>;
  /** Nothing is out of order in it that would delay the operator: everything is right within this time, ms. */
  readonly promptMs?: number;
}

/** What the guard and a debounce may take where nothing is wrong, ms. */
const calmMs = 3_000;
/** Within which what Consul refused is written once it takes it: the next try, and a comparison that was under way. */
const grantedMs = 25_000;
/** Within which somebody else's change has to be repaired, ms. */
const repairMs = 5_000;

export const scenarios: readonly [Scenario, ...Scenario[]] = [
  { row: 'crash before, between or after any write', actions: ['crash-at-write', 'crash', 'crash-at-write'] },
  {
    // Far fewer than in the row's name, of course: that nothing grows shows with a crowd as well.
    row: '100,000 pods, 5,000 nodes',
    actions: ['rollout', 'scale-to-zero', 'kube-compact', 'restart'],
    pods: Array.from({ length: 14 }, (_, index) => (['web', 'api', 'both', 'db'] as const)[index % 4]!),
    traits: { mostPods: 20 },
  },
  { row: 'restart', actions: ['restart', 'restart-half-blind'], lasts: [10, 30_000] },
  { row: 'stale apiserver', actions: ['kube-stale', 'kube-stale', 'crash', 'restart'] },
  { row: 'missed watch events', actions: ['kube-blind', 'kube-cut', 'kube-stall'], lasts: [1_000, 120_000] },
  { row: '410 Gone', actions: ['kube-compact', 'kube-no-watchlist', 'kube-compact'] },
  {
    row: 'apiserver outage',
    actions: ['kube-down', 'kube-flaky', 'kube-truncating', 'kube-garbage', 'kube-forbidden'],
    lasts: [100, 60_000],
  },
  {
    row: 'a kind of object that may not be read from the start',
    actions: ['kube-forbidden', 'restart', 'kube-forbidden', 'crash'],
    lasts: [10_000, 200_000],
    pods: ['both', 'web', 'both', 'api', 'both'],
  },
  {
    row: 'Consul leader change, 500, 429, 503, slow answers',
    actions: ['consul-down', 'consul-flaky', 'consul-deaf', 'consul-slow', 'consul-leaderless'],
    lasts: [100, 30_000],
  },
  {
    row: 'a proxy lies: Retry-After of an hour, a limit that no Consul has',
    actions: ['consul-lying', 'consul-lying', 'rollout'],
    lasts: [1_000, 10_000],
  },
  {
    row: 'Consul restored from a snapshot, or wiped',
    actions: ['consul-restore', 'consul-wipe'],
    lasts: [100, 40_000],
  },
  {
    row: 'etcd restored from a backup',
    actions: ['kube-restore', 'kube-restore-away'],
    lasts: [100, 40_000],
  },
  {
    row: 'empty or shrunken LIST (RBAC lost, selector changed)',
    actions: ['kube-shrunk', 'kube-regressed', 'kube-forbidden'],
  },
  {
    row: 'mass NotReady (control plane cut off from the nodes)',
    actions: ['mass-not-ready'],
    lasts: [2_000, 100_000],
    pods: ['web', 'web', 'both', 'api', 'db', 'web'],
  },
  {
    row: 'mass NotReady (control plane cut off from the nodes)',
    actions: ['kube-blind', 'mass-not-ready'],
    lasts: [10_000, 60_000],
    pods: ['web', 'web', 'both', 'api', 'db', 'web'],
  },
  {
    row: 'mass unexplained absence',
    actions: ['vanish', 'vanish', 'mass-vanish'],
    pods: Array(9).fill('both'),
  },
  {
    row: 'a node lost and its pods collected; Jobs deleted on completion',
    actions: ['node-collected', 'jobs-done'],
    pods: Array(14).fill('both'),
    traits: { mostPods: 20 },
    promptMs: calmMs,
  },
  {
    row: 'the cluster rolled, scaled or switched while no operator watched',
    actions: ['rolled-unseen'],
    pods: Array(16).fill('both'),
    lasts: [1_000, 60_000],
    traits: { mostPods: 24 },
    promptMs: 240_000,
  },
  {
    row: 'ACL token expired or revoked, "ACL not found", 403',
    actions: ['acl-revoke', 'acl-thin', 'acl-tokenless'],
    lasts: [1_000, 100_000],
    traits: { acl: true },
  },
  {
    row: 'rights in Consul missing for long, then granted',
    actions: ['acl-thin', 'acl-thin'],
    lasts: [100_000, 900_000],
    traits: { acl: true },
    promptMs: grantedMs,
  },
  {
    row: 'partition between registrar and Consul',
    actions: ['consul-down', 'cut-consul'],
    lasts: [10_000, 150_000],
  },
  {
    row: 'two replicas or two clusters behind one address, idle waits cut',
    actions: ['consul-crowded', 'consul-cutting', 'crash', 'restart', 'drift-edit', 'drift-flip'],
    lasts: [10_000, 100_000],
    traits: { replicas: 2 },
  },
  {
    row: 'two replicas or two clusters behind one address, idle waits cut',
    actions: ['consul-crowded', 'consul-crowded', 'consul-cutting', 'drift-remove-instance'],
    lasts: [10_000, 100_000],
    traits: { clusters: 2 },
  },
  {
    row: 'somebody deregisters, edits or flips one of our entries',
    actions: [
      'drift-remove-instance',
      'drift-remove-check',
      'drift-flip',
      'drift-edit',
      'drift-remove-node',
      'drift-wipe-meta',
      'drift-node-check',
    ],
    promptMs: repairMs,
  },
  {
    row: 'two replicas',
    actions: [
      'paused-write',
      'paused-write',
      'crash',
      'restart',
      'stall',
      'pause',
      'cut-kube',
      'cut-consul',
      'skew',
      'crash-at-write',
      'kube-down',
      'consul-flaky',
      'consul-slow',
    ],
    lasts: [500, 60_000],
    traits: { replicas: 2 },
  },
  {
    row: 'deliberate scale-down, rollout, namespace deletion',
    actions: ['scale-to-zero', 'rollout', 'namespace-delete', 'rollout'],
    promptMs: calmMs,
  },
  {
    row: 'two clusters, one Consul',
    actions: ['crash', 'restart', 'consul-flaky', 'kube-compact', 'drift-remove-node'],
    traits: { clusters: 2 },
  },
  {
    row: 'two clusters, one Consul',
    actions: ['restart', 'kube-compact'],
    traits: { clusters: 2, sameName: true },
  },
  {
    row: 'node-name collision with a real agent or another owner',
    actions: ['collision', 'collision', 'agent-joins', 'foreign-node', 'foreign-service', 'foreign-check'],
    lasts: [1_000, 80_000],
  },
  {
    row: 'pod IP reuse, StatefulSet pod recreated under its name',
    actions: ['pod-recreate', 'pod-recreate', 'pod-add'],
    promptMs: calmMs,
  },
  {
    row: 'hostNetwork pods sharing an address',
    actions: ['pod-add-host', 'pod-add-host', 'pod-delete'],
    promptMs: calmMs,
  },
  {
    row: 'hostile or malformed annotations',
    actions: ['annotate', 'annotate', 'mend', 'service-put', 'annotate-hostile', 'annotate-forbidden'],
    promptMs: calmMs,
  },
  { row: 'one operation refused inside a transaction', actions: ['consul-refusing'], lasts: [1_000, 60_000] },
  { row: 'slow, stalled or clock-skewed host', actions: ['stall', 'skew'], lasts: [100, 40_000] },
];

/** Beside those, for some seeds: they leave the scripts of the others as they were. */
export const addressScenarios: readonly [Scenario, ...Scenario[]] = [
  {
    row: 'what a Service is reached by changes',
    actions: [
      'address-put',
      'address-put',
      'address-switch',
      'address-switch',
      'address-switch',
      'address-list',
      'address-spec',
      'address-status',
      'address-status',
      'address-mistake',
      'address-remove',
      'node-readdress',
    ],
    pods: ['quiet', 'quiet', 'quiet'],
    count: [4, 14],
    promptMs: calmMs,
  },
  {
    row: 'the status of many load balancers is lost',
    actions: ['address-status-lost', 'address-status-lost', 'restart', 'address-switch'],
    before: ['address-many'],
    pods: ['quiet', 'quiet'],
    lasts: [1_000, 100_000],
  },
];

export const routeScenarios: readonly [Scenario, ...Scenario[]] = [
  {
    row: 'Ingresses and routes come, change and go',
    actions: [
      'route-put',
      'route-put',
      'route-put',
      'route-annotate',
      'route-answer',
      'route-answer',
      'route-remove',
      'gateway-put',
      'gateway-put',
    ],
    before: ['gateway-put', 'gateway-put', 'route-put', 'route-put'],
    count: [4, 14],
    traits: { routes: true },
    promptMs: calmMs,
  },
  {
    row: 'the Gateway API is not installed, or not any more',
    actions: ['gateways-missing', 'restart', 'route-put', 'gateway-put', 'route-answer'],
    before: ['gateways-missing', 'gateway-put', 'route-put', 'route-put', 'route-put'],
    count: [2, 6],
    lasts: [1_000, 100_000],
    traits: { routes: true },
  },
  {
    row: 'the status of many Ingresses or Gateways is lost',
    actions: ['routes-status-lost', 'routes-status-lost', 'restart', 'route-annotate'],
    before: ['routes-many'],
    lasts: [1_000, 100_000],
    traits: { routes: true },
  },
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
export function scriptOf(seed: number): Script {
  const draw = new Draw(seed, 'script');
  const chosen = [scenarios[seed % scenarios.length]!];
  while (draw.chance(0.3) && chosen.length < 3) chosen.push(draw.pick(scenarios));
  const addressed = new Draw(seed, 'addresses');
  if (addressed.chance(0.3)) chosen.push(addressed.pick(addressScenarios));
  const routed = new Draw(seed, 'routes');
  if (routed.chance(0.2)) chosen.push(routed.pick(routeScenarios));
  const script = scriptOfScenarios(seed, chosen, draw);
  // By draws of their own, so that no other script changes with them.
  const more = new Draw(seed, 'defaults');
  return more.chance(0.1) ? withDefaults(script, more.pick(defaultScenarios), more) : script;
}

/** A script about these rows of the table. */
export function scriptAbout(seed: number, rows: readonly string[]): Script {
  const draw = new Draw(seed, 'script');
  const added = defaultScenarios.find(({ row }) => rows.includes(row));
  const others = rows.filter((row) => row !== added?.row);
  const script = scriptOfScenarios(
    seed,
    others.map((row) => {
      const [first, ...others] = [...scenarios, ...addressScenarios, ...routeScenarios].filter(
        (scenario) => scenario.row === row,
      );
      if (first === undefined) throw new Error(`no scenario "${row}"`);
      return draw.pick([first, ...others]);
    }),
    draw,
  );
  return added === undefined ? script : withDefaults(script, added, new Draw(seed, 'defaults'));
}

/** A script about these scenarios. */
export function scriptOfScenarios(
  seed: number,
  chosen: readonly Scenario[],
  draw = new Draw(seed, 'script'),
): Script {
  const spanMs = draw.int(15_000, 70_000);
  const clusters = Math.max(1, ...chosen.map(({ traits }) => traits?.clusters ?? 1));
  const steps: Step[] = [];
  const add = (action: ActionName, at: number, forMs = draw.int(50, 8_000)): void => {
    steps.push({ at, action, cluster: draw.int(0, clusters - 1), x: draw.random(), y: draw.random(), forMs });
  };
  for (const app of chosen.flatMap(({ pods = [] }) => pods)) add(`pod-add-${app}` as ActionName, 0);
  for (const action of chosen.flatMap(({ before = [] }) => before)) add(action, 0);
  for (let index = draw.int(1, 4); index > 0; index -= 1) add('pod-add', 0);
  for (let index = draw.int(3, 14); index > 0; index -= 1) add(draw.pick(usual), draw.int(0, spanMs));
  for (const { actions, lasts: [shortest, longest] = [100, 20_000], count = [1, 4] } of chosen) {
    const [fewest, most] = count;
    for (let index = draw.int(fewest, most); index > 0; index -= 1) {
      add(draw.pick(actions), draw.int(500, spanMs), draw.int(shortest, longest));
    }
  }
  steps.sort((a, b) => a.at - b.at);
  const latencyMs = draw.pick([0, 0, 5, 200] as const);
  const traits = Object.assign(
    {
      latencyMs,
      watchList: draw.chance(0.7),
      replicas: new Draw(seed, 'replicas').chance(0.2) ? 2 : 1,
    },
    ...chosen.map((each) => each.traits ?? {}),
  ) as Partial<WorldTraits>;
  const promptMs =
    Math.max(...chosen.map((each) => each.promptMs ?? Number.POSITIVE_INFINITY)) + 10 * latencyMs;
  return { seed, rows: chosen.map(({ row }) => row), traits, steps, promptMs };
}
