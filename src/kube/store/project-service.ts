import type { V1LoadBalancerIngress, V1Service, V1ServicePort } from '@kubernetes/client-node';
import { type Dialect, translatedService } from '../../desired/dialects/dialect.ts';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { selectedLabels } from '../../desired/label-selector.ts';
import { mostPorts } from '../../desired/ports.ts';
import { mostAddresses } from '../../desired/service-places.ts';
import { cutToBytes } from '../../lib/cut-to-bytes.ts';
import type { LoadBalancerEntry, ServicePort, ServiceRecord } from '../../model/service.ts';
import type { InternPool } from './intern-pool.ts';
import { type UsesLabel, usedLabels } from './used-labels.ts';

/** In bytes: no address or name is longer. */
const longestHost = 256;

export interface KeptLabels {
  readonly selector?: string | undefined;
  readonly uses?: UsesLabel | undefined;
}

/**
 * Returns the projection of Services (core/v1) to ServiceRecords.
 *
 * `labels`: which are kept: those that the selector asks for, and those that are used. Default: none.
 */
export function serviceProjection(
  annotationPrefix: string,
  pool: InternPool,
  dialects: readonly Dialect[] = [],
  { selector, uses }: KeptLabels = {},
): (service: V1Service) => ServiceRecord {
  const hosts = (texts: readonly string[] | undefined) => pool.value(some(texts).map(kept));
  const selected = selectedLabels(selector);
  const labelsOf: typeof selected = (labels) => ({ ...selected(labels), ...usedLabels(labels, uses) });
  return (service) => {
    const { metadata = {}, spec, status } = service;
    return {
      uid: metadata.uid ?? '',
      namespace: pool.string(metadata.namespace ?? ''),
      name: metadata.name ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      deleting: Boolean(metadata.deletionTimestamp),
      type: pool.string(spec?.type ?? 'ClusterIP'),
      ports: pool.value((spec?.ports ?? []).slice(0, mostPorts + 1).map(portOf)),
      clusterIPs: hosts(spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])),
      externalIPs: hosts(spec?.externalIPs),
      loadBalancer: pool.value(some(status?.loadBalancer?.ingress).flatMap(entryOf)),
      externalName: spec?.type === 'ExternalName' ? kept(spec.externalName ?? '') : '',
      localTraffic: spec?.externalTrafficPolicy === 'Local',
      selects: Object.keys(spec?.selector ?? {}).length > 0,
      labels: pool.value(labelsOf(metadata.labels)),
      annotations: pool.value(
        keptAnnotations(annotationPrefix, metadata.annotations, translatedService(dialects, service)),
      ),
    };
  };
}

/** One more than are looked at, so that it shows when there are more. */
const some = <Item>(items: readonly Item[] = []): readonly Item[] => items.slice(0, mostAddresses + 1);

const kept = (host: string): string => cutToBytes(host, longestHost);

function portOf({ name = '', port, protocol = 'TCP', nodePort }: V1ServicePort): ServicePort {
  return { name, port, protocol, ...(nodePort ? { nodePort } : {}) };
}

/** An entry with an address and a name stands for the address, as consumers of the status read it. */
function entryOf({ ip, hostname, ipMode = '' }: V1LoadBalancerIngress): readonly LoadBalancerEntry[] {
  const host = ip || hostname;
  return host ? [{ host: kept(host), ipMode: cutToBytes(ipMode, 16) }] : [];
}
