import type { V1LoadBalancerIngress, V1Service, V1ServicePort } from '@kubernetes/client-node';
import { type Dialect, translatedService } from '../../desired/dialects/dialect.ts';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { selectedLabels } from '../../desired/label-selector.ts';
import { mostPorts } from '../../desired/ports.ts';
import { mostAddresses } from '../../desired/service-places.ts';
import { visible } from '../../lib/visible.ts';
import type { LoadBalancerEntry, ServicePort, ServiceRecord } from '../../model/service.ts';
import type { InternPool } from './intern-pool.ts';
import { type UsesLabel, usedLabels } from './used-labels.ts';
import { labels, list, optionalPort, port, shortText, text } from './written.ts';

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
  const hosts = (at: string, texts: readonly string[] | undefined) =>
    pool.value(some(at, texts).map((host) => kept(at, host)));
  const selected = selectedLabels(selector);
  const labelsOf: typeof selected = (all) => labels({ ...selected(all), ...usedLabels(all, uses) });
  return (service) => {
    const { metadata = {}, spec, status } = service;
    return {
      uid: metadata.uid ?? '',
      namespace: pool.string(metadata.namespace ?? ''),
      name: metadata.name ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      deleting: Boolean(metadata.deletionTimestamp),
      type: pool.string(text('spec.type', spec?.type) || 'ClusterIP'),
      ports: pool.value(list('spec.ports', spec?.ports, mostPorts + 1).map(portOf)),
      clusterIPs: hosts('spec.clusterIPs', spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])),
      externalIPs: hosts('spec.externalIPs', spec?.externalIPs),
      loadBalancer: pool.value(
        some('status.loadBalancer.ingress', status?.loadBalancer?.ingress).flatMap(entryOf),
      ),
      externalName: spec?.type === 'ExternalName' ? kept('spec.externalName', spec.externalName) : '',
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
const some = <Item>(at: string, items: readonly Item[] | undefined): readonly Item[] =>
  list(at, items, mostAddresses + 1);

const kept = (at: string, host: string | undefined): string => shortText(at, host, longestHost);

function portOf({ name, port: number, protocol, nodePort }: V1ServicePort): ServicePort {
  const ofNodes = optionalPort('spec.ports.nodePort', nodePort);
  return {
    name: text('spec.ports.name', name),
    port: port('spec.ports.port', number),
    protocol: text('spec.ports.protocol', protocol) || 'TCP',
    ...(ofNodes === 0 ? {} : { nodePort: ofNodes }),
  };
}

/** An entry with an address and a name stands for the address, as consumers of the status read it. */
function entryOf({ ip, hostname, ipMode }: V1LoadBalancerIngress): readonly LoadBalancerEntry[] {
  const at = 'status.loadBalancer.ingress';
  const host = kept(at, ip || hostname);
  return host === '' ? [] : [{ host, ipMode: visible(shortText(at, ipMode, 16)) }];
}
