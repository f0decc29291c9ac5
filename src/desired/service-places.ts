import type { ServiceRecord } from '../model/service.ts';
import { type AddressChoice, type EndpointAddress, readPlainHost } from './address-form.ts';
import type { Declaration } from './declaration.ts';
import { quote, type Read } from './mistake.ts';
import type { NodeFacts } from './node-facts.ts';

/** How many addresses of a kind one Service may have. Records keep one more, so that an excess shows. */
export const mostAddresses = 32;

/**
 * What the instances of a declaration are reached by.
 *
 * - `endpoints`     each endpoint by itself, on its own node
 * - `node-port`     a port of the nodes, each on its own node
 * - the others      an address that belongs to no Kubernetes node
 */
export type Reach =
  | 'endpoints'
  | 'node-port'
  | 'load-balancer'
  | 'external-ips'
  | 'cluster-ip'
  | 'external-name'
  | 'literal';

/** What this choice means for this Service. `auto` chooses as the catalog sync of consul-k8s does. */
export function reachOf(choice: AddressChoice, service: ServiceRecord): Reach {
  const { type, externalIPs } = service;
  if (typeof choice !== 'string') return 'literal';
  switch (choice) {
    case 'pod':
      return type === 'ExternalName' ? 'external-name' : 'endpoints';
    case 'host':
    case 'node-external':
      return 'endpoints';
    case 'auto':
      if (type === 'ExternalName') return 'external-name';
      if (externalIPs.length > 0) return 'external-ips';
      if (type === 'LoadBalancer') return 'load-balancer';
      return type === 'NodePort' ? 'node-port' : 'endpoints';
    default:
      return choice;
  }
}

/** Whose address an endpoint gets. */
export const endpointAddress = (choice: AddressChoice): EndpointAddress =>
  choice === 'host' || choice === 'node-external' ? choice : 'pod';

/**
 * Whether a Service may ask for something that its endpoints do not register themselves. It may be true of a Service
 * that does not, and costs little then.
 */
export function isReachedAsWhole({ type, annotations, scope }: ServiceRecord): boolean {
  const { address, services } = { ...scope?.defaults, ...annotations };
  if (services !== undefined) return true;
  const choice = address?.trim() ?? 'pod';
  return type === 'ExternalName' || !['pod', 'host', 'node-external'].includes(choice);
}

/** Whether such a Service may ask for a port of every node, whether or not the node has an endpoint. */
export function isReachedOnEveryNode(service: ServiceRecord): boolean {
  const { annotations, scope, localTraffic } = service;
  const which = { ...scope?.defaults, ...annotations }['node-port']?.trim() ?? 'endpoints';
  return (
    isReachedAsWhole(service) &&
    !localTraffic &&
    service.ports.some(({ nodePort }) => nodePort !== undefined) &&
    (which !== 'endpoints' || annotations['services'] !== undefined)
  );
}

/** One place at which a Service is reached. */
export interface Place {
  /** All lead to the same, the primary first. */
  readonly addresses: readonly [string, ...string[]];
  /** Of a load balancer: how it delivers traffic; empty when that is not said. */
  readonly ipMode: string;
}

export interface Places {
  readonly places: readonly Place[];
  /** Addresses that are left out, each with the reason. */
  readonly leftOut: readonly string[];
  /** There is no place yet: the reason, for people. */
  readonly pending?: string;
}

const place = (host: string, ipMode = ''): Place => ({ addresses: [host], ipMode });

/** Where a Service is reached at addresses that belong to no node, or why that cannot be. */
export function placesOf(
  reach: Exclude<Reach, 'endpoints' | 'node-port'>,
  { address }: Pick<Declaration, 'address'>,
  service: ServiceRecord,
): Read<Places> {
  const { type } = service;
  switch (reach) {
    case 'load-balancer': {
      if (type !== 'LoadBalancer')
        return {
          refused: `address "load-balancer" needs a Service of type LoadBalancer, and it is of type ${type}`,
        };
      const found = readable(service.loadBalancer.map(({ host, ipMode }) => ({ host, ipMode })));
      return service.loadBalancer.length > 0
        ? { value: found }
        : {
            value: {
              ...found,
              pending:
                'the load balancer has no address yet; it is registered as soon as its provider writes one to status.loadBalancer',
            },
          };
    }
    case 'external-ips':
      return service.externalIPs.length > 0
        ? { value: readable(service.externalIPs.map((host) => ({ host, ipMode: '' }))) }
        : { refused: 'the Service has no externalIPs; add them to its spec, or choose another address' };
    case 'cluster-ip':
      return clusterIps(service);
    case 'external-name': {
      if (type !== 'ExternalName') return { refused: 'the Service has no externalName' };
      // In DNS a dot may end a name.
      const host = readPlainHost(service.externalName.replace(/\.$/, ''));
      return 'refused' in host ? { refused: `externalName ${host.refused}` } : one(host.value.text);
    }
    case 'literal':
      return typeof address === 'string' ? { refused: 'it has no address' } : one(address.literal.text);
  }
}

const one = (host: string): Read<Places> => ({ value: { places: [place(host)], leftOut: [] } });

function clusterIps({ type, clusterIPs }: ServiceRecord): Read<Places> {
  const [first, ...others] = clusterIPs.slice(0, mostAddresses);
  if (first === 'None') {
    return {
      refused:
        'the Service is headless, so it has no address of its own; use "pod", which registers its endpoints',
    };
  }
  if (type === 'ExternalName')
    return {
      refused: 'a Service of type ExternalName has no clusterIP; leave address out to register its name',
    };
  if (first === undefined)
    return { value: { places: [], leftOut: [], pending: 'the Service has no clusterIP yet' } };
  return { value: { places: [{ addresses: [first, ...others], ipMode: '' }], leftOut: [] } };
}

/** Texts that others wrote: what is no address, or one that is never registered, is left out. */
function readable(entries: readonly { readonly host: string; readonly ipMode: string }[]): Places {
  const places = new Map<string, Place>();
  const leftOut: string[] = [];
  for (const { host, ipMode } of entries.slice(0, mostAddresses)) {
    const read = readPlainHost(host);
    if ('refused' in read) leftOut.push(read.refused);
    else places.set(read.value.text, place(read.value.text, ipMode));
  }
  if (entries.length > mostAddresses)
    leftOut.push(`the Service has more than ${mostAddresses} addresses; the others are ignored`);
  return { places: [...places.values()], leftOut };
}

/** Where a node is reached: its addresses of the kind that a declaration wants, each kind a place. */
export function nodePlaces(
  { 'node-address': kind }: Pick<Declaration, 'node-address'>,
  { internalIps, externalIps }: NodeFacts,
): readonly Place[] {
  const choices = {
    internal: [internalIps],
    external: [externalIps],
    'external-first': [externalIps.length > 0 ? externalIps : internalIps],
    both: [internalIps, externalIps],
  };
  const places = new Map<string, Place>();
  for (const [first, ...others] of choices[kind]) {
    if (first !== undefined) places.set(first, { addresses: [first, ...others], ipMode: '' });
  }
  return [...places.values()];
}

/** Why a node has none. */
export const noNodeAddress = (kind: Declaration['node-address'], node: string): string =>
  kind === 'external'
    ? `node ${quote(node)} has no address of type ExternalIP; choose node-address "external-first" or "internal"`
    : `the address of node ${quote(node)} is not known`;
