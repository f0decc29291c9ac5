import type { ActionName } from './actions/actions.ts';
import type { DefaultSync } from './default-sync.ts';
import type { Draw } from './draw.ts';
import type { Script, Step } from './script.ts';

/** What happens in a world where objects are registered without annotations, beside what its own scenarios bring. */
interface DefaultScenario {
  readonly row: string;
  readonly actions: readonly [ActionName, ...ActionName[]];
  readonly syncs: readonly [DefaultSync, ...DefaultSync[]];
  /** How long each lasts, ms; least and most. */
  readonly lasts: readonly [number, number];
  /** What is there before, beside what is in every such world. */
  readonly before?: readonly ActionName[];
}

const selector = 'consul=yes';
const namespaceAnnotations = ['tags', 'meta.*', 'drain', 'weight'];
const labelSelector = 'tier!=test';

/** These read Namespaces. */
const reading: readonly [DefaultSync, ...DefaultSync[]] = [
  { default: 'services', namespaces: { selector }, namespaceAnnotations },
  { default: 'services', namespaces: { selector, exclude: ['dev'] } },
  { default: 'services', namespaceAnnotations, labelSelector },
  { default: 'pods', namespaces: { selector }, namespaceAnnotations },
  { default: 'pods', namespaces: { selector, exclude: ['team-*'] }, namespaceAnnotations: ['tags'] },
  { namespaces: { selector, include: ['shop', 'default', 'kube-system'] }, namespaceAnnotations: ['tags'] },
];
/** These know them by name. */
const named: readonly [DefaultSync, ...DefaultSync[]] = [
  { default: 'services' },
  { default: 'services', namespaces: { exclude: ['kube-*', 'dev'] } },
  { default: 'services', namespaces: { include: ['shop', 'team-*', 'default'] }, labelSelector },
  { default: 'services', namespaces: { exclude: ['team-*'] }, serviceTypes: ['NodePort', 'Headless'] },
  { default: 'pods', labelSelector, namespaces: { exclude: ['dev'] } },
  { default: 'pods', namespaces: { include: ['shop', 'kube-system', 'default'] } },
  { namespaces: { exclude: ['shop', 'kube-*'] } },
];

export const defaultScenarios: readonly [DefaultScenario, ...DefaultScenario[]] = [
  {
    row: 'namespaces come, go, and change their labels and annotations',
    actions: ['namespace-put', 'namespace-put', 'namespace-annotate', 'namespace-end', 'restart', 'crash'],
    syncs: reading,
    lasts: [10, 20_000],
  },
  {
    row: 'objects without annotations opt out, come in, and change what they are',
    actions: ['opt', 'opt', 'relabel', 'tenant-service', 'tenant-service', 'tenant-service-remove', 'crash'],
    syncs: [...named, ...reading],
    lasts: [10, 20_000],
  },
  {
    row: 'Namespaces may not be read, or are missing from a list',
    actions: [
      'namespaces-forbidden',
      'namespaces-forbidden',
      'namespaces-short',
      'namespace-put',
      'namespace-annotate',
      'tenant-service',
      'restart',
    ],
    syncs: reading,
    lasts: [1_000, 100_000],
  },
  {
    row: 'a mistake in the configuration leaves out what was registered',
    actions: ['sync-mistaken'],
    syncs: [...named, ...reading],
    // Shorter than anything that is held goes by itself.
    lasts: [5_000, 100_000],
    before: ['tenant-crowd', 'pod-add-both', 'pod-add-web'],
  },
];

const usual: readonly [ActionName, ...ActionName[]] = [
  'tenant-pod',
  'tenant-pod',
  'tenant-service',
  'tenant-service-remove',
  'namespace-put',
  'namespace-annotate',
  'opt',
];

/** The script in a world where objects are registered without annotations. */
export function withDefaults(script: Script, scenario: DefaultScenario, draw: Draw): Script {
  const { actions, syncs, lasts, before = [] } = scenario;
  const spanMs = Math.max(15_000, ...script.steps.map(({ at }) => at));
  const clusters = script.traits.clusters ?? 1;
  const steps: Step[] = [];
  const add = (action: ActionName, at: number, forMs = draw.int(50, 8_000)): void => {
    steps.push({ at, action, cluster: draw.int(0, clusters - 1), x: draw.random(), y: draw.random(), forMs });
  };
  if (draw.chance(0.8)) add('namespace-default-in', 0);
  for (const action of before) add(action, 0);
  for (let index = draw.int(1, 2); index > 0; index -= 1) add('tenant-app', 0);
  for (let index = draw.int(1, 3); index > 0; index -= 1) add('namespace-put', 0);
  for (let index = draw.int(1, 3); index > 0; index -= 1) add('tenant-service', 0);
  for (let index = draw.int(1, 4); index > 0; index -= 1) add('tenant-pod', draw.int(0, 2_000));
  for (let index = draw.int(0, 2); index > 0; index -= 1) add('namespace-annotate', draw.int(0, spanMs / 2));
  for (let index = draw.int(2, 5); index > 0; index -= 1) add(draw.pick(usual), draw.int(0, spanMs));
  for (let index = draw.int(2, 4); index > 0; index -= 1)
    add(draw.pick(actions), draw.int(500, spanMs), draw.int(...lasts));
  steps.push(...script.steps);
  steps.sort((a, b) => a.at - b.at);
  const mostPods = Math.max(script.traits.mostPods ?? 12, before.length === 0 ? 0 : 24);
  const traits = { ...script.traits, mostPods, sync: draw.pick(syncs) };
  // What a label or a type takes out of the default is read again before it goes, or held with others.
  return {
    ...script,
    rows: [...script.rows, scenario.row],
    traits,
    steps,
    promptMs: Number.POSITIVE_INFINITY,
  };
}
