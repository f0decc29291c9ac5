import type { Check } from '../model/check.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import { type EntryRef, entryId, entryNoun } from '../model/entry-ref.ts';
import type { Instance } from '../model/instance.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import { type Problem, problemKey } from '../model/problem.ts';
import { type Change, entryOf } from './change.ts';
import { type DiffOptions, diff } from './diff.ts';
import { checkChanges, type FieldChange, instanceChanges, nodeChanges, writtenCheck } from './fields.ts';
import { type Finding, type Held, type HeldBy, isWaiting } from './finding.ts';
import type { ObservedNode } from './observed.ts';
import { compareText } from './order.ts';
import { type PolicyName, policies } from './policy.ts';

/** What would be written, for people and scripts: one step for each entry, with its fields. */
export interface Plan {
  /** By name; nodes with neither steps nor findings are left out. */
  readonly nodes: readonly NodePlan[];
  /** Mistakes in annotations. Each is listed once, however many nodes show it. */
  readonly problems: readonly Problem[];
  readonly summary: Summary;
}

export interface NodePlan {
  readonly node: ConsulNodeName;
  readonly steps: readonly Step[];
  readonly findings: readonly Finding[];
}

export interface Step {
  readonly verb: 'add' | 'change' | 'remove';
  readonly entry: 'node' | 'instance' | 'check';
  readonly id: string;
  /** Consul service; empty for the node and its checks. */
  readonly service: string;
  /** Instance a check belongs to; empty otherwise. */
  readonly instance: string;
  /** Empty for a removal. */
  readonly fields: readonly FieldChange[];
  /** Whether it is not written now. */
  readonly held: boolean;
  /** Who holds it. The reason is among the node's findings, except for the policy. */
  readonly heldBy: HeldBy | undefined;
}

/** Counts of the steps that would be written. Held steps are counted separately. */
export interface Summary {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
  readonly held: number;
  /** How many of the held steps the guard holds. */
  readonly heldByGuard: number;
  /** How many of them Consul refuses. */
  readonly heldByConsul: number;
  /** How many of them somebody else keeps changing. */
  readonly heldByConflict: number;
  readonly findings: number;
  readonly problems: number;
  /** Nodes with at least one step. */
  readonly nodes: number;
}

export interface PlanInput {
  readonly desired: DesiredNode;
  readonly observed: ObservedNode | undefined;
}

export interface PlanOptions extends DiffOptions {
  /**
   * The policy whose held steps are marked. `dry-run` marks none, because it is there to show what would be done.
   * Default `sync`.
   */
  readonly policy?: PolicyName;
  /** What the guard, Consul and conflicts hold. Default: nothing. What the policy holds is computed. */
  readonly held?: readonly Held[];
  /** Problems that only a running operator knows, such as refusals by Consul. Default: none. */
  readonly problems?: readonly Problem[];
}

export function plan(inputs: Iterable<PlanInput>, options: PlanOptions): Plan {
  const { policy = 'sync', held: kept = [], problems: known = [] } = options;
  const byNode = Map.groupBy(
    // What has been repaired is only watched.
    kept.filter((held) => held.by !== 'policy' && (held.by !== 'conflict' || isWaiting(held))),
    ({ at }) => at.node,
  );
  const nodes: NodePlan[] = [];
  const problems = new Map(known.map((problem) => [problemKey(problem), problem]));
  for (const { desired, observed } of inputs) {
    const { changes, findings } = diff(desired, observed, options);
    const byPolicy = new Set(policy === 'dry-run' ? [] : policies[policy](changes).held);
    const others = byNode.get(desired.name) ?? [];
    const steps = changes
      .flatMap((change) => inParts(change, observed, others))
      .flatMap((change) =>
        stepsOf(change, observed, options).map((step): Step => {
          const holding = others.find((held) => isHeldBy(held, step, observed));
          const heldBy = byPolicy.has(change) ? 'policy' : holding?.by;
          return { ...step, held: heldBy !== undefined, heldBy };
        }),
      );
    for (const problem of desired.problems) problems.set(problemKey(problem), problem);
    const noticed = [...findings, ...others];
    if (steps.length > 0 || noticed.length > 0) nodes.push({ node: desired.name, steps, findings: noticed });
  }
  nodes.sort((a, b) => compareText(a.node, b.node));
  const sorted = [...problems].sort(([a], [b]) => compareText(a, b)).map(([, problem]) => problem);
  return { nodes, problems: sorted, summary: summaryOf(nodes, sorted.length) };
}

function summaryOf(nodes: readonly NodePlan[], problems: number): Summary {
  const byWhom = { heldByGuard: 0, heldByConsul: 0, heldByConflict: 0 };
  const summary = { add: 0, change: 0, remove: 0, held: 0, ...byWhom, findings: 0, problems, nodes: 0 };
  for (const { steps, findings } of nodes) {
    for (const { verb, held, heldBy } of steps) {
      summary[held ? 'held' : verb] += 1;
      if (heldBy === 'guard') summary.heldByGuard += 1;
      else if (heldBy === 'consul') summary.heldByConsul += 1;
      else if (heldBy === 'conflict') summary.heldByConflict += 1;
    }
    summary.findings += findings.length;
    if (steps.some(({ held }) => !held)) summary.nodes += 1;
  }
  return summary;
}

/** A node with a held removal stays; the other instances on it are removed one by one. */
function inParts(
  change: Change,
  observed: ObservedNode | undefined,
  held: readonly Held[],
): readonly Change[] {
  if (change.kind !== 'delete-node' || observed === undefined) return [change];
  if (!held.some(({ by, what }) => by === 'guard' && what === 'removal')) return [change];
  return [...observed.instances.values()].map(({ id, service }) => {
    return { kind: 'delete-instance', node: change.node, instance: id, service };
  });
}

/** Whether a step is one that is not written because of `held`. */
function isHeldBy(held: Held, step: Unmarked, observed: ObservedNode | undefined): boolean {
  const { by, what, at } = held;
  const { instance } = at;
  if (!isWaiting(held)) return false;
  if (by !== 'guard') {
    // Without the node nothing can be written on it.
    if (at.kind === 'node') return observed === undefined || step.entry === 'node';
    if (at.check !== undefined) return step.entry === 'check' && step.id === at.check;
    return step.instance === instance || step.id === instance;
  }
  if (what === 'removal') {
    return step.verb === 'remove' && step.entry === 'instance' && step.id === instance;
  }
  // With an instance's health, its node's health is held.
  const isHealth = step.entry === 'check' && step.fields.some(({ field }) => field === 'status');
  return isHealth && (step.instance === instance || step.instance === '');
}

type Unmarked = Omit<Step, 'held' | 'heldBy'>;

function stepsOf(change: Change, observed: ObservedNode | undefined, { features }: DiffOptions): Unmarked[] {
  const at = entryOf(change);
  const on = at.instance === undefined ? undefined : observed?.instances.get(at.instance);
  const ofCheck = (ref: EntryRef, check: Check, instance: Omit<Instance, 'checks'> | undefined): Unmarked => {
    const before = (ref.kind === 'node-check' ? observed : on)?.checks.get(check.id);
    return stepAt(ref, before, checkChanges(before, writtenCheck(check, instance), features));
  };
  switch (change.kind) {
    case 'put-node':
      return [stepAt(at, observed, nodeChanges(observed, change))];
    case 'put-node-check':
    case 'put-check':
      return [ofCheck(at, change.check, on)];
    case 'put-instance': {
      const { instance, node } = change;
      const { id, service, checks } = instance;
      return [
        stepAt(at, on, instanceChanges(on, instance, features)),
        ...checks.map((check) =>
          ofCheck({ kind: 'instance-check', node, instance: id, service, check: check.id }, check, instance),
        ),
      ];
    }
    case 'delete-check':
    case 'delete-instance':
    case 'delete-node':
      return [{ ...stepAt(at, undefined, []), verb: 'remove' }];
  }
}

const stepAt = (at: EntryRef, before: object | undefined, fields: readonly FieldChange[]): Unmarked => ({
  verb: before === undefined ? 'add' : 'change',
  entry: entryNoun(at),
  id: entryId(at),
  service: at.service ?? '',
  instance: at.kind === 'instance-check' ? at.instance : '',
  fields,
});
