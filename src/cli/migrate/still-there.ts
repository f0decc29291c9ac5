import type { ClusterStores } from '../../kube/cluster-stores.ts';
import type { ServiceRecord } from '../../model/service.ts';
import type { ObservedInstance } from '../../plan/observed.ts';

/**
 * Whether the cluster may still have what consul-k8s registered as this instance: a Service of its namespace that may
 * ask for the name has the address. What it left behind when it was stopped belongs to pods that have ended since.
 */
export function isStillThere({ service, address, meta }: ObservedInstance, stores: ClusterStores): boolean {
  const namespace = meta['external-k8s-ns'];
  for (const record of stores.services.records()) {
    if (namespace !== undefined && record.namespace !== namespace) continue;
    if (mayAskFor(service, record) && addressesOf(record, stores).has(address.toLowerCase())) return true;
  }
  return false;
}

/** A Service with a name that cannot be followed may mean any. */
function mayAskFor(service: string, { name, annotations }: ServiceRecord): boolean {
  if (Object.keys(annotations).length === 0) return false;
  const asked = annotations['service']?.trim().toLowerCase();
  return asked === undefined || asked === service.toLowerCase() || (asked === 'true' && name === service);
}

function addressesOf(record: ServiceRecord, stores: ClusterStores): ReadonlySet<string> {
  const found = [...record.externalIPs, ...record.loadBalancer.map(({ host }) => host)];
  for (const { endpoints } of stores.slicesOfService(record.namespace, record.name)) {
    for (const { addresses, node } of endpoints) {
      const { internalIps = [], externalIps = [] } = stores.kubeNode(node) ?? {};
      found.push(...addresses, ...internalIps, ...externalIps);
    }
  }
  return new Set(found.map((address) => address.toLowerCase()));
}
