import type { ConsulNodeName, InstanceId, ServiceName } from '../model/keys.ts';
import type { ObservedNode } from '../plan/observed.ts';
import type { RegistryFeatures } from '../plan/registry-features.ts';

export interface NodeReading {
  /** Undefined when there is no node of the name. */
  readonly node: ObservedNode | undefined;
  /** Index from which a blocking query on its checks can go on; undefined when there is none. */
  readonly index: number | undefined;
}

/** What a reading does not show: a whole node, or one of its instances. */
export interface Missing {
  readonly node: ConsulNodeName;
  readonly instance?: { readonly id: InstanceId; readonly service: ServiceName } | undefined;
}

/** How what Consul holds is read: from the catalog, or from the agents of the nodes. */
export interface NodeReader {
  /** As far as they are known before anything was read. */
  readonly features: RegistryFeatures;
  /** Names of the nodes that may hold something with this stamp. */
  list(nodeMeta: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly ConsulNodeName[]>;
  read(node: ConsulNodeName, signal: AbortSignal): Promise<NodeReading>;
  /** Those of these nodes that are known not to exist, found at less cost than by reading each. */
  absent(nodes: readonly ConsulNodeName[], signal: AbortSignal): Promise<readonly ConsulNodeName[]>;
  /** Rejects unless what a reading does not show is known to be gone. */
  confirmAbsence(missing: Missing, signal: AbortSignal): Promise<void>;
}
