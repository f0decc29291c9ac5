/** Meta keys of a node by which an owned node is recognised. No other node is ever written or removed. */
export const managedByKey = 'managed-by';
export const managedByValue = 'kube-registrar';
export const clusterUidKey = 'kube-cluster-uid';

/** Whether a Consul node with this meta belongs to the cluster with this uid. */
export function isOwned(meta: Readonly<Record<string, string>>, clusterUid: string): boolean {
  return meta[managedByKey] === managedByValue && meta[clusterUidKey] === clusterUid;
}
