import { type DraftObject, isRecord, type JsonRecord, type KubeObject, valueAt } from './object.ts';
import { badRequest } from './status.ts';

/** The subresource `scale` of an object: autoscaling/v1 Scale. */
export function scaleOf({ metadata, spec, status }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const matched = valueAt(spec, 'selector.matchLabels');
  const selector = isRecord(matched)
    ? Object.entries(matched).map(([label, value]) => `${label}=${value}`)
    : [];
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      resourceVersion,
      creationTimestamp,
    },
    spec: { replicas: valueAt(spec, 'replicas') ?? 0 },
    status: { replicas: valueAt(status, 'replicas') ?? 0, selector: selector.join(',') },
  };
}

/** The object with the replicas of a Scale. Throws a 400 for one that names no number of them. */
export function scaled(object: KubeObject, scale: DraftObject): DraftObject {
  const replicas = valueAt(scale, 'spec.replicas') ?? 0;
  if (!Number.isInteger(replicas)) throw badRequest('spec.replicas of a Scale is a whole number');
  const resourceVersion = scale.metadata?.resourceVersion ?? object.metadata.resourceVersion;
  return {
    ...object,
    metadata: { ...object.metadata, resourceVersion },
    spec: { ...(object['spec'] as JsonRecord), replicas },
  };
}
