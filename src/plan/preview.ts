import type { DesiredNode } from '../model/desired-node.ts';
import type { ConsulNodeName, InstanceId } from '../model/keys.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import { originOf } from '../model/origin.ts';
import type { PodRecord } from '../model/pod.ts';
import { diff } from './diff.ts';
import { type EvidenceView, explainRemoval, podOf, type Sightings } from './evidence.ts';
import type { Held } from './finding.ts';
import { type BreakerOptions, isTripped } from './guard.ts';
import { isInService, worst } from './health.ts';
import type { ObservedInstance, ObservedNode } from './observed.ts';
import { keepLastKnown, type Losing, type PanicOptions, servicesInPanic } from './panic.ts';
import type { PlanInput, PlanOptions } from './plan.ts';
import { policies } from './policy.ts';
import { reusedAddresses } from './proof.ts';

export interface PreviewOptions extends PlanOptions {
  readonly view: EvidenceView & {
    readonly pods: { records(): Iterable<PodRecord> };
    readonly kubeNodes: {
      readonly size: number;
      get(namespace: '', name: string): KubeNodeRecord | undefined;
      records(): Iterable<KubeNodeRecord>;
    };
  };
  /** Whether Kubernetes nodes are read; false in namespaced mode. */
  readonly nodesKnown: boolean;
  readonly removals: BreakerOptions & { readonly enabled: boolean };
  readonly health: PanicOptions & { readonly enabled: boolean };
}

/** An operator that has just started has seen nothing end. */
const nothingSeen: Sightings = {
  podEnd: () => undefined,
  routeDeleted: () => false,
  serviceDeleted: () => false,
  namespaceLeft: () => false,
  sliceEnd: () => undefined,
  regressed: false,
};

/**
 * What an operator that starts now would hold at first. It knows the cluster as it is and nothing that happened
 * before. An operator then verifies unexplained removals by consistent reads and kubelet reports, which a plan does
 * not.
 */
export function previewHolds(inputs: readonly PlanInput[], options: PreviewOptions): Held[] {
  return [...heldRemovals(inputs, options), ...heldHealth(inputs, options)];
}

interface Unexplained {
  readonly node: ConsulNodeName;
  readonly instance: ObservedInstance;
}

function heldRemovals(inputs: readonly PlanInput[], options: PreviewOptions): Held[] {
  const { removals, view, nodesKnown } = options;
  if (!removals.enabled) return [];
  const unexplained = inputs.flatMap((input) => unexplainedOn(input, options));
  const addresses = new Set(unexplained.map(({ instance }) => instance.address));
  const reused = reusedAddresses(addresses, view.pods.records());
  const open = unexplained.filter(({ instance: { address, meta } }) => {
    const { node: kubeNode, podUid } = originOf(meta);
    const isNodeGone = nodesKnown && kubeNode !== '' && view.kubeNodes.get('', kubeNode) === undefined;
    return podUid === '' || (!isNodeGone && !reused.has(address));
  });
  const registered = observedIn(inputs).reduce((sum, { instances }) => sum + instances.size, 0);
  if (!isTripped({ waiting: open.length, passed: 0, registered }, removals)) return [];
  return open.map(({ node, instance: { id, service } }) => {
    const at = { kind: 'instance', node, instance: id, service } as const;
    return { kind: 'held', by: 'guard', what: 'removal', at, because: 'limit', until: undefined };
  });
}

/** The removals on a node that the cluster as it is does not explain. */
function unexplainedOn({ desired, observed }: PlanInput, options: PreviewOptions): Unexplained[] {
  if (observed === undefined) return [];
  const { written } = policies[options.policy ?? 'sync'](diff(desired, observed, options).changes);
  const removed = written.flatMap((change) => {
    if (change.kind === 'delete-node') return [...observed.instances.values()];
    const instance = change.kind === 'delete-instance' ? observed.instances.get(change.instance) : undefined;
    return instance === undefined ? [] : [instance];
  });
  return removed
    .filter((instance) => explainRemoval(instance, options.view, nothingSeen).kind === 'unexplained')
    .map((instance) => ({ node: desired.name, instance }));
}

function heldHealth(inputs: readonly PlanInput[], { health, view }: PreviewOptions): Held[] {
  if (!health.enabled) return [];
  const losing = inputs.filter(
    ({ desired, observed }) =>
      worst(desired.entry?.checks ?? []) === 'critical' && observed !== undefined && isInService(observed),
  );
  const atRisk = new Set(losing.map(({ desired }) => desired.name));
  const { kubeNodes } = view;
  const gone = [...kubeNodes.records()].filter(({ ready }) => ready !== 'True').length;
  const share = gone / Math.max(1, kubeNodes.size);
  const inPanic = servicesInPanic(observedIn(inputs), { atRisk, lost: new Set(), share }, health);
  return losing.flatMap(({ desired, observed }) => {
    const isKept = (instance: Losing) =>
      inPanic.has(instance.service) && podOf(instance, view)?.deleting !== true;
    const { instances } = keepLastKnown(desired, observed, { node: true, instance: isKept });
    return instances.flatMap((id) => heldLoss(desired, observed, id));
  });
}

function heldLoss(
  { name: node, entry }: DesiredNode,
  observed: ObservedNode | undefined,
  instance: InstanceId,
): Held[] {
  const service = (entry?.instances.get(instance) ?? observed?.instances.get(instance))?.service;
  if (service === undefined) return [];
  const at = { kind: 'instance', node, instance, service } as const;
  return [{ kind: 'held', by: 'guard', what: 'health', at, because: 'panic', until: undefined }];
}

const observedIn = (inputs: readonly PlanInput[]): ObservedNode[] =>
  inputs.flatMap(({ observed }) => (observed === undefined ? [] : [observed]));
