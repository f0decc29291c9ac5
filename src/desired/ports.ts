import type { ContainerPort } from '../model/pod.ts';
import type { ServicePort } from '../model/service.ts';
import { didYouMean, quote, type Read } from './mistake.ts';
import type { PortRef } from './values.ts';

interface NamedPort {
  readonly name: string;
  readonly port: number;
}

/** A pod's port; `hostPort` when one leads to it. */
export interface PodPort {
  readonly port: number;
  readonly hostPort: number | undefined;
}

/**
 * The container port a declaration means. A number need not be declared: containerPort is informational
 * (core/v1). Without a choice it is the only one there is; TCP and UDP under one number are one.
 */
export function resolvePodPort(ref: PortRef | undefined, ports: readonly ContainerPort[]): Read<PodPort> {
  const found = find(ref, ports, 'container port', 'the pod');
  if ('value' in found) return { value: { port: found.value.port, hostPort: found.value.hostPort } };
  if (ref !== undefined && 'number' in ref) return { value: { port: ref.number, hostPort: undefined } };
  return found;
}

/** What to look for in a Service's slices: a port's name, or for a Service without ports a plain number. */
export type EndpointPort = { readonly name: string } | { readonly number: number };

/** The Service port a declaration means, by which the port of each slice is found. */
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
