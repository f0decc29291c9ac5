import type { Clock } from '../../lib/clock.ts';
import type { HttpRequest, HttpResponse } from '../../lib/transport.ts';
import type { AccessTable } from './access.ts';
import { jsonAnswer, listAnswer, streamAnswer } from './answer.ts';
import type { DeleteOptions } from './deletion.ts';
import type { Faults } from './faults.ts';
import { type Collection, KeyOrder, listPage, parseResourceVersion } from './list.ts';
import { checkListOptions, type ListOptions, listOptions } from './list-options.ts';
import { type DraftObject, isRecord, type JsonRecord, type KubeObject, textAt, withMeta } from './object.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts';
import type { Registry } from './registry.ts';
import { apiVersionOf, keyOf, type Resource } from './resources.ts';
import { scaled, scaleOf } from './scale.ts';
import { selection } from './selection.ts';
import {
  ApiError,
  badRequest,
  methodNotAllowed,
  notFound,
  success,
  tooLargeResourceVersion,
} from './status.ts';
import type { ObjectStore } from './store.ts';
import { type IncludeObject, listMeta, tableOf, wantsTable } from './tables.ts';
import type { Target } from './target.ts';
import type { WatchHub } from './watch-hub.ts';

export interface Server {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly access: AccessTable;
  readonly faults: Faults;
  readonly watches: WatchHub;
}

type ResourceTarget = Extract<Target, { kind: 'resource' }>;

export interface ResourceRequest {
  readonly request: HttpRequest;
  readonly user: string;
  readonly target: ResourceTarget;
  readonly query: URLSearchParams;
}

type ToTable = (objects: readonly KubeObject[], metadata: JsonRecord) => JsonRecord;

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** The verbs on resources: from a request to the registry and back to an answer. */
export class ResourceHandler {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #order = new KeyOrder();

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  handle({ request, user, target, query }: ResourceRequest): HttpResponse {
    const options = listOptions(query);
    const verb = verbOf(request, target, options);
    const { resource, namespace, name, subresource } = target;
    const { group, plural } = resource;
    const part = subresource === '' ? plural : `${plural}/${subresource}`;
    if (query.has('dryRun')) throw badRequest('this server makes no dry runs');
    this.#server.access.authorize(user, { verb, group, resource: part, namespace, name });
    switch (verb) {
      case 'get':
        return this.#one(target, query, request);
      case 'list':
      case 'watch':
        return this.#collection(target, options, this.#tableFor(target, query, request));
      case 'create':
        return this.#create(target, parseBody(request));
      case 'update':
        return this.#update(target, parseBody(request));
      case 'patch':
        return this.#patch(target, request);
      case 'delete':
        return this.#delete(target, deleteOptions(request, query));
      case 'deletecollection':
        return this.#deleteCollection(target, options, deleteOptions(request, query));
    }
  }

  /** How objects become a table, when the client asks for one. */
  #tableFor({ resource }: ResourceTarget, query: URLSearchParams, request: HttpRequest): ToTable | undefined {
    if (!wantsTable(headerOf(request, 'accept') ?? '')) return undefined;
    const include = (query.get('includeObject') ?? 'Metadata') as IncludeObject;
    return (objects, metadata) => tableOf(resource, objects, metadata, { now: this.#clock.wall(), include });
  }

  #one(target: ResourceTarget, query: URLSearchParams, request: HttpRequest): HttpResponse {
    const { resource, subresource } = target;
    const object = this.#get(target, query.get('resourceVersion') ?? '');
    if (subresource === 'scale') return jsonAnswer(200, scaleOf(object));
    const { resourceVersion } = object.metadata;
    const table = this.#tableFor(target, query, request);
    return jsonAnswer(200, table?.([object], { resourceVersion }) ?? shown(resource, object));
  }

  #get({ resource, namespace, name }: ResourceTarget, resourceVersion: string): KubeObject {
    const { store, faults } = this.#server;
    const newest = faults.newestFor(resourceVersion);
    const asked = resourceVersion === '' ? 0 : parseResourceVersion(resourceVersion);
    if (asked > newest) throw tooLargeResourceVersion(asked, newest);
    const table = store.tableAt(resource.storage, newest) ?? store.table(resource.storage);
    const object = table.get(keyOf(namespace, name));
    if (object === undefined) throw notFound(resource, name);
    return object;
  }

  #collection(target: ResourceTarget, options: ListOptions, table: ToTable | undefined): HttpResponse {
    const { store, faults, watches } = this.#server;
    const { resource } = target;
    checkListOptions(options, faults.watchList);
    const collection = collectionOf(target, options);
    if (options.watch) {
      const one = (object: KubeObject) => table?.([object], {}) ?? shown(resource, object);
      return streamAnswer(watches.open(collection, options, one).body);
    }
    const newest = faults.newestFor(options.resourceVersion);
    const page = listPage(store, this.#order, collection, options, newest);
    return table === undefined
      ? listAnswer(resource, page)
      : jsonAnswer(200, table(page.items, listMeta(page)));
  }

  #create({ resource, namespace, name, subresource }: ResourceTarget, draft: DraftObject): HttpResponse {
    const { registry } = this.#server;
    if (subresource === 'binding') {
      registry.bind(namespace, name, textAt(draft, 'target.name'));
      return jsonAnswer(201, success(201));
    }
    return jsonAnswer(201, shown(resource, registry.create(resource, namespace, stored(resource, draft))));
  }

  #update(target: ResourceTarget, draft: DraftObject): HttpResponse {
    if (target.subresource === 'scale') return this.#scale(target, draft);
    const { object, created } = this.#server.registry.update(target, stored(target.resource, draft));
    return jsonAnswer(created ? 201 : 200, shown(target.resource, object));
  }

  #patch(target: ResourceTarget, request: HttpRequest): HttpResponse {
    const { resource, namespace, name } = target;
    const type = contentType(request);
    if (!patchTypes.includes(type)) {
      throw unsupportedMediaType(patchTypes);
    }
    const patch = parseJson(request);
    const object = this.#server.registry.get(resource, namespace, name);
    const current = target.subresource === 'scale' ? scaleOf(object) : shown(resource, object);
    const patched = applied(type, current, patch);
    if (!isRecord(patched)) throw badRequest('the patched object is not an object');
    const draft = patched as DraftObject;
    if (target.subresource === 'scale') return this.#scale(target, draft);
    // Without a resourceVersion in the patch the server takes the current one, whatever it is by then.
    const named = withMeta(draft, {
      resourceVersion: draft.metadata?.resourceVersion ?? current.metadata.resourceVersion,
    });
    const updated = this.#server.registry.update(target, stored(resource, named));
    return jsonAnswer(200, shown(resource, updated.object));
  }

  #scale({ resource, namespace, name }: ResourceTarget, scale: DraftObject): HttpResponse {
    const { registry } = this.#server;
    const draft = scaled(registry.get(resource, namespace, name), scale);
    const target = { resource, namespace, name, subresource: '' } as const;
    return jsonAnswer(200, scaleOf(registry.update(target, draft).object));
  }

  #delete({ resource, namespace, name }: ResourceTarget, options: DeleteOptions): HttpResponse {
    const { object, gone } = this.#server.registry.delete(resource, namespace, name, options);
    if (!gone || resource.returnsDeleted) return jsonAnswer(200, shown(resource, object));
    const { group, plural } = resource;
    const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid: object.metadata.uid };
    return jsonAnswer(200, success(200, details));
  }

  #deleteCollection(target: ResourceTarget, options: ListOptions, deletion: DeleteOptions): HttpResponse {
    const { resource } = target;
    const { store, registry } = this.#server;
    const collection = collectionOf(target, options);
    const all = { ...options, limit: 0, resourceVersion: '', continueToken: '' };
    const page = listPage(store, this.#order, collection, all, store.revision);
    for (const { metadata } of page.items) {
      registry.delete(resource, metadata.namespace ?? '', metadata.name, deletion);
    }
    return listAnswer(resource, { ...page, resourceVersion: String(store.revision) });
  }
}

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

function verbOf({ method }: HttpRequest, target: ResourceTarget, { watch }: ListOptions): Verb {
  const { resource, namespace, name, subresource } = target;
  const named = name !== '';
  switch (method) {
    case 'GET':
      if (subresource === 'binding') throw methodNotAllowed();
      return named ? 'get' : watch ? 'watch' : 'list';
    case 'POST':
      if (subresource === 'binding') return 'create';
      if (named || (resource.namespaced && namespace === '')) throw methodNotAllowed();
      return 'create';
    case 'PUT':
      if (!named || subresource === 'binding') throw methodNotAllowed();
      return 'update';
    case 'PATCH':
      if (!named || subresource === 'binding') throw methodNotAllowed();
      return 'patch';
    case 'DELETE':
      if (subresource !== '' || (!named && resource.namespaced && namespace === '')) throw methodNotAllowed();
      return named ? 'delete' : 'deletecollection';
  }
}

function collectionOf({ resource, namespace }: ResourceTarget, options: ListOptions): Collection {
  const { labelSelector, fieldSelector } = options;
  return { resource, namespace, selected: selection(resource, { namespace, labelSelector, fieldSelector }) };
}

function shown(resource: Resource, object: KubeObject): KubeObject {
  return resource.fromStored?.(object) ?? object;
}

function stored(resource: Resource, draft: DraftObject): DraftObject {
  const { apiVersion } = draft;
  if (apiVersion !== undefined && apiVersion !== apiVersionOf(resource)) return draft;
  return resource.toStored?.(draft) ?? draft;
}

function applied(type: string, current: KubeObject, patch: unknown): unknown {
  if (type === 'application/json-patch+json') return jsonPatch(current, patch);
  return type === 'application/merge-patch+json'
    ? mergePatch(current, patch)
    : strategicMergePatch(current, patch);
}

/** A header by its name in lower case. */
export function headerOf({ headers = {} }: HttpRequest, name: string): string | undefined {
  return Object.entries(headers).find(([header]) => header.toLowerCase() === name)?.[1];
}

const contentType = (request: HttpRequest): string =>
  (headerOf(request, 'content-type') ?? '').split(';')[0]?.trim() ?? '';

function parseJson({ body = '' }: HttpRequest): unknown {
  try {
    return JSON.parse(body);
  } catch (thrown) {
    throw badRequest(`error decoding the body: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

const unsupportedMediaType = (accepted: readonly string[]): ApiError =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    {},
  );

/** The object in a request's body; throws a 400 for anything else. */
export function parseBody(request: HttpRequest): DraftObject {
  if (contentType(request) === 'application/vnd.kubernetes.protobuf') {
    throw unsupportedMediaType(['application/json']);
  }
  const value = parseJson(request);
  if (!isRecord(value)) throw badRequest('the body of the request is not an object');
  return value as DraftObject;
}

function deleteOptions(request: HttpRequest, query: URLSearchParams): DeleteOptions {
  const sent = request.body === undefined || request.body === '' ? {} : (parseBody(request) as DeleteOptions);
  const grace = query.get('gracePeriodSeconds');
  const policy = query.get('propagationPolicy') as DeleteOptions['propagationPolicy'] | null;
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(policy ? { propagationPolicy: policy } : {}),
    ...sent,
  };
}
