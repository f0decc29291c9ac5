import type { Subresource } from './registry.ts';
import { type Resource, resourceAt, resources } from './resources.ts';
import { noSuchResource } from './status.ts';

/** What a path names. */
export type Target =
  | { readonly kind: 'version' | 'health' | 'groups' | 'core-versions' | 'authorization' | 'openapi' }
  | { readonly kind: 'group-resources' | 'openapi-group'; readonly group: string; readonly version: string }
  | { readonly kind: 'access-review' }
  | {
      /** What a kubelet answers for a container of a pod. */
      readonly kind: 'container';
      readonly namespace: string;
      /** Of the pod. */
      readonly name: string;
      readonly part: ContainerPart;
    }
  | {
      readonly kind: 'resource';
      readonly resource: Resource;
      /** Empty for all namespaces and for what has none. */
      readonly namespace: string;
      /** Empty for the collection. */
      readonly name: string;
      readonly subresource: Subresource;
    };

export const containerParts = ['log', 'exec', 'attach', 'portforward'] as const;
export type ContainerPart = (typeof containerParts)[number];

const healthPaths = ['healthz', 'livez', 'readyz'];

/** undefined for a path that is none of an API server; throws a 404 Status for an unknown resource. */
export function parseTarget(pathname: string): Target | undefined {
  const segments = pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent);
  const [root = '', ...rest] = segments;
  if (healthPaths.includes(root) && rest.length === 0) return { kind: 'health' };
  if (root === 'version' && rest.length === 0) return { kind: 'version' };
  if (root === 'openapi') return rest[0] === 'v3' ? inOpenApi(rest.slice(1)) : undefined;
  if (root === 'api') {
    if (rest.length === 0) return { kind: 'core-versions' };
    return rest[0] === 'v1' ? inGroup('', 'v1', rest.slice(1)) : undefined;
  }
  if (root !== 'apis') return undefined;
  if (rest.length === 0) return { kind: 'groups' };
  const [group = '', version, ...below] = rest;
  if (group === 'authorization.k8s.io' && version === 'v1') {
    if (below.length === 0) return { kind: 'authorization' };
    return below.join('/') === 'selfsubjectaccessreviews' ? { kind: 'access-review' } : undefined;
  }
  return version !== undefined && isServed(group, version) ? inGroup(group, version, below) : undefined;
}

const isServed = (group: string, version: string): boolean =>
  resources.some((resource) => resource.group === group && resource.version === version);

/** Below `/openapi/v3`. */
function inOpenApi(path: readonly string[]): Target | undefined {
  const [root, ...rest] = path;
  if (root === undefined) return { kind: 'openapi' };
  const [group = '', version = '', ...more] = root === 'api' ? ['', ...rest] : rest;
  if ((root !== 'api' && root !== 'apis') || more.length > 0 || !isServed(group, version)) return undefined;
  return { kind: 'openapi-group', group, version };
}

function inGroup(group: string, version: string, path: readonly string[]): Target {
  if (path.length === 0) return { kind: 'group-resources', group, version };
  const [first, namespace = '', ...below] = path;
  // namespaces/NAME/RESOURCE is inside a namespace, namespaces/NAME and namespaces/NAME/status are the namespace.
  if (first === 'namespaces' && below.length > 0 && below[0] !== 'status') {
    return inCollection(group, version, namespace, below);
  }
  return inCollection(group, version, '', path);
}

function inCollection(group: string, version: string, namespace: string, path: readonly string[]): Target {
  const [plural = '', name = '', subresource = '', ...more] = path;
  const resource = resourceAt(group, version, plural);
  if (resource === undefined || more.length > 0 || (namespace !== '' && !resource.namespaced))
    throw noSuchResource();
  if (name !== '' && resource.namespaced && namespace === '') throw noSuchResource();
  if (subresource === '') return { kind: 'resource', resource, namespace, name, subresource };
  if ((subresource === 'status' && resource.status) || (subresource === 'scale' && resource.scale))
    return { kind: 'resource', resource, namespace, name, subresource };
  if (subresource === 'binding' && resource.plural === 'pods') {
    return { kind: 'resource', resource, namespace, name, subresource };
  }
  const part = resource.plural === 'pods' ? containerParts.find((each) => each === subresource) : undefined;
  if (part !== undefined) return { kind: 'container', namespace, name, part };
  throw noSuchResource();
}
