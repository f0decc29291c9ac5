import type { ConsulClient } from '../consul/client.ts';
import { type ConsulNodeName, consulNodeName } from '../model/keys.ts';
import {
  confirmAbsence,
  type MissingInstance,
  type NodeReading,
  readNode,
  trusted,
} from './catalog/read-node.ts';

/** How what Consul holds is read: from the catalog, or from the agents of the nodes. */
export interface NodeReader {
  /** Names of the nodes that may hold something with this stamp. */
  list(nodeMeta: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly ConsulNodeName[]>;
  read(node: ConsulNodeName, signal: AbortSignal): Promise<NodeReading>;
  /** Rejects unless what a reading does not show is known to be gone. */
  confirmAbsence(
    missing: { readonly node: ConsulNodeName; readonly instance?: MissingInstance | undefined },
    signal: AbortSignal,
  ): Promise<void>;
  /** Whether each node has a server of its own: what one of them does not answer says nothing about the others. */
  readonly nodesFailAlone: boolean;
}

export function catalogReader(client: ConsulClient): NodeReader {
  return {
    nodesFailAlone: false,
    list: async (nodeMeta, signal) =>
      trusted(await client.catalogNodes({ nodeMeta }, signal)).map(({ Node }) => consulNodeName(Node)),
    read: (node, signal) => readNode(client, node, signal),
    confirmAbsence: (missing, signal) => confirmAbsence(client, missing, signal),
  };
}
