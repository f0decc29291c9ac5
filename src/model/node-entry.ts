import type { Check } from './check.ts';
import type { Instance } from './instance.ts';
import type { ConsulNodeName, InstanceId } from './keys.ts';

/** One Consul node with everything on it that this cluster owns: the unit of reconciliation. */
export interface NodeEntry {
  readonly name: ConsulNodeName;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
  readonly instances: ReadonlyMap<InstanceId, Instance>;
}
