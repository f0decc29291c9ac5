import type { V1Namespace } from '@kubernetes/client-node';
import { keptAnnotations } from '../../desired/kept-annotations.ts';
import { selectedLabels } from '../../desired/label-selector.ts';
import type { NamespaceRecord } from '../../model/namespace.ts';
import type { InternPool } from './intern-pool.ts';
import { labels } from './written.ts';

/**
 * Returns the projection of Namespaces (core/v1) to NamespaceRecords.
 *
 * `selector`: of the labels, those that it asks for are kept.
 */
export function namespaceProjection(
  annotationPrefix: string,
  pool: InternPool,
  selector: string | undefined,
): (namespace: V1Namespace) => NamespaceRecord {
  const labelsOf = selectedLabels(selector);
  return ({ metadata = {} }) => ({
    uid: metadata.uid ?? '',
    name: pool.string(metadata.name ?? ''),
    resourceVersion: metadata.resourceVersion ?? '',
    labels: pool.value(labels(labelsOf(metadata.labels))),
    annotations: pool.value(keptAnnotations(annotationPrefix, metadata.annotations)),
  });
}
