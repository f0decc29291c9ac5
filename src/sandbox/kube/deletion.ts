import type { Clock } from '../../lib/clock.ts';
import { type KubeObject, textAt, timestamp, valueAt, withMeta } from './object.ts';
import type { Resource } from './resources.ts';
import { preconditionFailed } from './status.ts';
import type { ObjectStore } from './store.ts';

/** metav1.DeleteOptions, as far as it is understood here. */
export interface DeleteOptions {
  /** Seconds; pods only. Default: the pod's terminationGracePeriodSeconds. 0 removes at once. */
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** What becomes of dependants. Default Background. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface Deleted {
  readonly object: KubeObject;
  /** False while the object stays, marked with a deletionTimestamp. */
  readonly gone: boolean;
}

const finalizerOf = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined } as const;

/**
 * Deletes an object, or marks it where it has to stay for a while: a scheduled pod until its kubelet deletes
 * it again with grace 0, a namespace until it is empty, anything until its finalizers are gone.
 */
export function beginDeletion(
  store: ObjectStore,
  clock: Clock,
  resource: Resource,
  current: KubeObject,
  options: DeleteOptions,
): Deleted {
  checkPreconditions(resource, current, options);
  const { metadata } = current;
  const extra = finalizerOf[options.propagationPolicy ?? 'Background'];
  const finalizers = [...new Set([...(metadata.finalizers ?? []), ...(extra === undefined ? [] : [extra])])];
  const grace = gracePeriod(resource, current, options);
  const waits = finalizers.length > 0 || grace > 0 || holdsNamespace(resource, current);
  if (!waits) {
    const gone = store.remove(resource, metadata.namespace, metadata.name);
    return { object: gone ?? current, gone: true };
  }
  const first = metadata.deletionTimestamp === undefined;
  const shortened = !first && grace < (metadata.deletionGracePeriodSeconds ?? 0);
  if (!first && !shortened) return { object: current, gone: false };
  const since = first
    ? clock.wall()
    : Date.parse(metadata.deletionTimestamp ?? '') - 1000 * oldGrace(current);
  const marked = withMeta(current, {
    deletionTimestamp: timestamp(since + 1000 * grace),
    deletionGracePeriodSeconds: grace,
    finalizers: finalizers.length > 0 ? finalizers : undefined,
    generation: metadata.generation === undefined ? undefined : metadata.generation + 1,
  });
  const terminating =
    resource.storage === 'namespaces'
      ? { ...marked, status: { ...(current['status'] as object), phase: 'Terminating' } }
      : marked;
  return { object: store.put(resource, terminating), gone: false };
}

const oldGrace = ({ metadata }: KubeObject) => metadata.deletionGracePeriodSeconds ?? 0;

function checkPreconditions(
  resource: Resource,
  { metadata }: KubeObject,
  { preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid) {
    throw preconditionFailed(
      resource,
      metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}).` +
        ' The object might have been deleted and then recreated',
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw preconditionFailed(
      resource,
      metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record` +
        ` (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

/** Only pods end gracefully, and only where a kubelet has them and they still run. */
function gracePeriod(
  { storage }: Resource,
  object: KubeObject,
  { gracePeriodSeconds }: DeleteOptions,
): number {
  if (storage !== 'pods' || textAt(object, 'spec.nodeName') === '') return 0;
  if (['Succeeded', 'Failed'].includes(textAt(object, 'status.phase'))) return 0;
  const own = valueAt(object, 'spec.terminationGracePeriodSeconds');
  const seconds = gracePeriodSeconds ?? (typeof own === 'number' ? own : 0);
  return seconds < 0 ? 1 : seconds;
}

function holdsNamespace({ storage }: Resource, object: KubeObject): boolean {
  const finalizers = valueAt(object, 'spec.finalizers');
  return storage === 'namespaces' && Array.isArray(finalizers) && finalizers.length > 0;
}
