import { isIPv6 } from 'node:net';
import { type Host, readHost, specialHost } from './host.ts';
import { didYouMean, quote, type Read } from './mistake.ts';
import type { Carrier, Form } from './values.ts';

/** Whose address each endpoint of a Service, or a pod, gets. */
const endpointAddresses = ['pod', 'host', 'node-external'] as const;
export type EndpointAddress = (typeof endpointAddresses)[number];

/** What a Service as a whole is reached by. */
const serviceAddresses = ['load-balancer', 'node-port', 'external-ips', 'cluster-ip', 'auto'] as const;
export type ServiceAddress = (typeof serviceAddresses)[number];

/** What an Ingress or a route is reached by in any case. */
const routeAddresses = ['load-balancer', 'auto'] as const;

/** An address that an annotation writes out. */
export interface LiteralAddress {
  readonly literal: Host;
}

export type AddressChoice = EndpointAddress | ServiceAddress | LiteralAddress;

const words = [...endpointAddresses, ...serviceAddresses];
const isOf = <Word extends string>(list: readonly Word[], text: string): text is Word =>
  (list as readonly string[]).includes(text);

/** A dot distinguishes a host name from a misspelt word. */
const literal = '^[A-Za-z0-9_-]*[.:][A-Za-z0-9_.:-]*$';
const literalPattern = new RegExp(literal);

/** What an instance is reached by. */
export const addressForm: Form<AddressChoice> = {
  read: (text, carrier) => {
    if (isOf(endpointAddresses, text)) return { value: text };
    if (isOf(serviceAddresses, text)) {
      const isOwn = carrier.kind !== 'Pod' && carrier.kind !== 'Service' && isOf(routeAddresses, text);
      return isOwn ? { value: text } : onServices(text, text, carrier);
    }
    if (literalPattern.test(text)) return readLiteral(text, carrier);
    return { refused: `${quote(text)} ${addressForm.otherwise}${didYouMean(text, words)}` };
  },
  cel: (value) =>
    `${value} in [${listed(endpointAddresses)}] || (variables.isNamed && (${value} in [${listed(serviceAddresses)}] || ${value}.matches('${literal}')))`,
  otherwise: `is not one of ${endpointAddresses.join(', ')}, nor on a Service ${serviceAddresses.join(', ')}, an IP address or a host name with a dot`,
};

const listed = (list: readonly string[]): string => list.map((each) => `'${each}'`).join(', ');

function onServices<Value>(value: Value, text: string, { kind }: Carrier): Read<Value> {
  if (kind === 'Service') return { value };
  const instead =
    kind === 'Pod'
      ? `on a pod write ${endpointAddresses.join(', ')}`
      : 'leave it out, because the address is in the status';
  return { refused: `${quote(text)} works only on a Service; ${instead}` };
}

function readLiteral(text: string, carrier: Carrier): Read<LiteralAddress> {
  const host = readPlainHost(text);
  if ('refused' in host) return host;
  return onServices({ literal: host.value }, text, carrier);
}

/** An address or a host name as Kubernetes writes it, without brackets; never one that is special, see host.ts. */
export function readPlainHost(text: string): Read<Host> {
  const host = readHost(isIPv6(text) ? `[${text}]` : text);
  if ('refused' in host) return host;
  const special = specialHost(host.value);
  return special === undefined
    ? host
    : { refused: `${quote(text)} is ${special}, which is never registered` };
}
