import type { RouteKind } from '../../model/route.ts';

/** A kind of object to list and watch. */
export interface Resource {
  /** Plural name, for paths, logs and metrics: `pods`. */
  readonly name: string;
  /** `Pod`; a list of it must be of kind `PodList`. */
  readonly kind: string;
  /** Path of the API group and version: `/api/v1`, `/apis/discovery.k8s.io/v1`. */
  readonly groupPath: string;
  /** A cluster may do without it: it is not installed where the API server does not serve it. */
  readonly optional?: true;
  /** Of older versions, the newest first: tried where the API server does not serve `groupPath`. */
  readonly olderPaths?: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * Pods, those that have ended included: that a pod ended explains why it is deleted afterwards.
 * `labelSelector`: the only large reduction there is; annotations cannot be selected on.
 */
export function podResource(labelSelector?: string): Resource {
  return {
    name: 'pods',
    kind: 'Pod',
    groupPath: '/api/v1',
    ...(labelSelector ? { labelSelector } : {}),
  };
}

export const serviceResource: Resource = { name: 'services', kind: 'Service', groupPath: '/api/v1' };

export const endpointSliceResource: Resource = {
  name: 'endpointslices',
  kind: 'EndpointSlice',
  groupPath: '/apis/discovery.k8s.io/v1',
};

export const kubeNodeResource: Resource = { name: 'nodes', kind: 'Node', groupPath: '/api/v1' };

export const namespaceResource: Resource = { name: 'namespaces', kind: 'Namespace', groupPath: '/api/v1' };

const gatewayApi = '/apis/gateway.networking.k8s.io';
const optional = true;

/** Of each kind of route, and of Gateways. The Gateway API is installed as custom resources, or is not there. */
export const routeResourceOf: Readonly<Record<RouteKind | 'Gateway', Resource>> = {
  Ingress: { name: 'ingresses', kind: 'Ingress', groupPath: '/apis/networking.k8s.io/v1', optional },
  HTTPRoute: { name: 'httproutes', kind: 'HTTPRoute', groupPath: `${gatewayApi}/v1`, optional },
  GRPCRoute: { name: 'grpcroutes', kind: 'GRPCRoute', groupPath: `${gatewayApi}/v1`, optional },
  // In the standard channel since 1.5; before, it was experimental.
  TLSRoute: {
    name: 'tlsroutes',
    kind: 'TLSRoute',
    groupPath: `${gatewayApi}/v1`,
    optional,
    olderPaths: [`${gatewayApi}/v1alpha3`, `${gatewayApi}/v1alpha2`],
  },
  Gateway: { name: 'gateways', kind: 'Gateway', groupPath: `${gatewayApi}/v1`, optional },
};

/** The resource in each of its versions, the newest first. */
export const versionsOf = (resource: Resource): readonly [Resource, ...Resource[]] => [
  resource,
  ...(resource.olderPaths ?? []).map((groupPath) => ({ ...resource, groupPath })),
];

/** Path of the collection, in one namespace or (undefined) in all. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${resource.groupPath}${scope}/${resource.name}`;
}

/** The collection's path with `parameters` and the resource's selectors as its query. */
export function collectionUrl(
  resource: Resource,
  namespace: string | undefined,
  parameters: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams(parameters);
  if (resource.labelSelector) query.set('labelSelector', resource.labelSelector);
  if (resource.fieldSelector) query.set('fieldSelector', resource.fieldSelector);
  return `${collectionPath(resource, namespace)}?${query}`;
}
