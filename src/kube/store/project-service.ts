import type { V1Service } from '@kubernetes/client-node';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { mostPorts } from '../../desired/ports.ts';
import type { ServiceRecord } from '../../model/service.ts';
import type { InternPool } from './intern-pool.ts';

/** Returns the projection of Services (core/v1) to ServiceRecords. */
export function serviceProjection(
  annotationPrefix: string,
  pool: InternPool,
): (service: V1Service) => ServiceRecord {
  return ({ metadata = {}, spec }) => ({
    uid: metadata.uid ?? '',
    namespace: pool.string(metadata.namespace ?? ''),
    name: metadata.name ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    deleting: Boolean(metadata.deletionTimestamp),
    ports: pool.value(
      (spec?.ports ?? [])
        .slice(0, mostPorts + 1)
        .map(({ name = '', port, protocol = 'TCP' }) => ({ name, port, protocol })),
    ),
    annotations: pool.value(keptAnnotations(annotationPrefix, metadata.annotations)),
  });
}
