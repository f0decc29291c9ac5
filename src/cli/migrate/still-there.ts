import type { ClusterStores } from '../../kube/cluster-stores.ts';
import type { ServiceRecord } from '../../model/service.ts';
import type { ObservedInstance } from '../../plan/observed.ts';

/**
 * Whether the cluster may still have what consul-k8s registered as this instance: a Service of its namespace that may
 * ask for the name has the address. What it left behind when it was stopped belongs to pods that have ended since.
 */
export function isStillThere(instance: ObservedInstance, stores: ClusterStores): boolean {
  const { service, address } = instance;
  for (const record of stores.services.records()) {
    if (!isOfNamespace(record, instance)) continue;
    if (mayAskFor(service, record) && addressesOf(record, stores).has(address.toLowerCase())) return true;
  }
  return false;
}

/**
 * The same, and whether the cluster ever had it: a Service asks for the name, or it ran on one of the nodes. Several
 * clusters may register on one Consul node.
 */
export function presenceOf(instance: ObservedInstance, stores: ClusterStores): 'there' | 'gone' | 'foreign' {
  if (isStillThere(instance, stores)) return 'there';
  const { service, meta } = instance;
  const node = meta['external-k8s-node-name'];
  if (node !== undefined && stores.kubeNode(node) !== undefined) return 'gone';
  for (const record of stores.services.records()) {
    if (isOfNamespace(record, instance) && asksFor(service, record)) return 'gone';
  }
  return 'foreign';
}

const isOfNamespace = ({ namespace }: ServiceRecord, { meta }: ObservedInstance): boolean =>
  meta['external-k8s-ns'] === undefined || meta['external-k8s-ns'] === namespace;

/** A Service with a name that cannot be followed may mean any. */
function mayAskFor(service: string, { name, annotations }: ServiceRecord): boolean {
  if (Object.keys(annotations).length === 0) return false;
  return annotations['service'] === undefined || asksFor(service, { name, annotations });
}

function asksFor(
  service: string,
  { name, annotations }: Pick<ServiceRecord, 'name' | 'annotations'>,
): boolean {
  const asked = annotations['service']?.trim().toLowerCase();
  return asked === service.toLowerCase() || (asked === 'true' && name === service);
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
