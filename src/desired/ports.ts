import type { ContainerPort, PodRecord } from '../model/pod.ts';
import type { ServicePort } from '../model/service.ts';
import type { EndpointAddress } from './address-form.ts';
import { didYouMean, quote, type Read } from './mistake.ts';
import type { PortRef } from './values.ts';

export interface NamedPort {
  readonly name: string;
  readonly port: number;
}

/** How many ports of one object are used. Records keep one more, so that an excess shows. */
export const mostPorts = 512;

/**
 * The container port that a declaration means. A number need not be declared, because containerPort is informational
 * (core/v1). Without a choice it is the pod's only port; TCP and UDP with one number count as one.
 */
export function resolvePodPort(ref: PortRef | undefined, ports: readonly ContainerPort[]): Read<number> {
  const found = find(ref, ports, 'container port', 'the pod');
  if ('value' in found) return { value: found.value.port };
  return ref !== undefined && 'number' in ref ? { value: ref.number } : found;
}

/** A port that a probe may connect to: a port the pod declares, or the instance's own. */
export function declaredPodPort(
  ref: PortRef,
  ports: readonly ContainerPort[],
  instancePort: number,
): Read<number> {
  if ('number' in ref && ref.number === instancePort) return { value: instancePort };
  const found = find(ref, ports, 'container port', 'the pod');
  return 'value' in found ? { value: found.value.port } : found;
}

/**
 * The port by which a pod's port is reached at an address of the wanted kind. At the host's address nothing listens
 * unless the pod is on the host's network or has a host port.
 */
export function reachedPort(
  kind: EndpointAddress,
  port: number,
  pod: Pick<PodRecord, 'hostNetwork' | 'ports'> | undefined,
): Read<number> {
  if (kind === 'pod' || pod?.hostNetwork === true) return { value: port };
  const hostPort = pod?.ports.find((candidate) => candidate.port === port && candidate.hostPort)?.hostPort;
  if (hostPort !== undefined) return { value: hostPort };
  return {
    refused:
      pod === undefined
        ? `address ${quote(kind)} needs a pod with a host port or on the host's network, and no such pod is known; use address "pod"`
        : `nothing leads from address ${quote(kind)} to port ${port}: the container port has no hostPort and the pod is not on the host's network; add one of them, or use address "pod"`,
  };
}

/** Identifies a port in a Service's slices: by its name, or by number for a Service without ports. */
export type EndpointPort = { readonly name: string } | { readonly number: number };

/** The port of the Service itself that a declaration means; a Service without ports may be reached at any number. */
export function ownServicePort(
  ref: PortRef | undefined,
  ports: readonly ServicePort[],
): Read<Pick<ServicePort, 'port' | 'nodePort'>> {
  if (ports.length === 0 && ref !== undefined && 'number' in ref) return { value: { port: ref.number } };
  return find(ref, ports, 'port of the Service', 'the Service');
}

/** The Service port that a declaration means; the port in each slice is found by it. */
export function resolveServicePort(
  ref: PortRef | undefined,
  ports: readonly ServicePort[],
): Read<EndpointPort> {
  // A headless Service may have no ports; then its slices have none either.
  if (ports.length === 0 && ref !== undefined && 'number' in ref) return { value: ref };
  const found = find(ref, ports, 'port of the Service', 'the Service');
  return 'value' in found ? { value: { name: found.value.name } } : found;
}

function find<Port extends NamedPort>(
  ref: PortRef | undefined,
  ports: readonly Port[],
  what: string,
  owner: string,
): Read<Port> {
  const [first] = ports;
  if (ref === undefined) {
    if (first === undefined)
      return { refused: `port is missing, and ${owner} declares none; write its number` };
    if (ports.every(({ port }) => port === first.port)) return { value: first };
    return { refused: `port is missing, and ${owner} has several; choose one of ${listed(ports)}` };
  }
  const match = ports.find((port) => ('name' in ref ? port.name === ref.name : port.port === ref.number));
  if (match !== undefined) return { value: match };
  const word = 'name' in ref ? ref.name : String(ref.number);
  if (ports.length > mostPorts)
    return { refused: `port ${quote(word)} is not among the first ${mostPorts} ports of ${owner}` };
  const names = ports.map(({ name }) => name).filter((name) => name !== '');
  const hint =
    ('name' in ref && didYouMean(word, names)) ||
    (first === undefined ? `; ${owner} declares none` : `; ${owner} has ${listed(ports)}`);
  return { refused: `port ${quote(word)} is not a ${what}${hint}` };
}

function listed(ports: readonly NamedPort[]): string {
  const some = ports
    .slice(0, 8)
    .map(({ name, port }) => (name === '' ? `${port}` : `${quote(name)} (${port})`));
  return ports.length > some.length ? `${some.join(', ')} …` : some.join(', ');
}
