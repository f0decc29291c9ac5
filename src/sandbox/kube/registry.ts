import type { Clock } from '../../lib/clock.ts';
import { initialStatus, withDefaults } from './defaults.ts';
import { beginDeletion, type Deleted, type DeleteOptions } from './deletion.ts';
import { type DraftObject, defined, isRecord, type KubeObject, textAt, valueAt, withMeta } from './object.ts';
import { apiVersionOf, type Resource, resourceNamed } from './resources.ts';
import { ServiceAddresses } from './service-addresses.ts';
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  invalidValue,
  namespaceTerminating,
  notFound,
} from './status.ts';
import { nextGeneration, type ObjectStore } from './store.ts';
import { validate } from './validate.ts';

export type Subresource = '' | 'status' | 'scale' | 'binding';

/** What an update is checked and merged against. */
export interface UpdateTarget {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: Subresource;
}

/**
 * The rules of the API over the bare store: defaults, validation, optimistic locking, the split between an
 * object and its status, graceful deletion. Objects are passed and returned in the form they are stored in.
 * Refusals are thrown as ApiError.
 */
export class Registry {
  readonly store: ObjectStore;
  readonly #clock: Clock;
  readonly #addresses: ServiceAddresses;

  constructor(store: ObjectStore, clock: Clock) {
    this.store = store;
    this.#clock = clock;
    this.#addresses = new ServiceAddresses(store);
  }

  get(resource: Resource, namespace: string, name: string): KubeObject {
    const object = this.store.get(resource.storage, namespace, name);
    if (object === undefined) throw notFound(resource, name);
    return object;
  }

  create(resource: Resource, namespace: string, draft: DraftObject): KubeObject {
    checkType(resource, draft);
    if (draft.metadata?.resourceVersion) {
      throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
    }
    const named = this.#identified(resource, namespace, draft);
    const { name = '' } = named.metadata ?? {};
    if (resource.namespaced) this.#requireNamespace(resource, namespace, name);
    const status = resource.keepsStatusOnCreate ? (draft['status'] ?? {}) : initialStatus(resource);
    const complete = this.#addresses.assign(
      resource,
      withDefaults(resource, defined({ ...named, status: resource.status ? status : undefined })),
    );
    validate(resource, complete);
    if (this.store.get(resource.storage, namespace, name) !== undefined) throw alreadyExists(resource, name);
    return this.store.put(
      resource,
      withMeta(complete as KubeObject, {
        uid: this.store.newUid(),
        creationTimestamp: this.store.time(),
        generation: resource.generation ? 1 : undefined,
        deletionTimestamp: undefined,
        deletionGracePeriodSeconds: undefined,
      }),
    );
  }

  /** `created` is true where an update of what does not exist creates it (leases, events). */
  update(
    target: UpdateTarget,
    draft: DraftObject,
  ): { readonly object: KubeObject; readonly created: boolean } {
    const { resource, namespace, name, subresource } = target;
    checkType(resource, draft);
    if (draft.metadata?.name !== undefined && draft.metadata.name !== name) {
      throw badRequest(
        `the name of the object (${draft.metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    checkNamespace(namespace, draft);
    const current = this.store.get(resource.storage, namespace, name);
    if (current === undefined) {
      if (!resource.createOnUpdate || subresource !== '') throw notFound(resource, name);
      return { object: this.create(resource, namespace, withMeta(draft, { name })), created: true };
    }
    this.#checkPreconditions(resource, current, draft);
    const next = this.#merged(target, current, draft);
    if (subresource === '') validate(resource, next, current);
    if (isFinished(next)) {
      this.store.remove(resource, namespace, name);
      return { object: next, created: false };
    }
    return { object: this.store.put(resource, next), created: false };
  }

  delete(resource: Resource, namespace: string, name: string, options: DeleteOptions = {}): Deleted {
    const current = this.get(resource, namespace, name);
    return beginDeletion(this.store, this.#clock, resource, current, options);
  }

  /** pods/binding: gives a pod its node. */
  bind(namespace: string, name: string, node: string): void {
    const pods = resourceNamed('pods');
    const pod = this.get(pods, namespace, name);
    const assigned = textAt(pod, 'spec.nodeName');
    if (assigned !== '' || pod.metadata.deletionTimestamp !== undefined) {
      const why =
        assigned === ''
          ? `pod ${name} is being deleted, cannot be assigned to a host`
          : `pod ${name} is already assigned to node "${assigned}"`;
      throw new ApiError(409, 'Conflict', `Operation cannot be fulfilled on pods/binding "${name}": ${why}`, {
        name,
        kind: 'pods/binding',
      });
    }
    const status = isRecord(pod['status']) ? pod['status'] : {};
    const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
    const scheduled = {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: this.store.time(),
    };
    this.store.put(pods, {
      ...pod,
      spec: { ...(pod['spec'] as object), nodeName: node },
      status: {
        ...status,
        conditions: [
          ...conditions.filter((condition) => textAt(condition, 'type') !== 'PodScheduled'),
          scheduled,
        ],
      },
    });
  }

  #identified(resource: Resource, namespace: string, draft: DraftObject): DraftObject {
    checkNamespace(namespace, draft);
    const { name, generateName } = draft.metadata ?? {};
    const generated = !name && typeof generateName === 'string' && generateName !== '';
    return withMeta(
      { ...draft, apiVersion: storedVersionOf(resource), kind: resource.kind },
      {
        name: generated ? `${generateName}${this.store.newSuffix()}` : (name ?? ''),
        namespace: resource.namespaced ? namespace : undefined,
      },
    );
  }

  #requireNamespace(resource: Resource, namespace: string, name: string): void {
    const found = this.store.get('namespaces', undefined, namespace);
    if (found === undefined) throw notFound(resourceNamed('namespaces'), namespace);
    if (found.metadata.deletionTimestamp !== undefined) throw namespaceTerminating(resource, name, namespace);
  }

  #checkPreconditions(resource: Resource, current: KubeObject, draft: DraftObject): void {
    const { name, uid, resourceVersion } = current.metadata;
    const sent = draft.metadata ?? {};
    if (sent.uid && sent.uid !== uid) {
      throw conflict(
        resource,
        name,
        `Precondition failed: UID in precondition: ${sent.uid}, UID in object meta: ${uid}`,
      );
    }
    if (sent.resourceVersion) {
      if (sent.resourceVersion !== resourceVersion) throw conflict(resource, name);
    } else if (!resource.unconditionalUpdate) {
      throw invalid(resource.plural, resource.group, name, [
        invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
  }

  #merged({ resource, subresource }: UpdateTarget, current: KubeObject, draft: DraftObject): KubeObject {
    const { metadata } = current;
    const kept = {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      creationTimestamp: metadata.creationTimestamp,
      deletionTimestamp: metadata.deletionTimestamp,
      deletionGracePeriodSeconds: metadata.deletionGracePeriodSeconds,
      generateName: metadata['generateName'],
    };
    const sent = withMeta(
      { ...draft, apiVersion: current.apiVersion, kind: current.kind },
      kept,
    ) as KubeObject;
    const fromMain = { ...sent, status: current['status'] };
    const split =
      subresource === 'status'
        ? withMeta(
            { ...current, status: sent['status'] },
            { ...sent.metadata, ownerReferences: metadata.ownerReferences },
          )
        : resource.status
          ? fromMain
          : sent;
    const next = this.#addresses.keep(
      resource,
      current,
      withDefaults(resource, defined(split)) as KubeObject,
    );
    return withMeta(next, { generation: nextGeneration(resource, current, next) });
  }
}

/** Deleted, nothing left to wait for: the last finalizer is gone. */
function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0 || finalizers.length > 0)
    return false;
  const namespaceFinalizers = valueAt(object, 'spec.finalizers');
  return !Array.isArray(namespaceFinalizers) || namespaceFinalizers.length === 0;
}

/** What has two faces is stored as core/v1. */
function storedVersionOf(resource: Resource): string {
  return resource.toStored === undefined ? apiVersionOf(resource) : 'v1';
}

function checkType(resource: Resource, draft: DraftObject): void {
  const expected = apiVersionOf(resource);
  const stored = storedVersionOf(resource);
  const { apiVersion = stored, kind = resource.kind } = draft;
  if (apiVersion !== expected && apiVersion !== stored) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (kind !== resource.kind) {
    throw badRequest(
      `${kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: no kind "${kind}" is` +
        ` registered for version "${apiVersion}"`,
    );
  }
}

function checkNamespace(namespace: string, draft: DraftObject): void {
  const sent = draft.metadata?.namespace ?? '';
  if (sent !== '' && sent !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}
