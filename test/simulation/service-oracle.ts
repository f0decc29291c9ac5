import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { Asked } from './asking.ts';

/** What a Service is reached by: its endpoints, each by itself; a port of the nodes; or the whole at addresses of its own. */
export type Reach =
  | 'endpoints'
  | 'node-port'
  | 'load-balancer'
  | 'external-ips'
  | 'cluster-ip'
  | 'external-name'
  | 'literal';

/** The fields of a Service that say so. */
export interface RawService {
  readonly type?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name: string; readonly port: number; readonly nodePort?: number }[];
  readonly clusterIP?: string;
  readonly externalIPs?: readonly string[];
  readonly externalName?: string;
  readonly externalTrafficPolicy?: string;
}

export interface RawEndpoint {
  readonly addresses?: readonly string[];
  readonly nodeName?: string;
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
  readonly targetRef?: { readonly uid: string };
}

export const specOf = (service: KubeObject): RawService => (service['spec'] ?? {}) as RawService;

export const endpointsOf = (slice: KubeObject): readonly RawEndpoint[] =>
  (slice['endpoints'] ?? []) as readonly RawEndpoint[];

/** Whether traffic for the Service reaches the endpoint: it answers, whatever is published of it, and does not end. */
export function isReadyEndpoint({ addresses = [], conditions = {} }: RawEndpoint): boolean {
  const { ready = true, serving = ready, terminating = false } = conditions;
  return addresses.length > 0 && ready && serving && !terminating;
}

/** The endpoints of a Service together. */
export interface Behind {
  readonly isReady: boolean;
  /** Its containers would serve, whatever is said of their nodes. */
  readonly serves: boolean;
}

interface PodBehind {
  readonly containersReady: boolean;
  readonly deleting: boolean;
}

/** `pods`: by uid. */
export function behindOf(endpoints: readonly RawEndpoint[], pods: ReadonlyMap<string, PodBehind>): Behind {
  const serves = (endpoint: RawEndpoint) => {
    const pod = endpoint.targetRef && pods.get(endpoint.targetRef.uid);
    return pod === undefined ? isReadyEndpoint(endpoint) : pod.containersReady && !pod.deleting;
  };
  return { isReady: endpoints.some(isReadyEndpoint), serves: endpoints.some(serves) };
}

/** docs/services.md: what the annotation `address` chooses. */
export function reachOf(address: string, { type = 'ClusterIP', externalIPs = [] }: RawService): Reach {
  if (address.includes('.')) return 'literal';
  if (address === 'auto' || address === 'pod') {
    if (type === 'ExternalName') return 'external-name';
    if (address === 'pod') return 'endpoints';
    if (externalIPs.length > 0) return 'external-ips';
    if (type === 'LoadBalancer') return 'load-balancer';
    return type === 'NodePort' ? 'node-port' : 'endpoints';
  }
  return address === 'host' || address === 'node-external' ? 'endpoints' : (address as Reach);
}

/** Of what the simulator writes: 203.0.113.0/24 and names in lb.example are allowed. */
const isAllowed = (address: string): boolean => /^203\.0\.113\.\d+$|\.lb\.example$/.test(address);

/** Addresses that mean something else to every reader. */
const isSpecial = (address: string): boolean => /^(127\.|169\.254\.|0\.)|^localhost$/.test(address);

/** Where it is, at addresses that belong to no node. `stuck`: it cannot be there; `pending`: not yet. */
export function placesOf(
  reach: Exclude<Reach, 'endpoints' | 'node-port'>,
  { address }: Asked,
  service: KubeObject,
): readonly string[] | 'stuck' | 'pending' {
  const { type = 'ClusterIP', externalIPs = [], clusterIP, externalName = '' } = specOf(service);
  switch (reach) {
    case 'load-balancer': {
      if (type !== 'LoadBalancer') return 'stuck';
      const usable = loadBalancerOf(service)
        .map(({ ip, hostname = '' }) => ip ?? hostname.toLowerCase())
        .filter((each) => each !== '' && !isSpecial(each));
      return usable.length === 0 ? 'pending' : [...new Set(usable)];
    }
    case 'external-ips':
      if (externalIPs.length === 0) return 'stuck';
      return externalIPs.every(isSpecial)
        ? 'pending'
        : [...new Set(externalIPs)].filter((each) => !isSpecial(each));
    case 'cluster-ip':
      if (clusterIP === 'None' || type === 'ExternalName') return 'stuck';
      return clusterIP === undefined ? 'pending' : [clusterIP];
    case 'external-name':
      return type !== 'ExternalName' || isSpecial(externalName) ? 'stuck' : [externalName];
    case 'literal':
      return isAllowed(address) ? [address] : 'stuck';
  }
}

interface RawEntry {
  readonly ip?: string;
  readonly hostname?: string;
}

export function loadBalancerOf(service: KubeObject): readonly RawEntry[] {
  const status = (service['status'] ?? {}) as { readonly loadBalancer?: { readonly ingress?: RawEntry[] } };
  return status.loadBalancer?.ingress ?? [];
}

interface RawAddresses {
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
}

/** The node's address of the kind that is asked for. */
export function nodeAddressOf(kind: Asked['nodeAddress'], node: KubeObject | undefined): string | undefined {
  const { addresses = [] } = (node?.['status'] ?? {}) as RawAddresses;
  const of = (wanted: string) => addresses.find(({ type }) => type === wanted)?.address;
  if (kind === 'internal') return of('InternalIP');
  return of('ExternalIP') ?? (kind === 'external-first' ? of('InternalIP') : undefined);
}
