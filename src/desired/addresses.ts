import type { TaggedAddress } from '../model/instance.ts';
import type { EndpointAddress } from './address-form.ts';
import type { NodeFacts } from './node-facts.ts';

/** Where an instance may be reached; each list has the primary address first. */
export interface Reachable {
  /** The pod's or endpoint's own addresses. */
  readonly own: readonly string[];
  /** The addresses of the host it runs on; empty when unknown. */
  readonly host: readonly string[];
  readonly node: NodeFacts;
}

/** The addresses of the wanted kind, the primary first; empty when there are none. */
export function chooseAddresses(kind: EndpointAddress, { own, host, node }: Reachable): readonly string[] {
  switch (kind) {
    case 'pod':
      return own;
    case 'host':
      return host.length > 0 ? host : node.internalIps;
    case 'node-external':
      return node.externalIps;
  }
}

/** Most instances have none; they share this object. */
const single: Readonly<Record<string, never>> = {};

/**
 * `lan_ipv4` and `lan_ipv6`, which Consul's DNS answers A and AAAA queries from (agent/translate_addr.go).
 * Only for dual stack: with one address they would only repeat it.
 */
export function taggedAddresses<Tagged>(
  addresses: readonly string[],
  tagged: (address: string) => Tagged,
): Readonly<Record<string, Tagged>> {
  if (addresses.length < 2) return single;
  const v4 = addresses.find((address) => !isIpv6(address));
  const v6 = addresses.find(isIpv6);
  if (v4 === undefined || v6 === undefined) return single;
  return { lan_ipv4: tagged(v4), lan_ipv6: tagged(v6) };
}

export const withPort =
  (port: number) =>
  (address: string): TaggedAddress => ({ address, port });

export const isIpv6 = (address: string): boolean => address.includes(':');

/** Host part of a URL. */
export const urlHost = (address: string): string => (isIpv6(address) ? `[${address}]` : address);
