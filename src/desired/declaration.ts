import type { Weights } from '../model/instance.ts';
import type { ServiceName } from '../model/keys.ts';
import type { HttpProbe, Probes } from './probes.ts';
import type { PortRef } from './values.ts';

/** What a terminating instance becomes. */
export type Drain = 'critical' | 'warning' | 'deregister';
export const drains: readonly Drain[] = ['critical', 'warning', 'deregister'];

/** Whose address an instance gets. */
export type AddressKind = 'pod' | 'host' | 'node-external';
export const addressKinds: readonly AddressKind[] = ['pod', 'host', 'node-external'];

/** What tells whether an instance is well. */
export type CheckKind = 'readiness' | 'none';
export const checkKinds: readonly CheckKind[] = ['readiness', 'none'];

/** How an instance follows its source's health: known even where the rest of a declaration is wrong. */
export interface HealthPolicy {
  readonly check: CheckKind;
  readonly drain: Drain;
}

/** One service somebody asked for, read and valid in itself; ports are resolved against the object. */
export interface Declaration extends HealthPolicy {
  readonly kind: 'declared';
  /** Where it stands: empty for plain annotations, `services[1]` for an entry of the list. */
  readonly at: string;
  readonly service: ServiceName;
  /** Undefined: the only port there is. */
  readonly port: PortRef | undefined;
  readonly tags: readonly string[];
  /** The user's, with `protocol`. */
  readonly meta: ReadonlyMap<string, string>;
  readonly healthUrl: HttpProbe | undefined;
  readonly weights: Weights;
  readonly address: AddressKind;
  readonly probes: Probes;
  /** How long the weight takes to grow from 1; undefined: no warm-up. */
  readonly warmupMs: number | undefined;
  /** Why the instance is in maintenance; undefined when it is not. */
  readonly maintenance: string | undefined;
}

/** One with mistakes: what is registered of it stays as it is. */
export interface BrokenDeclaration extends HealthPolicy {
  readonly kind: 'broken';
  /** Empty when not even the name can be told. */
  readonly service: string;
}
