import type { KubeObject } from '../../src/sandbox/kube/object.ts';
import { nameByRule } from './rules.ts';

/** What annotations ask for, read directly from the contract: only those the simulator writes. */
export interface Asked {
  readonly service: string;
  readonly port: number;
  /** As written: a name, or a number. */
  readonly portRef: string;
  readonly tags: readonly string[];
  readonly weight: number;
  readonly check: 'readiness' | 'none';
  readonly drain: 'critical' | 'warning' | 'deregister';
  /** What it is reached by: a word, or an address that is written out. */
  readonly address: string;
  readonly nodePort: 'endpoints' | 'nodes';
  readonly nodeAddress: 'internal' | 'external' | 'external-first';
  /** Meta `team`. */
  readonly team: string | undefined;
}

/**
 * `broken`: the service asked for by a declaration with a mistake, empty when that is the mistake. `address`: undefined
 * when that is.
 */
export type Asking =
  | { readonly asked: Asked }
  | { readonly broken: string; readonly address: string | undefined };

export type Annotations = Readonly<Record<string, string>>;

/** Ports of every pod and of every Service in the simulation: name → number. */
export const namedPorts: Readonly<Record<string, number>> = { http: 8080, admin: 9090 };

/** The object whose annotations ask. */
export interface Carrier {
  readonly namespace: string;
  /** Name of the Service, empty for a pod. */
  readonly kubeService: string;
  /** Its ports, name → number; an empty name: it may be left out. Default: those of every pod. */
  readonly ports?: Readonly<Record<string, number>>;
}

/** The truth is read after every change of the cluster, most of which are of other objects. */
const known = new WeakMap<Annotations, Map<string, readonly Asking[]>>();

/** `defaults`: each holds for every declaration that does not have the field itself. */
export function askings(
  annotations: Annotations,
  carrier: Carrier,
  defaults: Annotations = {},
): readonly Asking[] {
  if (Object.keys(defaults).length > 0) return readAskings(annotations, carrier, defaults);
  const { namespace, kubeService, ports } = carrier;
  const key = JSON.stringify([namespace, kubeService, ports]);
  const last = known.get(annotations)?.get(key);
  if (last !== undefined) return last;
  const read = readAskings(annotations, carrier, defaults);
  known.set(annotations, (known.get(annotations) ?? new Map()).set(key, read));
  return read;
}

function readAskings(annotations: Annotations, carrier: Carrier, defaults: Annotations): Asking[] {
  const { services, ...own } = annotations;
  const found: Asking[] = [];
  if (own['service'] !== undefined && own['service'] !== 'false')
    found.push(...eachPort({ ...defaults, ...own }, carrier));
  if (services !== undefined) {
    for (const item of listed(services)) found.push(...eachPort({ ...defaults, ...item }, carrier));
  }
  return found;
}

/** With the port `*`, one for each port there is. */
function eachPort(fields: Annotations, carrier: Carrier): Asking[] {
  if (fields['port'] !== '*') return [asking(fields, carrier)];
  return Object.keys(carrier.ports ?? namedPorts).map((port) => {
    const one = asking({ ...fields, port }, carrier);
    return 'broken' in one ? one : { asked: { ...one.asked, service: `${one.asked.service}-${port}` } };
  });
}

export const serviceOf = (asking: Asking): string =>
  'asked' in asking ? asking.asked.service : asking.broken;

/** The simulator writes its lists as JSON, which is YAML; what is not JSON is a mistake. */
function listed(services: string): readonly Annotations[] {
  try {
    const items = JSON.parse(services) as readonly Readonly<Record<string, string | string[]>>[];
    return items.map((item) =>
      Object.fromEntries(Object.entries(item).map(([key, value]) => [key, [value].flat().join(',')])),
    );
  } catch {
    return [{}];
  }
}

const ofEndpoints = ['pod', 'host', 'node-external'];
const ofServices = ['load-balancer', 'node-port', 'external-ips', 'cluster-ip', 'auto'];

/** As far as the simulator writes them: on a Service also a word for the whole, or an address with dots. */
const isAddress = (text: string, kubeService: string): boolean =>
  ofEndpoints.includes(text) || (kubeService !== '' && (ofServices.includes(text) || text.includes('.')));

/** No pod here has such a label. */
const filledIn = (text: string): string => text.replaceAll('{pod.label.ap}', '');

function asking(fields: Annotations, { namespace, kubeService, ports = namedPorts }: Carrier): Asking {
  const { service: named = '', port: at = '', tags = '', weight = '1', address: reached = 'pod' } = fields;
  const { 'node-port': nodePort = 'endpoints', 'node-address': nodeAddress = 'internal' } = fields;
  const address = isAddress(reached, kubeService) ? reached : undefined;
  const service = kubeService !== '' && named === 'true' ? nameByRule(kubeService, namespace) : named;
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(service)) return { broken: '', address };
  // Everything here has two ports, so one has to be chosen.
  const port = ports[at] ?? (/^\d+$/.test(at) ? Number(at) : 0);
  const isBroken =
    address === undefined ||
    !['endpoints', 'nodes'].includes(nodePort) ||
    !['internal', 'external', 'external-first'].includes(nodeAddress) ||
    port < 1 ||
    port > 65_535 ||
    !/^[1-9]\d*$/.test(weight) ||
    tags.length > 4_096 ||
    Object.values(fields).some((text) => !text.isWellFormed()) ||
    ['consul', 'kube-registrar'].includes(service) ||
    ['check-http', 'health-url', 'check-tcp'].some((name) => /169\.254|10\.9/.test(fields[name] ?? '')) ||
    Object.hasOwn(fields, 'meta.__proto__');
  if (isBroken) return { broken: service, address };
  return {
    asked: {
      service,
      port,
      portRef: at,
      tags: [
        ...new Set(
          filledIn(tags)
            .split(',')
            .filter((tag) => tag !== ''),
        ),
      ].sort(),
      weight: Number(weight),
      check: fields['check'] === 'none' ? 'none' : 'readiness',
      drain: (fields['drain'] ?? 'critical') as Asked['drain'],
      address,
      nodePort: nodePort as Asked['nodePort'],
      nodeAddress: nodeAddress as Asked['nodeAddress'],
      team: fields['meta.team'],
    },
  };
}

const prefix = 'kube-registrar.io/';

/** An object's annotations that the operator reads, without their prefix. */
export function ours({ metadata }: KubeObject): Annotations {
  const { annotations: all = none } = metadata;
  const last = read.get(all);
  if (last !== undefined) return last;
  const own = Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
  read.set(all, own);
  return own;
}

const none: Annotations = {};
const read = new WeakMap<Annotations, Annotations>();

export const prefixed = (annotations: Annotations): Annotations =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${prefix}${key}`, value]));
