import type { V1Node } from '@kubernetes/client-node';
import type { KubeNodeRecord } from '../../model/kube-node.ts';
import type { InternPool } from './intern-pool.ts';

/** Returns the projection of Nodes (core/v1) to KubeNodeRecords. */
export function kubeNodeProjection(pool: InternPool): (node: V1Node) => KubeNodeRecord {
  return ({ metadata = {}, status }) => {
    const addresses = status?.addresses ?? [];
    const ofType = (type: string) =>
      pool.value(addresses.filter((each) => each.type === type).map((each) => each.address));
    const condition = status?.conditions?.find((each) => each.type === 'Ready');
    return {
      uid: metadata.uid ?? '',
      name: pool.string(metadata.name ?? ''),
      resourceVersion: metadata.resourceVersion ?? '',
      internalIps: ofType('InternalIP'),
      externalIps: ofType('ExternalIP'),
      ready: condition?.status === 'True' || condition?.status === 'False' ? condition.status : 'Unknown',
      reason: pool.string(condition?.reason ?? ''),
      message: pool.string(condition?.message ?? ''),
      zone: pool.string(metadata.labels?.['topology.kubernetes.io/zone'] ?? ''),
      region: pool.string(metadata.labels?.['topology.kubernetes.io/region'] ?? ''),
    };
  };
}
