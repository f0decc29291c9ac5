import type { DesiredNode } from '../model/desired-node.ts';
import type { ConsulNodeName } from '../model/keys.ts';
import type { Change } from './change.ts';
import { type DiffOptions, diff } from './diff.ts';
import { checkChanges, type FieldChange, instanceChanges, nodeChanges, writtenCheck } from './fields.ts';
import type { Finding } from './finding.ts';
import type { ObservedNode } from './observed.ts';
import { compareText } from './order.ts';

/** What would be written, for people and scripts to read: one step an entry, with its fields. */
export interface Plan {
  /** By name; nodes with neither steps nor findings are left out. */
  readonly nodes: readonly NodePlan[];
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
}

export interface Summary {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
  readonly findings: number;
  /** Nodes with at least one step. */
  readonly nodes: number;
}

export interface PlanInput {
  readonly desired: DesiredNode;
  readonly observed: ObservedNode | undefined;
}

export function plan(inputs: Iterable<PlanInput>, options: DiffOptions): Plan {
  const nodes: NodePlan[] = [];
  for (const { desired, observed } of inputs) {
    const { changes, findings } = diff(desired, observed, options);
    const steps = changes.flatMap((change) => stepsOf(change, observed, options));
    if (steps.length > 0 || findings.length > 0) nodes.push({ node: desired.name, steps, findings });
  }
  nodes.sort((a, b) => compareText(a.node, b.node));
  return { nodes, summary: summaryOf(nodes) };
}

function summaryOf(nodes: readonly NodePlan[]): Summary {
  const summary = { add: 0, change: 0, remove: 0, findings: 0, nodes: 0 };
  for (const { steps, findings } of nodes) {
    for (const { verb } of steps) summary[verb] += 1;
    summary.findings += findings.length;
    if (steps.length > 0) summary.nodes += 1;
  }
  return summary;
}

function stepsOf(change: Change, observed: ObservedNode | undefined, { server }: DiffOptions): Step[] {
  const nothing = { service: '', instance: '', fields: [] };
  switch (change.kind) {
    case 'put-node': {
      const verb = observed === undefined ? 'add' : 'change';
      return [{ ...nothing, verb, entry: 'node', id: change.node, fields: nodeChanges(observed, change) }];
    }
    case 'put-node-check': {
      const { check } = change;
      const before = observed?.checks.get(check.id);
      const fields = checkChanges(before, writtenCheck(check, undefined), server);
      return [{ ...nothing, verb: before ? 'change' : 'add', entry: 'check', id: check.id, fields }];
    }
    case 'put-instance': {
      const { id, service, checks } = change.instance;
      const before = observed?.instances.get(id);
      const own: Step = {
        ...nothing,
        verb: before ? 'change' : 'add',
        entry: 'instance',
        id,
        service,
        fields: instanceChanges(before, change.instance, server),
      };
      const ofChecks = checks.map((check): Step => {
        const old = before?.checks.get(check.id);
        const fields = checkChanges(old, writtenCheck(check, change.instance), server);
        return { verb: old ? 'change' : 'add', entry: 'check', id: check.id, service, instance: id, fields };
      });
      return [own, ...ofChecks];
    }
    case 'put-check': {
      const { check, service, instance } = change;
      const on = observed?.instances.get(instance);
      const before = on?.checks.get(check.id);
      const verb = before ? 'change' : 'add';
      const fields = checkChanges(before, writtenCheck(check, on), server);
      return [{ verb, entry: 'check', id: check.id, service, instance, fields }];
    }
    case 'delete-check': {
      const { check: id, service = '', instance = '' } = change;
      return [{ ...nothing, verb: 'remove', entry: 'check', id, service, instance }];
    }
    case 'delete-instance': {
      const { instance: id, service } = change;
      return [{ ...nothing, verb: 'remove', entry: 'instance', id, service }];
    }
    case 'delete-node':
      return [{ ...nothing, verb: 'remove', entry: 'node', id: change.node }];
  }
}
