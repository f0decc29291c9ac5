import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { type InstanceId, instanceId } from '../model/keys.ts';
import type { RouteRef } from '../model/route.ts';

/**
 * Ids of instances: parts joined by dots, so that they are safe in URLs and DNS. Only the name of a pod, a node, an
 * Ingress or a route may contain dots, and only one part of an id is such a name, so an id can be taken apart from both
 * ends and no two sets of parts make the same id. The port is always a part: an
 * id must not change because another port of the pod is registered under the same name.
 */

/** `shop.web-6d5f-x2x7q.1f0c9a3e.web.8080`: namespace, pod, start of its uid, service, port. */
export function podInstanceId(
  pod: { readonly namespace: string; readonly name: string; readonly uid: string },
  service: string,
  port: number,
): InstanceId {
  return join([pod.namespace, safe(pod.name, dotted), uidPart(pod.uid), service, `${port}`]);
}

/**
 * `shop.db.203-0-113-7.db.5432`: namespace, Kubernetes Service, address, service, port; with a node before the address
 * when the address is a node's. An endpoint with the same address has the same id: it is the same to a consumer.
 */
export function serviceInstanceId(
  place: {
    readonly namespace: string;
    readonly service: string;
    /** Empty: the address belongs to none. */
    readonly node: string;
    readonly address: string;
  },
  service: string,
  port: number,
): InstanceId {
  const node = place.node === '' ? [] : [safe(place.node, dotted)];
  return join([
    place.namespace,
    safe(place.service, plain),
    ...node,
    addressPart(place.address),
    service,
    `${port}`,
  ]);
}

/** An IP address or a host name without dots and colons. */
const addressPart = (address: string): string =>
  safe(isIP(address) === 0 ? nameOf(address) : address.replaceAll(/[.:]/g, '-'), plain);

/**
 * A host name without dots, which no address and no other name becomes: no address has an `h`, and a label neither
 * starts nor ends with a hyphen.
 */
const nameOf = (name: string): string =>
  /(?:^|\.)-|-(?:\.|$)/.test(name)
    ? `x-${digest(name)}`
    : `h-${name.replaceAll('-', '--').replaceAll('.', '-')}`;

/** `shop.db.10-0-0-7.db.5432`: namespace, Kubernetes Service, address, service, port. */
export function endpointInstanceId(
  endpoint: { readonly namespace: string; readonly service: string; readonly address: string },
  service: string,
  port: number,
): InstanceId {
  // The hyphens of an address distinguish it from the start of a uid, which has none.
  const address = safe(endpoint.address.replaceAll(/[.:]/g, '-'), plain);
  return join([endpoint.namespace, safe(endpoint.service, plain), address, service, `${port}`]);
}

/** The pod of an id that podInstanceId() made, `shop/web-6d5f-x2x7q`; undefined for an endpoint without a pod. */
export function podOf(id: InstanceId): string | undefined {
  const [, namespace, pod] = /^([^.]+)\.(.+)\.(?:[0-9a-f]{8}|[0-9a-f]{16})\.[^.]+\.\d+$/.exec(id) ?? [];
  return pod === undefined ? undefined : `${namespace}/${pod}`;
}

/**
 * `shop.web.ingress-203-0-113-7.web.443`: namespace, name, kind and address, service, port. No other id has the kind before
 * its address.
 */
export function routeInstanceId(route: RouteRef, address: string, service: string, port: number): InstanceId {
  const { namespace, kind, name } = route;
  return join([namespace, safe(name, dotted), `${kind}-${addressPart(address)}`, service, `${port}`]);
}

/**
 * In lower case, because Consul treats ids that differ in case as one: when `Web` becomes `web`, one instance
 * changes; no instance is replaced.
 */
const join = ([namespace, ...parts]: readonly string[]): InstanceId =>
  instanceId([safe(namespace!, plain), ...parts].join('.').toLowerCase());

const plain = /^[A-Za-z0-9-]+$/;
const dotted = /^[A-Za-z0-9.-]+$/;

/** The first eight hex digits of a UUID distinguish a pod from its predecessors of the same name. */
function uidPart(uid: string): string {
  const start = uid.slice(0, 8);
  return /^[0-9a-f]{8}$/.test(start) ? start : digest(uid).slice(0, 16);
}

/** Text that the API server would never accept still gets a unique id. */
function safe(text: string, allowed: RegExp): string {
  return allowed.test(text) ? text : `x-${digest(text)}`;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
