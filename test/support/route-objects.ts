/** Ingresses, Gateways and routes as their controllers leave them, for an API server of either kind. */

type Annotations = Readonly<Record<string, string>>;

const prefixed = (annotations: Annotations): Annotations =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]));

export interface IngressParts {
  readonly name?: string;
  readonly namespace?: string;
  readonly hosts?: readonly string[];
  readonly tls?: boolean;
}

export function ingressObject(
  annotations: Annotations,
  { name = 'web', namespace = 'default', hosts = ['shop.example'], tls = false }: IngressParts = {},
) {
  const backend = { service: { name, port: { number: 80 } } };
  const http = { paths: [{ path: '/', pathType: 'Prefix', backend }] };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace, annotations: prefixed(annotations) },
    spec: {
      rules: hosts.map((host) => ({ host, http })),
      ...(tls ? { tls: [{ hosts, secretName: `${name}-tls` }] } : {}),
    },
  };
}

/** What an Ingress controller writes: IP addresses and host names. */
export const ingressStatus = (...addresses: readonly string[]) => ({
  loadBalancer: {
    ingress: addresses.map((address) =>
      /^[0-9.]+$|:/.test(address) ? { ip: address } : { hostname: address },
    ),
  },
});

export interface GatewayParts {
  readonly name?: string;
  readonly namespace?: string;
  readonly listeners?: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly from?: 'All' | 'Same';
}

const usualListeners = [
  { name: 'http', port: 80, protocol: 'HTTP' },
  { name: 'https', port: 443, protocol: 'HTTPS' },
];

export function gatewayObject({
  name = 'edge',
  namespace = 'default',
  listeners = usualListeners,
  from = 'All',
}: GatewayParts = {}) {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      gatewayClassName: 'example',
      listeners: listeners.map((listener) => ({
        ...listener,
        allowedRoutes: { namespaces: { from } },
        ...(listener.protocol === 'HTTP' ? {} : tlsOf(listener.protocol)),
      })),
    },
  };
}

const tlsOf = (protocol: string) => ({
  tls: protocol === 'TLS' ? { mode: 'Passthrough' } : { certificateRefs: [{ name: 'edge-tls' }] },
});

/** A condition, as every controller of the Gateway API writes it. */
export const condition = (type: string, status: 'True' | 'False', reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** The status of a Gateway that works at these addresses. */
export const gatewayStatus = (
  addresses: readonly string[],
  programmed = condition('Programmed', 'True', 'Programmed'),
  listeners: readonly { readonly name: string }[] = usualListeners,
) => ({
  addresses: addresses.map((value) => ({
    type: /^[0-9.]+$|:/.test(value) ? 'IPAddress' : 'Hostname',
    value,
  })),
  conditions: [condition('Accepted', 'True', 'Accepted'), programmed],
  listeners: listeners.map(({ name }) => ({
    name,
    attachedRoutes: 1,
    supportedKinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
    conditions: [programmed],
  })),
});

export interface ParentRef {
  readonly name: string;
  readonly namespace?: string;
  readonly sectionName?: string;
}

export interface RouteParts {
  readonly kind?: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute';
  readonly name?: string;
  readonly namespace?: string;
  readonly hosts?: readonly string[];
  readonly parents?: readonly ParentRef[];
}

export function routeObject(
  annotations: Annotations,
  {
    kind = 'HTTPRoute',
    name = 'web',
    namespace = 'default',
    hosts = ['shop.example'],
    parents = [{ name: 'edge' }],
  }: RouteParts = {},
) {
  const backendRefs = [{ name, port: 80 }];
  const matches =
    kind === 'HTTPRoute'
      ? { matches: [{ path: { type: 'PathPrefix', value: '/cart' } }] }
      : kind === 'GRPCRoute'
        ? { matches: [{ method: { service: 'shop.v1.Cart' } }] }
        : {};
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name, namespace, annotations: prefixed(annotations) },
    spec: { hostnames: hosts, parentRefs: parents, rules: [{ ...matches, backendRefs }] },
  };
}

/** The status of a route: what the controller of these parents says of it. */
export const routeStatus = (
  parents: readonly ParentRef[] = [{ name: 'edge' }],
  accepted = condition('Accepted', 'True', 'Accepted'),
) => ({
  parents: parents.map((parentRef) => ({
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...parentRef },
    controllerName: 'example.com/gateway-controller',
    conditions: [accepted],
  })),
});
