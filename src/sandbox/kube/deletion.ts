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
  const remove = () => store.remove(resource, metadata.namespace, metadata.name);
  const extra = finalizerOf[options.propagationPolicy ?? 'Background'];
  const finalizers = [...new Set([...(metadata.finalizers ?? []), ...(extra === undefined ? [] : [extra])])];
  const graceful = resource.storage === 'pods' && metadata.deletionGracePeriodSeconds !== 0;
  if (!graceful && finalizers.length === 0 && !holdsNamespace(resource, current)) {
    return { object: remove() ?? current, gone: true };
  }
  const marked = graceful ? markPod(clock, current, options) : mark(current, timestamp(clock.wall()), 0);
  if (marked === undefined) return { object: current, gone: false };
  const complete = withMeta(marked, { finalizers: finalizers.length > 0 ? finalizers : undefined });
  // Two writes even when it ends at once, as in the real server: watches see MODIFIED, then DELETED.
  const object = store.put(resource, terminating(resource, complete));
  const stays = finalizers.length > 0 || (object.metadata.deletionGracePeriodSeconds ?? 0) > 0;
  if (stays || holdsNamespace(resource, current)) return { object, gone: false };
  return { object: remove() ?? object, gone: true };
}

/** A pod with its grace begun or shortened; undefined when the deletion already under way needs no change. */
function markPod(clock: Clock, pod: KubeObject, options: DeleteOptions): KubeObject | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: running = 0 } = pod.metadata;
  if (deletionTimestamp === undefined) {
    const grace = gracePeriod(pod, options);
    return mark(pod, timestamp(clock.wall() + 1000 * grace), grace);
  }
  const { gracePeriodSeconds } = options;
  if (gracePeriodSeconds === undefined || gracePeriodSeconds >= running) return undefined;
  const ends = Date.parse(deletionTimestamp) + 1000 * (gracePeriodSeconds - running);
  return withMeta(pod, {
    deletionTimestamp: timestamp(Math.max(ends, clock.wall())),
    deletionGracePeriodSeconds: gracePeriodSeconds,
  });
}

/** The first mark also counts as a change of what is desired. */
function mark(object: KubeObject, deletionTimestamp: string, grace: number): KubeObject {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return object;
  return withMeta(object, {
    deletionTimestamp,
    deletionGracePeriodSeconds: grace,
    generation: metadata.generation === undefined ? undefined : metadata.generation + 1,
  });
}

function terminating({ storage }: Resource, object: KubeObject): KubeObject {
  return storage === 'namespaces'
    ? { ...object, status: { ...(object['status'] as object), phase: 'Terminating' } }
    : object;
}

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
function gracePeriod(object: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (textAt(object, 'spec.nodeName') === '') return 0;
  if (['Succeeded', 'Failed'].includes(textAt(object, 'status.phase'))) return 0;
  const own = valueAt(object, 'spec.terminationGracePeriodSeconds');
  const seconds = gracePeriodSeconds ?? (typeof own === 'number' ? own : 0);
  return seconds < 0 ? 1 : seconds;
}

function holdsNamespace({ storage }: Resource, object: KubeObject): boolean {
  const finalizers = valueAt(object, 'spec.finalizers');
  return storage === 'namespaces' && Array.isArray(finalizers) && finalizers.length > 0;
}
