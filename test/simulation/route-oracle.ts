import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import type { Status } from './truth.ts';

/** Kinds of annotated objects that say by which hosts something is reached from outside, by their tables. */
export const routeTables = {
  'ingresses.networking.k8s.io': 'Ingress',
  'httproutes.gateway.networking.k8s.io': 'HTTPRoute',
  'grpcroutes.gateway.networking.k8s.io': 'GRPCRoute',
  'tlsroutes.gateway.networking.k8s.io': 'TLSRoute',
} as const;
export type RouteKind = (typeof routeTables)[keyof typeof routeTables];
export const gatewayTable = 'gateways.gateway.networking.k8s.io';

/** Where a route is reached from outside the cluster, by docs/routes.md. */
export interface Entrance {
  readonly address: string;
  readonly port: number;
  readonly names: readonly string[];
  readonly isTls: boolean;
  /** Empty: every host. */
  readonly hosts: readonly string[];
  /** `namespace/name`; empty for an Ingress. */
  readonly gateway: string;
  readonly status: Status;
}

interface RawCondition {
  readonly type: string;
  readonly status: string;
}

interface RawParent {
  readonly name: string;
  readonly sectionName?: string;
}

interface RawListener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly hostname?: string;
}

/** The fields that the simulator writes. */
interface Raw {
  readonly metadata: KubeObject['metadata'];
  readonly spec: {
    readonly rules?: readonly { readonly host?: string }[];
    readonly tls?: readonly { readonly hosts?: readonly string[] }[];
    readonly hostnames?: readonly string[];
    readonly parentRefs?: readonly RawParent[];
    readonly listeners?: readonly RawListener[];
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
    readonly addresses?: readonly { readonly value: string }[];
    readonly conditions?: readonly RawCondition[];
    readonly listeners?: readonly { readonly name: string; readonly conditions: readonly RawCondition[] }[];
    readonly parents?: readonly {
      readonly parentRef: RawParent;
      readonly conditions: readonly RawCondition[];
    }[];
  };
}

const isTrue = (conditions: readonly RawCondition[] = [], type: string): boolean =>
  conditions.some((each) => each.type === type && each.status === 'True');

const isFalse = (conditions: readonly RawCondition[] = [], type: string): boolean =>
  conditions.some((each) => each.type === type && each.status === 'False');

/** Whether what is written may stand for a host: itself, or `*.` and the end of it. */
const standsFor = (written: string, host: string): boolean =>
  written === host || (written.startsWith('*.') && host.endsWith(written.slice(1)));

export function entrancesOf(
  kind: RouteKind,
  object: KubeObject,
  gatewayOf: (name: string) => KubeObject | undefined,
): readonly Entrance[] {
  const raw = object as unknown as Raw;
  return kind === 'Ingress' ? ofIngress(raw) : ofRoute(kind, raw, gatewayOf);
}

/** 443 for the hosts of spec.tls, 80 for all. */
function ofIngress({ spec: { rules = [], tls = [] }, status }: Raw): Entrance[] {
  const hosts = rules.some(({ host }) => host === undefined) ? [] : rules.map(({ host = '' }) => host);
  const isAllTls = tls.some((each) => each.hosts === undefined);
  const named = tls.flatMap((each) => each.hosts ?? []);
  const secured =
    hosts.length === 0
      ? named
      : hosts.filter((host) => isAllTls || named.some((each) => standsFor(each, host)));
  const isSecure = isAllTls || secured.length > 0;
  const secureHosts = isAllTls && hosts.length === 0 ? [] : secured;
  return addressesOf(status?.loadBalancer?.ingress ?? []).flatMap((address) => {
    const common = { address, gateway: '', status: 'passing' } as const;
    const plain: Entrance = { ...common, port: 80, names: ['http'], isTls: false, hosts };
    if (!isSecure) return [plain];
    return [{ ...common, port: 443, names: ['https'], isTls: true, hosts: secureHosts }, plain];
  });
}

const addressesOf = (entries: readonly { readonly ip?: string; readonly hostname?: string }[]): string[] =>
  usable(entries.map(({ ip, hostname = '' }) => ip ?? hostname));

const usable = (written: readonly string[]): string[] => [
  ...new Set(
    written.map((each) => each.toLowerCase()).filter((each) => !/^(127\.|169\.254\.)|^localhost$/.test(each)),
  ),
];

const protocols = { HTTPRoute: ['HTTP', 'HTTPS'], GRPCRoute: ['HTTP', 'HTTPS'], TLSRoute: ['TLS'] };

/** Each of the addresses of each Gateway that has accepted it, at the ports of the listeners that are for it. */
function ofRoute(
  kind: Exclude<RouteKind, 'Ingress'>,
  { spec, status, metadata: { namespace } }: Raw,
  gatewayOf: (name: string) => KubeObject | undefined,
): Entrance[] {
  const found = new Map<string, Entrance>();
  for (const parent of spec.parentRefs ?? []) {
    const answer = status?.parents?.find(
      ({ parentRef: { name, sectionName } }) => name === parent.name && sectionName === parent.sectionName,
    );
    const gateway = gatewayOf(parent.name) as unknown as Raw | undefined;
    if (gateway === undefined || !isTrue(answer?.conditions, 'Accepted')) continue;
    for (const listener of gateway.spec.listeners ?? []) {
      const hosts = shared(listener.hostname, spec.hostnames ?? []);
      const isMeant = parent.sectionName === undefined || parent.sectionName === listener.name;
      if (!isMeant || hosts === undefined || !protocols[kind].includes(listener.protocol)) continue;
      for (const address of usable((gateway.status?.addresses ?? []).map(({ value }) => value))) {
        const key = `${address}:${listener.port}`;
        const other = found.get(key);
        const entrance: Entrance = {
          address,
          port: listener.port,
          names: [listener.name],
          isTls: listener.protocol !== 'HTTP',
          hosts,
          gateway: `${namespace}/${parent.name}`,
          status: statusOf(gateway, listener.name),
        };
        // Every listener has a port of its own here: it is the same one, named by two references.
        if (other === undefined) found.set(key, entrance);
      }
    }
  }
  return [...found.values()];
}

function shared(listener: string | undefined, hosts: readonly string[]): readonly string[] | undefined {
  if (listener === undefined) return hosts;
  if (hosts.length === 0) return [listener];
  const both = hosts.filter((host) => standsFor(listener, host));
  return both.length === 0 ? undefined : both;
}

function statusOf({ metadata, status }: Raw, listener: string): Status {
  const own = status?.listeners?.find(({ name }) => name === listener);
  const isWell =
    metadata.deletionTimestamp === undefined &&
    isTrue(status?.conditions, 'Accepted') &&
    isTrue(status?.conditions, 'Programmed') &&
    !isFalse(own?.conditions, 'Programmed');
  return isWell ? 'passing' : 'critical';
}

/** Those that a declaration means; undefined: it asks for a port that there is not. */
export function chosen(portRef: string, entrances: readonly Entrance[]): readonly Entrance[] | undefined {
  if (portRef !== '') {
    const named = entrances.filter(({ names, port }) => names.includes(portRef) || String(port) === portRef);
    return named.length === 0 ? undefined : named;
  }
  // Without TLS only for the hosts that nothing with TLS serves at that address.
  return entrances.flatMap((entrance) => {
    if (entrance.isTls) return [entrance];
    const secure = entrances.filter(({ isTls, address }) => isTls && address === entrance.address);
    if (secure.some(({ hosts }) => hosts.length === 0)) return [];
    if (entrance.hosts.length === 0) return [entrance];
    const rest = entrance.hosts.filter(
      (host) => !secure.some(({ hosts }) => hosts.some((each) => standsFor(each, host))),
    );
    return rest.length === 0 ? [] : [{ ...entrance, hosts: rest }];
  });
}
