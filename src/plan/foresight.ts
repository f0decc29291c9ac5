import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import { diff } from './diff.ts';
import { type EvidenceView, explainRemoval, type Sightings } from './evidence.ts';
import type { Held } from './finding.ts';
import { type BreakerOptions, isTripped } from './guard.ts';
import type { ObservedInstance, ObservedNode } from './observed.ts';
import { keepLastKnown, type PanicOptions, servicesInPanic } from './panic.ts';
import type { PlanInput, PlanOptions } from './plan.ts';
import { policies } from './policy.ts';
import { countInService, createdAtOf, groupOf, isInService, renewed } from './renewal.ts';

export interface ForesightOptions extends PlanOptions {
  readonly view: EvidenceView;
  readonly removals: BreakerOptions & { readonly enabled: boolean };
  readonly health: PanicOptions & { readonly enabled: boolean };
}

/** Of one who has only just looked. */
const nothingSeen: Sightings = {
  podEnd: () => undefined,
  serviceDeleted: () => false,
  lostWithSlice: () => false,
  regressed: false,
};

/**
 * What an operator that starts now would hold: it knows the cluster as it is, and nothing of what was seen
 * before. What it finds unexplained it reads a second time, which a plan does not.
 */
export function foresee(inputs: readonly PlanInput[], options: ForesightOptions): Held[] {
  return [...heldRemovals(inputs, options), ...heldHealth(inputs, options)];
}

interface Unexplained {
  readonly node: ConsulNodeName;
  readonly instance: ObservedInstance;
  readonly inService: boolean;
}

function heldRemovals(inputs: readonly PlanInput[], options: ForesightOptions): Held[] {
  if (!options.removals.enabled) return [];
  const unexplained = inputs.flatMap((input) => unexplainedOn(input, options));
  if (unexplained.length === 0) return [];
  const before = countInService(observedIn(inputs));
  const ready = readyWanted(inputs, options.view);
  const open: Unexplained[] = [];
  let counted = 0;
  for (const [group, missing] of Map.groupBy(unexplained, ({ instance }) => groupOf(instance))) {
    const count = renewed({
      before: before.get(group) ?? 0,
      missing: missing.map(({ instance, inService }) => ({ createdAt: createdAtOf(instance), inService })),
      ready: ready.get(group) ?? [],
    });
    if (count === missing.length) continue;
    counted += missing.length - count;
    open.push(...missing);
  }
  const registered = observedIn(inputs).reduce((sum, { instances }) => sum + instances.size, 0);
  if (!isTripped({ waiting: counted, passed: 0, registered }, options.removals)) return [];
  return open.map(({ node, instance: { id, service } }) => {
    return { kind: 'held', what: 'removal', node, instance: id, service, because: 'limit' };
  });
}

/** What would be removed of a node and is not explained by the cluster as it is. */
function unexplainedOn({ desired, observed }: PlanInput, options: ForesightOptions): Unexplained[] {
  if (observed === undefined) return [];
  const { written } = policies[options.policy ?? 'sync'](diff(desired, observed, options).changes);
  const removed = written.flatMap((change) => {
    if (change.kind === 'delete-node') return [...observed.instances.values()];
    const instance = change.kind === 'delete-instance' ? observed.instances.get(change.instance) : undefined;
    return instance === undefined ? [] : [instance];
  });
  return removed
    .filter((instance) => explainRemoval(instance, options.view, nothingSeen).kind === 'unexplained')
    .map((instance) => ({ node: desired.name, instance, inService: isInService(observed, instance) }));
}

/** When the pods of wanted instances were created, as far as those will be in service, by group. */
function readyWanted(
  inputs: readonly PlanInput[],
  view: Pick<EvidenceView, 'pod'>,
): Map<string, readonly number[]> {
  const wanted = inputs.flatMap(({ desired: { entry } }) =>
    entry === undefined || isCritical(entry.checks) ? [] : [...entry.instances.values()],
  );
  const found = wanted.flatMap((instance) => {
    const pod = podOf(instance, view);
    const isReady = pod?.ready && !pod.deleting && !isCritical(instance.checks);
    return isReady ? [{ group: groupOf(instance), createdAt: pod.createdAt }] : [];
  });
  const byGroup = Map.groupBy(found, ({ group }) => group);
  return new Map([...byGroup].map(([group, pods]) => [group, pods.map(({ createdAt }) => createdAt)]));
}

function heldHealth(inputs: readonly PlanInput[], { health, view }: ForesightOptions): Held[] {
  if (!health.enabled) return [];
  const losing = inputs.filter(
    ({ desired, observed }) => isCritical(desired.entry?.checks ?? []) && isWell(observed),
  );
  const atRisk = new Set(losing.map(({ desired }) => desired.name));
  const inPanic = servicesInPanic(observedIn(inputs), { atRisk, lost: new Set() }, health);
  return losing.flatMap(({ desired, observed }) => {
    const isKept = (instance: Instance) =>
      inPanic.has(instance.service) && podOf(instance, view)?.deleting !== true;
    const { instances } = keepLastKnown(desired, observed, { node: true, instance: isKept });
    return instances.flatMap((id) => heldLoss(desired, id));
  });
}

function heldLoss({ name: node, entry }: DesiredNode, instance: Instance['id']): Held[] {
  const service = entry?.instances.get(instance)?.service;
  return service === undefined
    ? []
    : [{ kind: 'held', what: 'health', node, instance, service, because: 'panic' }];
}

const observedIn = (inputs: readonly PlanInput[]): ObservedNode[] =>
  inputs.flatMap(({ observed }) => (observed === undefined ? [] : [observed]));

const isCritical = (checks: Instance['checks']): boolean =>
  checks.some(({ status }) => status === 'critical');

const isWell = (node: ObservedNode | undefined): boolean =>
  node !== undefined && [...node.checks.values()].every(({ status }) => status !== 'critical');

function podOf({ meta }: Pick<Instance, 'meta'>, view: Pick<EvidenceView, 'pod'>) {
  const pod = view.pod(meta['kube-namespace'] ?? '', meta['kube-pod'] ?? '');
  return pod?.uid === meta['kube-pod-uid'] ? pod : undefined;
}
