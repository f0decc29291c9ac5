import type { ConsulClient } from '../../consul/client.ts';
import { RegistrarError } from '../../lib/errors.ts';
import { type ClusterUid, type ConsulNodeName, consulNodeName } from '../../model/keys.ts';
import { clusterUidKey } from '../../model/owner.ts';
import type { TxnOp } from './txn-ops.ts';

/** The Consul node of a cluster's operators. No Kubernetes node's has its name: see consulNodeNameOf(). */
export const heartbeatNode = (clusterName: string): ConsulNodeName =>
  consulNodeName(`${clusterName}-kube-registrar`);

/**
 * Node meta by which it is known again. Not that of the nodes that are kept true to the cluster: nothing the
 * cluster says is about this one.
 */
export const heartbeatMeta = (owner: ClusterUid): Readonly<Record<string, string>> => ({
  'kube-registrar': 'heartbeat',
  [clusterUidKey]: owner,
});

export function isHeartbeatNode(meta: Readonly<Record<string, string>>, owner: ClusterUid): boolean {
  return Object.entries(heartbeatMeta(owner)).every(([key, value]) => meta[key] === value);
}

/** The nodes on which operators of this cluster show or have shown themselves; usually one or none. */
export async function heartbeatNodes(
  client: ConsulClient,
  owner: ClusterUid,
  signal: AbortSignal,
): Promise<readonly ConsulNodeName[]> {
  const { value } = await client.catalogNodes({ nodeMeta: heartbeatMeta(owner) }, signal);
  return value.map(({ Node }) => consulNodeName(Node));
}

/** Removes such a node with everything on it, unless it is gone or belongs to somebody else by now. */
export async function removeHeartbeatNode(
  client: ConsulClient,
  name: ConsulNodeName,
  owner: ClusterUid,
  signal: AbortSignal,
): Promise<void> {
  const { value } = await client.nodeServices(name, signal);
  if (value === undefined || !isHeartbeatNode(value.Node.Meta, owner)) return;
  const Node = { Node: name, ModifyIndex: value.Node.ModifyIndex };
  await commit(client, [{ Node: { Verb: 'delete-cas', Node } }], `node ${name} could not be removed`, signal);
}

/** Rejects with `rejected`, with `failure` and Consul's reason, unless everything was committed. */
export async function commit(
  client: ConsulClient,
  operations: readonly TxnOp[],
  failure: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await client.transaction(operations, signal);
  if (answer.kind === 'committed') return;
  const what = answer.kind === 'too-large' ? answer.text : (answer.errors[0]?.what ?? '');
  throw new RegistrarError('rejected', `${failure}: ${what}`);
}
