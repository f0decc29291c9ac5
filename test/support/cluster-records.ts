import type { ClusterView, SliceEndpoint } from '../../src/desired/cluster-view.ts';
import type { DesiredOptions } from '../../src/desired/options.ts';
import { readinessOf } from '../../src/desired/readiness.ts';
import { isReachedAsWhole, isReachedOnEveryNode } from '../../src/desired/service-places.ts';
import type { Endpoint, EndpointSliceRecord } from '../../src/model/endpoint-slice.ts';
import type { GatewayListener, GatewayRecord, StatusCondition } from '../../src/model/gateway.ts';
import { clusterUid } from '../../src/model/keys.ts';
import type { KubeNodeRecord } from '../../src/model/kube-node.ts';
import type { NamespaceRecord } from '../../src/model/namespace.ts';
import type { PodRecord } from '../../src/model/pod.ts';
import type { RouteParent, RouteRecord } from '../../src/model/route.ts';
import type { ServiceRecord } from '../../src/model/service.ts';

/** Records with the defaults of a healthy cluster, and a view over lists of them: for tests. */

export const options: DesiredOptions = {
  clusterName: 'c1',
  clusterUid: clusterUid('0c1f5f2e-5e9c-4a39-9c1e-000000000001'),
  namespaced: false,
};

export function pod(part: Partial<PodRecord> = {}): PodRecord {
  return freeze({
    uid: '1f0c9a3e-0000-4000-8000-000000000001',
    namespace: 'shop',
    name: 'web-x2x7q',
    resourceVersion: '1',
    createdAt: 0,
    node: 'n1',
    ips: ['10.0.0.1'],
    hostIps: ['192.168.0.1'],
    hostNetwork: false,
    phase: 'Running',
    deleting: false,
    ready: true,
    containersReady: true,
    reason: '',
    message: '',
    gates: [],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    labels: { app: 'web' },
    annotations: { service: 'web' },
    ...part,
  });
}

export function kubeNode(part: Partial<KubeNodeRecord> = {}): KubeNodeRecord {
  return freeze({
    uid: 'node-uid-1',
    name: 'n1',
    resourceVersion: '1',
    internalIps: ['192.168.0.1'],
    externalIps: ['203.0.113.1'],
    ready: 'True',
    reason: 'KubeletReady',
    message: 'kubelet is posting ready status',
    zone: 'z1',
    region: 'r1',
    ...part,
  });
}

export function service(part: Partial<ServiceRecord> = {}): ServiceRecord {
  return freeze({
    uid: 'service-uid-1',
    namespace: 'shop',
    name: 'search',
    resourceVersion: '1',
    deleting: false,
    type: 'ClusterIP',
    ports: [{ name: 'api', port: 80, protocol: 'TCP' }],
    clusterIPs: ['10.96.0.7'],
    externalIPs: [],
    loadBalancer: [],
    externalName: '',
    localTraffic: false,
    selects: true,
    labels: {},
    annotations: { service: 'true' },
    ...part,
  });
}

export function namespace(part: Partial<NamespaceRecord> = {}): NamespaceRecord {
  return freeze({
    uid: 'namespace-uid-1',
    name: 'shop',
    resourceVersion: '1',
    labels: {},
    annotations: {},
    ...part,
  });
}

export function endpoint(part: Partial<Endpoint> = {}): Endpoint {
  return freeze({
    addresses: ['10.0.0.1'],
    node: 'n1',
    zone: 'z1',
    ready: true,
    serving: true,
    terminating: false,
    podName: 'web-x2x7q',
    podUid: '1f0c9a3e-0000-4000-8000-000000000001',
    ...part,
  });
}

/** An endpoint that has no pod, nor a node. */
export const bareEndpoint = (part: Partial<Endpoint> = {}): Endpoint =>
  endpoint({ node: '', zone: '', podName: '', podUid: '', ...part });

export function slice(part: Partial<EndpointSliceRecord> = {}): EndpointSliceRecord {
  return freeze({
    uid: 'slice-uid-1',
    namespace: 'shop',
    name: 'search-abcde',
    resourceVersion: '1',
    service: 'search',
    addressType: 'IPv4',
    ports: [{ name: 'api', port: 9200, protocol: 'TCP' }],
    endpoints: [endpoint()],
    ...part,
  });
}

/** An Ingress whose controller has given it an address. */
export function ingress(part: Partial<RouteRecord> = {}): RouteRecord {
  return freeze({
    kind: 'Ingress' as const,
    uid: 'ingress-uid-1',
    namespace: 'shop',
    name: 'web',
    resourceVersion: '1',
    deleting: false,
    labels: {},
    hosts: ['shop.example'],
    paths: ['/'],
    tlsHosts: [],
    addresses: ['203.0.113.7'],
    parents: [],
    annotations: { service: 'web' },
    ...part,
  });
}

/** A route that the Gateway `infra/edge` has accepted. */
export function httpRoute(part: Partial<RouteRecord> = {}): RouteRecord {
  return ingress({
    kind: 'HTTPRoute',
    uid: 'route-uid-1',
    addresses: [],
    parents: [parent()],
    ...part,
  });
}

export const parent = (part: Partial<RouteParent> = {}): RouteParent => ({
  namespace: 'infra',
  name: 'edge',
  listener: '',
  port: 0,
  accepted: true,
  message: '',
  ...part,
});

const isTrue: StatusCondition = { status: 'True', reason: '', message: '' };

export const listener = (part: Partial<GatewayListener> = {}): GatewayListener => ({
  name: 'https',
  hostname: '',
  port: 443,
  protocol: 'HTTPS',
  ownNamespaceOnly: false,
  kinds: [],
  programmed: isTrue,
  ...part,
});

export function gateway(part: Partial<GatewayRecord> = {}): GatewayRecord {
  return freeze({
    uid: 'gateway-uid-1',
    namespace: 'infra',
    name: 'edge',
    resourceVersion: '1',
    deleting: false,
    addresses: ['203.0.113.9'],
    listeners: [listener()],
    accepted: isTrue,
    programmed: isTrue,
    ...part,
  });
}

export interface Records {
  readonly pods?: readonly PodRecord[];
  readonly nodes?: readonly KubeNodeRecord[];
  readonly services?: readonly ServiceRecord[];
  readonly slices?: readonly EndpointSliceRecord[];
  readonly routes?: readonly RouteRecord[];
  readonly gateways?: readonly GatewayRecord[];
}

/** The stores' view of these records; one node unless others are given. */
export function view({
  pods = [],
  nodes = [kubeNode()],
  services = [],
  slices = [],
  routes = [],
  gateways = [],
}: Records): ClusterView {
  return {
    kubeNode: (name) => nodes.find((node) => node.name === name),
    pod: (namespace, name) => pods.find((one) => one.namespace === namespace && one.name === name),
    departedPod: () => undefined,
    namespaceProblems: () => [],
    podsOnNode: (node) => pods.filter((one) => one.node === node),
    service: (namespace, name) => services.find((one) => one.namespace === namespace && one.name === name),
    routes: () => routes.filter(({ annotations }) => Object.keys(annotations).length > 0),
    gateway: (namespace, name) => gateways.find((one) => one.namespace === namespace && one.name === name),
    unreachedServices: () =>
      services.filter(
        ({ namespace, name, annotations }) =>
          Object.keys(annotations).length > 0 &&
          !slices.some(
            (one) => one.namespace === namespace && one.service === name && one.endpoints.length > 0,
          ),
      ),
    slicesOfService: (namespace, name) =>
      slices.filter((one) => one.namespace === namespace && one.service === name),
    wholeServices: () => services.filter((one) => isAnnotated(one) && isReachedAsWhole(one)),
    servicesOnEveryNode: () => services.filter((one) => isAnnotated(one) && isReachedOnEveryNode(one)),
    readiness: (namespace, name) =>
      readinessOf(
        slices
          .filter((one) => one.namespace === namespace && one.service === name)
          .flatMap(({ endpoints }) => endpoints),
      ),
    endpointsOnNode: (node) =>
      slices.flatMap((one): SliceEndpoint[] =>
        one.endpoints
          .filter((candidate) => candidate.node === node)
          .map((candidate) => ({ slice: one, endpoint: candidate })),
      ),
  };
}

const isAnnotated = ({ annotations }: ServiceRecord): boolean => Object.keys(annotations).length > 0;

/** Frozen through and through, so that a test fails where a record is written to. */
function freeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
  return Object.freeze(value);
}
