import type { SharedName, UnreadSource } from '../model/desired-node.ts';
import type { EntryRef, OfInstance } from '../model/entry-ref.ts';
import type { CheckId, ConsulNodeName, InstanceId } from '../model/keys.ts';
import type { Change } from './change.ts';
import type { FieldChange } from './fields.ts';
import type { HeldBecause } from './guard.ts';
import type { ForeignReason } from './ownership.ts';

/**
 * What was noticed and is not a change to write, as a closed union. The shell logs, counts and shows it.
 *
 * - `foreign-owner`    somebody else owns a node of a name we need; nothing on it is touched
 * - `foreign-instance` an instance on an owned node has another owner; it is left alone and keeps the node
 * - `foreign-check`    a check on an owned node or instance has another owner; it is left alone
 * - `stale`            an instance is kept as it is because its annotations are wrong at the moment
 * - `unread`           an instance is kept as it is because its source may not be read
 * - `moving`           an owned node has an earlier name; it is removed once its instances are under their new nodes
 * - `handed-over`      an instance stays until those are registered by which its Service is reached now
 * - `shared-name`      a service has instances of several namespaces, or of another namespace than before
 * - `drift`            Consul differs from what was last written or read
 * - `held`             something is not written now, see Held
 */
export type Finding =
  | ForeignOwner
  | ForeignInstance
  | ForeignCheck
  | StaleInstance
  | UnreadInstance
  | MovingNode
  | HandedOverInstance
  | SharedServiceName
  | Drift
  | Held;

export interface ForeignOwner {
  readonly kind: 'foreign-owner';
  readonly node: ConsulNodeName;
  readonly reason: ForeignReason;
}

export interface ForeignInstance extends OfInstance {
  readonly kind: 'foreign-instance';
}

export interface ForeignCheck {
  readonly kind: 'foreign-check';
  readonly node: ConsulNodeName;
  /** Undefined for a check of the node itself. */
  readonly instance: InstanceId | undefined;
  readonly check: CheckId;
}

export interface StaleInstance extends OfInstance {
  readonly kind: 'stale';
}

export interface UnreadInstance extends OfInstance {
  readonly kind: 'unread';
  readonly source: UnreadSource;
}

export interface MovingNode {
  readonly kind: 'moving';
  readonly node: ConsulNodeName;
}

export interface HandedOverInstance extends OfInstance {
  readonly kind: 'handed-over';
}

export interface SharedServiceName extends SharedName {
  readonly kind: 'shared-name';
}

export interface Drift {
  readonly kind: 'drift';
  /** The entry is gone, has other fields, or was added by somebody else. */
  readonly what: 'missing' | 'changed' | 'unexpected';
  readonly at: EntryRef;
  /** From the known values to those in Consul; empty unless `changed`. */
  readonly fields: readonly FieldChange[];
}

/**
 * Who holds a change, in the order in which they review it:
 *
 * - `policy`   the configured policy does not allow it
 * - `guard`    it would take instances out of service, and is not confirmed yet; see guard.ts
 * - `consul`   Consul refuses it; it is retried alone
 * - `conflict` somebody else keeps changing the entry; repairs are made at growing intervals
 */
export const heldBy = ['policy', 'guard', 'consul', 'conflict'] as const;
export type HeldBy = (typeof heldBy)[number];

/** `removal`: the entry stays registered. `health`: it keeps the status it had. `write`: it stays as it is. */
export const heldKinds = ['removal', 'health', 'write'] as const;

export interface Held {
  readonly kind: 'held';
  readonly by: HeldBy;
  readonly what: (typeof heldKinds)[number];
  readonly at: EntryRef;
  readonly because: HeldBecause;
  /** What Consul said, for a change that it refuses. */
  readonly error?: string;
  /**
   * Of the guard, when the hold ends by itself at the latest, if all stays as it is; of the others, when the next try
   * is made. Wall-clock ms; undefined: not known.
   */
  readonly until: number | undefined;
  /** The change that is held; undefined for a loss of health, which is held before there is a change. */
  readonly change?: Change;
}

/**
 * Whether the change is not written now. Otherwise its next try is due, or was made and is still watched: what Consul
 * refused goes out again, and what somebody else keeps changing is repaired.
 */
export const isWaiting = ({ by, until }: Held): boolean =>
  until !== undefined || by === 'policy' || by === 'guard';
