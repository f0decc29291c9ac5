import type { Instance } from '../model/instance.ts';
import { originOf } from '../model/origin.ts';
import { type RouteKind, routeText } from '../model/route.ts';
import type { Finding } from './finding.ts';
import type { ObservedInstance } from './observed.ts';
import { type NodePlan, type PlanInput, type PlanOptions, plan, type Step } from './plan.ts';
import type { PolicyName } from './policy.ts';
import { findingText, stepLines } from './render.ts';

/** An object that can ask for instances, or a Gateway, whose address they may have. */
export interface AskingObject {
  readonly kind: 'Pod' | 'Service' | 'Gateway' | RouteKind;
  readonly namespace: string;
  readonly name: string;
}

/** One instance of an object, wanted or registered or both, and what would be written of it. */
export interface InstancePlan {
  readonly node: string;
  readonly wanted: Instance | undefined;
  readonly registered: ObservedInstance | undefined;
  readonly steps: readonly Step[];
  /** What was noticed about it, as text. */
  readonly remarks: readonly string[];
}

/** Every instance of the object on these nodes, by node and id. */
export function instancePlans(
  object: AskingObject,
  inputs: readonly PlanInput[],
  options: PlanOptions,
): InstancePlan[] {
  return inputs.flatMap((input) => {
    const { desired, observed } = input;
    const ids = new Set(
      [...(desired.entry?.instances.values() ?? []), ...(observed?.instances.values() ?? [])]
        .filter(({ meta }) => isOf(object, meta))
        .map(({ id }) => id),
    );
    if (ids.size === 0) return [];
    const [planned] = plan([input], options).nodes;
    return [...ids].sort().map((id) => ({
      node: desired.name,
      wanted: desired.entry?.instances.get(id),
      registered: observed?.instances.get(id),
      ...partOf(planned, id),
    }));
  });
}

function isOf({ kind, namespace, name }: AskingObject, meta: Instance['meta']): boolean {
  const origin = originOf(meta);
  if (kind === 'Gateway') return origin.gateway === `${namespace}/${name}`;
  if (origin.namespace !== namespace) return false;
  if (kind === 'Pod') return origin.pod === name;
  return kind === 'Service' ? origin.service === name : origin.route === routeText({ kind, name });
}

function partOf(planned: NodePlan | undefined, id: string): Pick<InstancePlan, 'steps' | 'remarks'> {
  const steps = planned?.steps ?? [];
  const remarks = (planned?.findings ?? []).filter((finding) => concerns(finding, id));
  return {
    steps: steps.filter(
      (step) => step.instance === id || step.id === id || (step.entry === 'node' && step.verb === 'remove'),
    ),
    remarks: remarks.map((finding) => findingText(finding)),
  };
}

function concerns(finding: Finding, id: string): boolean {
  switch (finding.kind) {
    case 'foreign-owner':
    case 'moving':
      return true;
    case 'foreign-instance':
    case 'foreign-check':
    case 'stale':
    case 'handed-over':
    case 'unread':
      return finding.instance === id;
    case 'held':
      return finding.at.instance === id || finding.at.kind === 'node';
    case 'shared-name':
    case 'drift':
      return false;
  }
}

/** How the instance stands, in a few words. */
export function stateOf({ wanted, registered, steps }: InstancePlan): string {
  if (registered === undefined) return 'wanted, not registered yet';
  if (wanted === undefined) return 'registered, not wanted';
  return steps.length === 0 ? 'registered as wanted' : 'registered, differs from the desired state';
}

/** The instance for people, indented; `policy` is `sync.policy`. */
export function instanceLines(row: InstancePlan, policy: PolicyName): string[] {
  const { node, wanted, registered, steps, remarks } = row;
  const shown = registered ?? wanted;
  if (shown === undefined) return [];
  const checks = [...shown.checks.values()].map(
    ({ name, status, output }) => `${name}: ${status}${output === '' ? '' : ` (${output})`}`,
  );
  return [
    `  ${shown.service} ${shown.address}:${shown.port} on node ${node}: ${stateOf(row)}`,
    `    id ${shown.id}`,
    ...checks.map((line) => `    ${line}`),
    ...remarks.map((text) => `    ${text}`),
    ...waitingLines(steps, policy),
  ];
}

function waitingLines(steps: readonly Step[], policy: PolicyName): string[] {
  if (steps.length > 0 && policy === 'dry-run') return ['    the policy is dry-run: nothing is written'];
  const under = (heading: string, some: readonly Step[]): string[] =>
    some.length === 0 ? [] : [`    ${heading}:`, ...some.flatMap(stepLines).map((line) => `    ${line}`)];
  return [
    ...under(
      'a running operator would write',
      steps.filter(({ held }) => !held),
    ),
    ...under(
      'not written for now',
      steps.filter(({ held }) => held),
    ),
  ];
}
