import { visible } from '../../lib/visible.ts';
import { wasTerminating } from '../../plan/evidence.ts';
import { worst } from '../../plan/health.ts';
import type { ObservedInstance, ObservedNode } from '../../plan/observed.ts';
import { isOwnInstance } from '../../plan/ownership.ts';
import { missingTags, placeKey, placesOf } from '../../plan/twins.ts';
import { placeText } from './check-text.ts';

/** An instance of the other program, and why it is treated so. */
export interface Decided {
  readonly instance: ObservedInstance;
  readonly why: string;
}

/** What becomes of another program's instances, which kube-registrar has registered as well. */
export interface TwinPlan {
  /** They go: ours passes in their place, or nothing is there any more. */
  readonly removed: readonly Decided[];
  /** They stay for now: ours does not pass, or it is not known whether anything is there. */
  readonly kept: readonly Decided[];
  /** kube-registrar has no such instance, although the cluster still has the endpoint: nothing may be removed. */
  readonly missing: readonly Decided[];
}

/**
 * Whether the cluster still has what an instance stands for.
 *
 * - `there`    it does, or may do
 * - `gone`     it had it, and has it no more
 * - `foreign`  nothing shows that it ever had it
 * - `unknown`  not all of the cluster is read
 */
export type Presence = 'there' | 'gone' | 'foreign' | 'unknown';

/** Decides from what Consul holds (`nodes`), not from what is wanted. */
export function planTwins(
  theirs: readonly ObservedInstance[],
  nodes: Iterable<ObservedNode>,
  presenceOf: (instance: ObservedInstance) => Presence,
): TwinPlan {
  const nodeOf = new Map<ObservedInstance, ObservedNode>();
  for (const node of nodes) {
    for (const instance of node.instances.values()) if (isOwnInstance(instance)) nodeOf.set(instance, node);
  }
  const places = placesOf(nodeOf.keys());
  const plan = { removed: [] as Decided[], kept: [] as Decided[], missing: [] as Decided[] };
  for (const instance of theirs) {
    const there = places.get(placeKey(instance, instance.address)) ?? [];
    const twin = there.find(({ port }) => port === instance.port);
    const [outcome, why] =
      twin === undefined
        ? withoutTwin(instance, there[0], presenceOf)
        : withTwin(instance, twin, nodeOf.get(twin)!);
    plan[outcome].push({ instance, why });
  }
  return plan;
}

type Outcome = readonly [keyof TwinPlan, why: string];

function withoutTwin(
  instance: ObservedInstance,
  other: ObservedInstance | undefined,
  presenceOf: (instance: ObservedInstance) => Presence,
): Outcome {
  if (other !== undefined) {
    return ['missing', `kube-registrar has registered port ${other.port}, not ${instance.port}`];
  }
  switch (presenceOf(instance)) {
    case 'there':
      return ['missing', 'kube-registrar has not registered it'];
    case 'gone':
      return ['removed', 'it no longer exists in the cluster'];
    case 'foreign':
      return [
        'kept',
        'nothing in this cluster asks for it, so it may belong to another cluster; if not, remove it yourself',
      ];
    case 'unknown':
      return [
        'kept',
        'cannot find out whether it still exists in the cluster, because not everything could be read',
      ];
  }
}

function withTwin(instance: ObservedInstance, twin: ObservedInstance, node: ObservedNode): Outcome {
  const [tag] = missingTags(instance, twin);
  if (tag !== undefined) {
    return ['missing', `the instance of kube-registrar lacks the tag ${JSON.stringify(tag)}`];
  }
  const failing = [...twin.checks.values(), ...node.checks.values()].find(
    ({ status }) => status !== 'passing',
  );
  if (failing === undefined || worst(instance.checks.values()) !== 'passing') {
    return ['removed', `${twin.id} on node "${node.name}" takes its place`];
  }
  // Nobody takes it out of service any more, and what is on its way out does not come back.
  if (wasTerminating(twin.checks)) return ['removed', `it is terminating: ${failing.output}`];
  return ['kept', `${twin.id} does not pass: ${failing.output || failing.name}`];
}

/** For people: what is done, and what is not. `also`: what goes with the instances; `others`: what stays. */
export function twinPlanText(
  { removed, kept, missing }: TwinPlan,
  also: readonly string[] = [],
  others: readonly string[] = [],
): string {
  const line = (sign: string) => (each: Decided) => `${sign} ${placeText(each.instance)}: ${each.why}`;
  const lines = [
    ...removed.map(line('-')),
    ...also.map((what) => `- ${what}`),
    ...kept.map(line('=')),
    ...others.map((what) => `= ${what}`),
    ...missing.map(line('!')),
    `${removed.length} to remove, ${kept.length} to keep, ${missing.length} without a counterpart.`,
  ];
  return lines.map((text) => `${visible(text)}\n`).join('');
}
