import type { Instance } from '../model/instance.ts';
import type { CheckId, ConsulNodeName, InstanceId } from '../model/keys.ts';

/** A check as Consul holds it, foreign ones included; `status` can therefore be any text. */
export interface ObservedCheck {
  readonly id: CheckId;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly output: string;
  /** Carries our mark on the checks we write, see ownership.ts. */
  readonly notes: string;
  /** The check's own copy of its service's name and tags; empty on a node's check. */
  readonly serviceName: string;
  readonly serviceTags: readonly string[];
  readonly modifyIndex: number;
}

/** A service instance as Consul holds it. */
export interface ObservedInstance extends Omit<Instance, 'checks'> {
  readonly checks: ReadonlyMap<CheckId, ObservedCheck>;
  readonly modifyIndex: number;
}

/** A node with everything on it as Consul holds it, whoever owns it. */
export interface ObservedNode {
  readonly name: ConsulNodeName;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  /** Checks of the node itself. */
  readonly checks: ReadonlyMap<CheckId, ObservedCheck>;
  readonly instances: ReadonlyMap<InstanceId, ObservedInstance>;
  readonly createIndex: number;
  readonly modifyIndex: number;
  /**
   * An earlier reading of this node (same createIndex) carried our stamp. A `catalog/register` of a service without
   * NodeMeta wipes the node's meta; the node is still owned then.
   */
  readonly stampedBefore: boolean;
  /** Instances that are gone and were critical in a probe when last seen: their prober removed them. */
  readonly reaped?: ReadonlySet<InstanceId>;
}

/** An entry as Consul stored it: the answer of a committed transaction for each entry it set. */
export type StoredEntry =
  | { readonly kind: 'node'; readonly node: Omit<ObservedNode, 'checks' | 'instances' | 'stampedBefore'> }
  | { readonly kind: 'instance'; readonly instance: Omit<ObservedInstance, 'checks'> }
  | { readonly kind: 'check'; readonly check: ObservedCheck; readonly instance: InstanceId | undefined };
