import type { GatewayListener, GatewayRecord, StatusCondition } from '../model/gateway.ts';
import { mostOfRoute, type RouteKind, type RouteParent, type RouteRecord } from '../model/route.ts';
import { readPlainHost } from './address-form.ts';
import type { ClusterView } from './cluster-view.ts';
import { type Health, reasonText } from './health.ts';
import { readHost } from './host.ts';

/** One address and port at which a route is reached from outside the cluster. */
export interface Entrance {
  readonly address: string;
  readonly port: number;
  /** What selects the port beside its number: `http` and `https` of an Ingress, else names of listeners. */
  readonly names: readonly string[];
  readonly isTls: boolean;
  /** Empty: every host. */
  readonly hosts: readonly string[];
  /** `namespace/name` of the Gateway; empty for an Ingress. */
  readonly gateway: string;
  readonly health: Health;
}

export interface Entrances {
  readonly entrances: readonly Entrance[];
  /** Why there is none, or none for a part of the object; sentences for people. */
  readonly missing: readonly string[];
}

/** Every entrance of a route, by the status of the Ingress or of the Gateways that have accepted it. */
export function entrancesOf(
  route: RouteRecord,
  view: Pick<ClusterView, 'gateway'>,
  namespaced: boolean,
): Entrances {
  return route.kind === 'Ingress' ? ofIngress(route) : ofParents(route, view, namespaced);
}

const ready: Health = { status: 'passing', output: 'Ingress has an address' };

function ofIngress({ addresses: written, hosts, tlsHosts }: RouteRecord): Entrances {
  const { addresses, missing } = usable(written, 'its status');
  if (written.length === 0) {
    missing.push('its status has no address yet; it is registered as soon as its controller writes one');
  }
  const isSecure = (host: string) => tlsHosts.some((each) => each === '' || covers(each, host));
  const isForAll = tlsHosts.includes('');
  const secure = hosts.length > 0 ? hosts.filter(isSecure) : isForAll ? [] : tlsHosts;
  const hasTls = secure.length > 0 || (isForAll && hosts.length === 0);
  const entrances = addresses.flatMap((address): Entrance[] => {
    const common = { address, gateway: '', health: ready };
    const plain = { ...common, port: 80, names: ['http'], isTls: false, hosts: usableHosts(hosts) };
    if (!hasTls) return [plain];
    return [{ ...common, port: 443, names: ['https'], isTls: true, hosts: usableHosts(secure) }, plain];
  });
  if (entrances.length > mostOfRoute) missing.push(tooMany);
  return { entrances: entrances.slice(0, mostOfRoute), missing };
}

function ofParents(route: RouteRecord, view: Pick<ClusterView, 'gateway'>, namespaced: boolean): Entrances {
  const byPlace = new Map<string, Entrance>();
  const missing = new Set<string>();
  if (route.parents.length === 0) missing.add('spec.parentRefs names no Gateway');
  for (const parent of route.parents) {
    const title = `Gateway ${parent.namespace}/${parent.name}`;
    const gateway = view.gateway(parent.namespace, parent.name);
    if (gateway === undefined) {
      missing.add(unknownGateway(title, namespaced));
      continue;
    }
    const found = ofParent(route, parent, gateway, title);
    for (const text of found.missing) missing.add(text);
    for (const entrance of found.entrances) {
      const place = JSON.stringify([entrance.address, entrance.port]);
      const other = byPlace.get(place);
      if (other !== undefined) byPlace.set(place, together(other, entrance));
      else if (byPlace.size < mostOfRoute) byPlace.set(place, entrance);
      else missing.add(tooMany);
    }
  }
  return { entrances: [...byPlace.values()], missing: [...missing] };
}

const tooMany = `it has more than ${mostOfRoute} addresses and ports; the others are ignored`;

const unknownGateway = (title: string, namespaced: boolean): string =>
  `${title} does not exist, or kube-registrar may not read it` +
  (namespaced ? '; kubernetes.namespaces must include its namespace as well' : '');

function ofParent(route: RouteRecord, parent: RouteParent, gateway: GatewayRecord, title: string): Entrances {
  if (!parent.accepted) {
    const why = parent.message === '' ? '' : ` (${parent.message})`;
    return { entrances: [], missing: [`${title} has not accepted it${why}`] };
  }
  const listeners = gateway.listeners.filter((listener) => mayAttach(route, parent, listener));
  if (listeners.length === 0) return { entrances: [], missing: [`${title} has no listener for it`] };
  const { addresses, missing } = usable(gateway.addresses, `the status of ${title}`);
  if (gateway.addresses.length === 0) {
    missing.push(`${title} has no address in its status yet; the route is registered as soon as it has one`);
  }
  const entrances = addresses.flatMap((address) =>
    listeners.map((listener) => ({
      address,
      port: listener.port,
      names: [listener.name],
      isTls: listener.protocol !== 'HTTP',
      hosts: usableHosts(sharedHosts(listener.hostname, route.hosts) ?? []),
      gateway: `${gateway.namespace}/${gateway.name}`,
      health: healthOf(gateway, listener),
    })),
  );
  return { entrances, missing };
}

const protocols: Readonly<Record<Exclude<RouteKind, 'Ingress'>, readonly string[]>> = {
  HTTPRoute: ['HTTP', 'HTTPS'],
  GRPCRoute: ['HTTP', 'HTTPS'],
  TLSRoute: ['TLS'],
};

/**
 * Whether the route can be attached to the listener. The status of a route says that a Gateway has accepted it, and not
 * at which listeners; so the rules of the API that need nothing but the two objects are applied here.
 */
function mayAttach(
  { kind, namespace, hosts }: RouteRecord,
  parent: RouteParent,
  listener: GatewayListener,
): boolean {
  if (kind === 'Ingress') return false;
  const { name, port, protocol, kinds, hostname, ownNamespaceOnly } = listener;
  return (
    (parent.listener === '' || parent.listener === name) &&
    (parent.port === 0 || parent.port === port) &&
    (kinds.length === 0 ? protocols[kind].includes(protocol) : kinds.includes(kind)) &&
    (!ownNamespaceOnly || parent.namespace === namespace) &&
    sharedHosts(hostname, hosts) !== undefined
  );
}

/** The hosts that a listener and a route have in common; empty: every host; undefined: none. */
function sharedHosts(listener: string, route: readonly string[]): readonly string[] | undefined {
  if (listener === '') return route;
  if (route.length === 0) return [listener];
  const shared = route.flatMap((host) =>
    covers(listener, host) ? [host] : covers(host, listener) ? [listener] : [],
  );
  return shared.length === 0 ? undefined : shared;
}

/** Whether a host, which may begin with `*.`, stands for another one as well. */
function covers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

function healthOf(gateway: GatewayRecord, listener: GatewayListener): Health {
  const title = `Gateway ${gateway.namespace}/${gateway.name}`;
  const failed = (what: string, { reason, message }: StatusCondition): Health => ({
    status: 'critical',
    output: reason === '' && message === '' ? `${what} yet` : `${what}: ${reasonText(reason, message, '')}`,
  });
  if (gateway.deleting) return { status: 'critical', output: `${title} is being deleted` };
  if (gateway.accepted.status !== 'True') return failed(`${title} is not accepted`, gateway.accepted);
  if (gateway.programmed.status !== 'True') return failed(`${title} is not programmed`, gateway.programmed);
  // Older controllers do not set it at listeners.
  if (listener.programmed.status === 'False') {
    return failed(`Listener ${listener.name} of ${title} is not programmed`, listener.programmed);
  }
  return { status: 'passing', output: `${title} is programmed` };
}

/** Two listeners, or two Gateways, at one address and port. The better health counts: one of them is behind. */
function together(one: Entrance, other: Entrance): Entrance {
  const isForAll = one.hosts.length === 0 || other.hosts.length === 0;
  const [better, worse] = other.health.status === 'passing' ? [other, one] : [one, other];
  return {
    ...better,
    names: [...new Set([...one.names, ...other.names])],
    isTls: better.isTls || worse.isTls,
    hosts: isForAll ? [] : [...new Set([...one.hosts, ...other.hosts])],
  };
}

/**
 * The entrances that a declaration without a port gets: those with TLS, and others at the same address as far as they
 * serve hosts that none with TLS serves.
 */
export function usualEntrances(entrances: readonly Entrance[]): readonly Entrance[] {
  return entrances.flatMap((entrance) => {
    if (entrance.isTls) return [entrance];
    const secure = entrances.filter(({ address, isTls }) => isTls && address === entrance.address);
    if (secure.some(({ hosts }) => hosts.length === 0)) return [];
    if (entrance.hosts.length === 0) return [entrance];
    const isServed = (host: string) => secure.some(({ hosts }) => hosts.some((each) => covers(each, host)));
    const hosts = entrance.hosts.filter((host) => !isServed(host));
    return hosts.length === 0 ? [] : [{ ...entrance, hosts }];
  });
}

/** The addresses that may be registered, in canonical form and sorted. */
function usable(written: readonly string[], where: string): { addresses: string[]; missing: string[] } {
  const addresses = new Set<string>();
  const missing: string[] = [];
  for (const text of written.slice(0, mostOfRoute)) {
    const host = readPlainHost(text);
    if ('value' in host) addresses.add(host.value.text);
    else missing.push(`${where}: ${host.refused}`);
  }
  return { addresses: [...addresses].sort(), missing };
}

/** Hosts in small letters, without texts that are none. The API server has checked them; its rules may be others. */
function usableHosts(hosts: readonly string[]): readonly string[] {
  const used = hosts.slice(0, mostOfRoute);
  return used
    .map((host) => host.toLowerCase())
    .filter((host) => 'value' in readHost(host.replace(/^\*\./, '')));
}
