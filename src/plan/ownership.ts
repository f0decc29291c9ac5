import { agentCheckId, monitorCheckId } from '../model/check.ts';
import type { ClusterUid } from '../model/keys.ts';
import { isFromKubernetes } from '../model/origin.ts';
import { clusterUidKey, isOwned, managedByKey, managedByValue } from '../model/owner.ts';
import type { ObservedCheck, ObservedInstance, ObservedNode } from './observed.ts';

/**
 * The start of the notes of every check that the operator writes. It distinguishes them from checks that somebody
 * else put on an owned node or instance. A definition follows, see notes.ts.
 */
export const ownNotes = `${managedByKey}: ${managedByValue}`;

/**
 * Why a node is not owned by this cluster.
 *
 * - `agent`       a live Consul agent owns it: its anti-entropy would remove what we write
 * - `other-owner` it carries another cluster's or another program's stamp
 * - `no-stamp`    it carries none
 */
export type ForeignReason = 'agent' | 'other-owner' | 'no-stamp';

/** The one place that decides whether a Consul node may be written or removed. */
export function nodeOwnership(node: ObservedNode, owner: ClusterUid): 'ours' | ForeignReason {
  if (node.checks.has(agentCheckId)) return 'agent';
  if (isOwned(node.meta, owner)) return 'ours';
  const [manager, cluster] = [node.meta[managedByKey], node.meta[clusterUidKey]];
  const otherStamp = (manager ?? managedByValue) !== managedByValue || (cluster ?? owner) !== owner;
  if (otherStamp) return 'other-owner';
  if (node.stampedBefore) return 'ours';
  return manager === undefined && cluster === undefined ? 'no-stamp' : 'other-owner';
}

export function isOwnCheck(check: ObservedCheck): boolean {
  return check.notes === ownNotes || check.notes.startsWith(`${ownNotes}; `);
}

/**
 * Whether an instance on an owned node is ours. Somebody else's re-registration may have replaced its meta; one of
 * our checks on it then still proves it.
 */
export function isOwnInstance(instance: ObservedInstance): boolean {
  if (isFromKubernetes(instance.meta)) return true;
  for (const check of instance.checks.values()) if (isOwnCheck(check)) return true;
  return false;
}

/** Whether an external monitor keeps this check because the node's meta asks for a ping. */
export function isMonitorCheck({ id }: Pick<ObservedCheck, 'id'>, { meta }: ObservedNode): boolean {
  return id === monitorCheckId && meta['external-probe'] === 'true';
}
