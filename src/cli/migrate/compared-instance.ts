import type { Instance } from '../../model/instance.ts';
import type { InstanceId } from '../../model/keys.ts';
import type { Snapshot } from '../../operator/snapshot.ts';
import type { ObservedInstance } from '../../plan/observed.ts';
import type { Twins } from '../../plan/twins.ts';

export interface PlacedInstance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly id: InstanceId;
}

export interface ComparedInstance extends PlacedInstance {
  /** `gone`: kube-registrar has none, and the cluster has the endpoint no more. */
  readonly outcome: 'matches' | 'differs' | 'missing' | 'gone';
  /** Id of that of kube-registrar; undefined: there is none. */
  readonly ours: InstanceId | undefined;
  /** What consumers would find changed. */
  readonly differences: readonly string[];
  /** Why that of kube-registrar would not pass although this one does; undefined: it would pass, too. */
  readonly losesHealth: string | undefined;
  /** Why kube-registrar would not register it; undefined unless it is missing. */
  readonly whyMissing: string | undefined;
}

export interface TwinCounts {
  readonly matching: number;
  readonly differing: number;
  readonly losingHealth: number;
  readonly missing: number;
  readonly gone: number;
  /** Instances of kube-registrar without a counterpart. */
  readonly more: number;
}

export interface WhatOfOne {
  /** Whether the cluster may still have what it stands for. */
  readonly isStillThere: (theirs: ObservedInstance) => boolean;
  /** Why kube-registrar would not register it. */
  readonly whyMissing: (theirs: ObservedInstance) => string;
}

export function comparedInstance(
  { theirs, ours, differences, losesHealth }: Twins,
  { isStillThere, whyMissing }: WhatOfOne,
): ComparedInstance {
  const common = { ...placed(theirs), ours: ours?.id, differences, losesHealth };
  if (ours === undefined) {
    return isStillThere(theirs)
      ? { ...common, outcome: 'missing', whyMissing: whyMissing(theirs) }
      : { ...common, outcome: 'gone', whyMissing: undefined };
  }
  const isSame = differences.length === 0 && losesHealth === undefined;
  return { ...common, outcome: isSame ? 'matches' : 'differs', whyMissing: undefined };
}

/** `ours`: all that is wanted. */
export function twinCounts(
  instances: readonly ComparedInstance[],
  twins: readonly Twins[],
  ours: readonly Instance[],
): TwinCounts {
  const matched = new Set(twins.flatMap((each) => each.ours ?? []));
  const count = (fits: (instance: ComparedInstance) => boolean): number => instances.filter(fits).length;
  return {
    matching: count(({ outcome }) => outcome === 'matches'),
    differing: count(({ differences }) => differences.length > 0),
    losingHealth: count(({ losesHealth }) => losesHealth !== undefined),
    missing: count(({ outcome }) => outcome === 'missing'),
    gone: count(({ outcome }) => outcome === 'gone'),
    more: ours.filter((instance) => !matched.has(instance)).length,
  };
}

/** Whether consumers would find all that they find now. */
export const isAlike = ({ differing, losingHealth, missing }: TwinCounts): boolean =>
  differing + losingHealth + missing === 0;

export const placed = ({ service, address, port, id }: PlacedInstance): PlacedInstance => ({
  service,
  address,
  port,
  id,
});

export const wantedInstances = ({ nodes }: Snapshot): Instance[] =>
  nodes.flatMap(({ desired: { entry } }) => [...(entry?.instances.values() ?? [])]);
