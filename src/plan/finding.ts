import type { UnreadSource } from '../model/desired-node.ts';
import type { EntryRef } from '../model/entry-ref.ts';
import type { CheckId, ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { SharedName } from '../model/shared-name.ts';
import type { FieldChange } from './fields.ts';
import type { HeldBecause } from './guard.ts';
import type { ForeignReason } from './ownership.ts';

/**
 * What was noticed and is no change of ours, as a closed union: the shell logs, counts and shows it.
 *
 * - `foreign-owner`    a node of the name we need belongs to somebody else: nothing on it is touched
 * - `foreign-instance` an instance on our node is not ours: left alone, and it keeps the node
 * - `foreign-check`    a check on our node or instance is not ours: left alone
 * - `stale`            an instance is kept as it is because what asks for it is wrong at the moment
 * - `unread`           an instance is kept as it is because what it comes from may not be read
 * - `moving`           a node of ours has an earlier name: it goes when its instances are under their new nodes
 * - `shared-name`      a service has instances of several namespaces, or of another one than before
 * - `drift`            Consul differs from what we last wrote or read
 * - `held`             a change would take an instance out and is not believed yet; see guard.ts
 */
export type Finding =
  | ForeignOwner
  | ForeignInstance
  | ForeignCheck
  | StaleInstance
  | UnreadInstance
  | MovingNode
  | SharedServiceName
  | Drift
  | Held;

export interface ForeignOwner {
  readonly kind: 'foreign-owner';
  readonly node: ConsulNodeName;
  readonly reason: ForeignReason;
}

export interface ForeignInstance {
  readonly kind: 'foreign-instance';
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
}

export interface ForeignCheck {
  readonly kind: 'foreign-check';
  readonly node: ConsulNodeName;
  /** Undefined for a check of the node itself. */
  readonly instance: InstanceId | undefined;
  readonly check: CheckId;
}

export interface StaleInstance {
  readonly kind: 'stale';
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
}

export interface UnreadInstance {
  readonly kind: 'unread';
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
  readonly source: UnreadSource;
}

export interface MovingNode {
  readonly kind: 'moving';
  readonly node: ConsulNodeName;
}

export interface SharedServiceName extends SharedName {
  readonly kind: 'shared-name';
}

export interface Drift {
  readonly kind: 'drift';
  /** The entry is gone, has other fields, or appeared without us. */
  readonly what: 'missing' | 'changed' | 'unexpected';
  readonly at: EntryRef;
  /** From what we knew to what is there; empty unless `changed`. */
  readonly fields: readonly FieldChange[];
}

export interface Held {
  readonly kind: 'held';
  /** `removal`: the instance stays registered. `health`: it keeps the status it had. */
  readonly what: 'removal' | 'health';
  readonly node: ConsulNodeName;
  readonly instance: InstanceId;
  readonly service: ServiceName;
  readonly because: HeldBecause;
  /** When it ends by itself at the latest, if all stays as it is, wall-clock ms; undefined: nothing tells. */
  readonly until: number | undefined;
}
