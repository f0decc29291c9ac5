import type { Check } from '../model/check.ts';
import type { EntryRef, OfInstance } from '../model/entry-ref.ts';
import type { Instance } from '../model/instance.ts';
import type { CheckId, ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { Because } from './evidence.ts';

/**
 * What is written to Consul, as a closed union. One change is atomic: its Consul operations always travel in one
 * transaction, so that a check never stands beside a service it does not belong to.
 *
 * - `put-node`        the node itself (address, tagged addresses, meta)
 * - `put-node-check`  a check of the node
 * - `put-instance`    a service with those of its checks that differ
 * - `put-check`       one check of an instance whose service entry is already right
 * - `delete-check`    a check that is not wanted, of a node (no `instance`) or of an instance
 * - `delete-instance` a service and, with it, its checks
 * - `delete-node`     a node with everything on it
 */
export type Change =
  | PutNode
  | PutNodeCheck
  | PutInstance
  | PutCheck
  | DeleteCheck
  | DeleteInstance
  | DeleteNode;

/**
 * How a written entry changes what consumers see. Deletions have no effect of this kind.
 *
 * - `create` the entry did not exist
 * - `health` a status changes, and possibly more
 * - `update` anything else; it can wait behind the others
 */
export type Effect = 'create' | 'health' | 'update';

export interface PutNode {
  readonly kind: 'put-node';
  readonly node: ConsulNodeName;
  readonly effect: Effect;
  /**
   * ModifyIndex of the node as it was observed; 0: it must not exist. The node is written by compare and set, so that
   * a foreign node that took the name in the meantime is not overwritten.
   */
  readonly modifyIndex: number;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
}

export interface PutNodeCheck {
  readonly kind: 'put-node-check';
  readonly node: ConsulNodeName;
  readonly effect: Effect;
  readonly check: Check;
}

export interface PutInstance {
  readonly kind: 'put-instance';
  readonly node: ConsulNodeName;
  readonly effect: Effect;
  readonly instance: Instance;
}

export interface PutCheck extends OfInstance {
  readonly kind: 'put-check';
  readonly effect: Effect;
  readonly check: Check;
}

export interface DeleteCheck {
  readonly kind: 'delete-check';
  readonly node: ConsulNodeName;
  readonly check: CheckId;
  readonly instance: InstanceId | undefined;
  readonly service: ServiceName | undefined;
}

/** Consul's transaction needs the name of the service too. */
export interface DeleteInstance extends OfInstance {
  readonly kind: 'delete-instance';
  /** Why the instance may be removed; set by the guard. */
  readonly because?: Because;
}

export interface DeleteNode {
  readonly kind: 'delete-node';
  readonly node: ConsulNodeName;
  /** As in PutNode: another node of the same name must not be deleted. */
  readonly modifyIndex: number;
  /** Why its instances may be removed; set by the guard, absent when there are none. */
  readonly because?: Because;
}

/** The entry that a change writes or removes. An instance is written together with the checks that the change carries. */
export function entryOf(change: Change): EntryRef {
  const { node } = change;
  switch (change.kind) {
    case 'put-node':
    case 'delete-node':
      return { kind: 'node', node };
    case 'put-node-check':
      return { kind: 'node-check', node, check: change.check.id };
    case 'put-instance': {
      const { id: instance, service } = change.instance;
      return { kind: 'instance', node, instance, service };
    }
    case 'delete-instance':
      return { kind: 'instance', node, instance: change.instance, service: change.service };
    case 'put-check': {
      const { instance, service, check } = change;
      return { kind: 'instance-check', node, instance, service, check: check.id };
    }
    case 'delete-check': {
      const { instance, service, check } = change;
      return instance === undefined || service === undefined
        ? { kind: 'node-check', node, check }
        : { kind: 'instance-check', node, instance, service, check };
    }
  }
}
