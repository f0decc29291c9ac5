import { createHash } from 'node:crypto';
import type { V1Service, V1ServicePort } from '@kubernetes/client-node';
import { type InstanceId, instanceId } from '../../model/keys.ts';
import type { Origin } from '../../model/origin.ts';
import { mostUserKeys, refuseMetaKey } from '../meta.ts';
import { quote } from '../mistake.ts';
import { isDnsLabel } from '../values.ts';
import { type Dialect, goBool, literal, refuse, type Translated } from './dialect.ts';

/** The settings of consul-k8s' catalog sync, named as in the values of its chart (`syncCatalog`), and ours. */
export interface ConsulK8sOptions {
  /** Whether Services without the annotation `service-sync` are registered. */
  readonly default: boolean;
  readonly k8sAllowNamespaces: readonly string[];
  readonly k8sDenyNamespaces: readonly string[];
  readonly consulPrefix: string;
  readonly addK8SNamespaceSuffix: boolean;
  readonly syncClusterIPServices: boolean;
  readonly syncLoadBalancerEndpoints: boolean;
  readonly nodePortSyncType: 'ExternalOnly' | 'ExternalFirst' | 'InternalOnly';
  /** Their tag; empty: instances get none. */
  readonly k8sTag: string;
  /** Instances have their ids. */
  readonly ids: boolean;
  /** Instances have their meta. */
  readonly meta: boolean;
}

const prefix = 'consul.hashicorp.com/';
const metaPrefix = `${prefix}service-meta-`;
const mostKeys = mostUserKeys + 1;

/** The annotations and defaults of consul-k8s' catalog sync on Services. */
export const consulK8sDialect = (options: ConsulK8sOptions): Dialect => ({
  name: 'consul-k8s',
  prefix,
  coversServices: true,
  ofService: (service) => translate(service, options),
});

function translate(service: V1Service, options: ConsulK8sOptions): Translated {
  const { metadata = {}, spec = {} } = service;
  if (!isSynced(service, options)) return {};
  const address = addressOf(service, options);
  if (address === undefined) return {};
  const annotations = metadata.annotations ?? {};
  const read = (name: string): string => annotations[`${prefix}${name}`] ?? '';
  // They register a node once for each endpoint on it, with as many ids. An instance with their tag would be removed.
  const { ids } = options;
  const isMarked = address !== 'node-port';
  const tags = [isMarked || !ids ? options.k8sTag : '', read('service-tags')].filter((text) => text !== '');
  return {
    ...part('service', 'service-name', nameOf(service, options)),
    ...part('port', 'service-port', portOf(read('service-port'), address, spec.ports ?? [])),
    ...(address === 'pod' ? {} : { address }),
    ...(address === 'node-port' ? { 'node-address': nodeAddresses[options.nodePortSyncType] } : {}),
    ...(hasWeight(address) ? part('weight', 'service-weight', weightOf(read('service-weight'))) : {}),
    ...(tags.length > 0 ? { tags: literal(tags.join(',')) } : {}),
    ...(ids && isMarked ? { 'id-scheme': 'consul-k8s' } : {}),
    ...(options.meta ? portMeta(spec.ports ?? []) : {}),
    ...metaOf(annotations),
  };
}

const nodeAddresses = {
  ExternalOnly: 'external',
  ExternalFirst: 'external-first',
  InternalOnly: 'internal',
} as const;

/** A field, or why theirs cannot be followed. */
type Part = { readonly value: string } | { readonly refused: string } | undefined;

function part(field: string, theirs: string, found: Part): Translated {
  if (found === undefined) return {};
  return 'value' in found
    ? { [field]: found.value }
    : { [`${prefix}${theirs}`]: refuse(found.refused, field) };
}

/** In the order in which consul-k8s asks. */
function isSynced({ metadata = {}, spec = {} }: V1Service, options: ConsulK8sOptions): boolean {
  const { namespace = '', annotations = {} } = metadata;
  const { k8sAllowNamespaces: allowed, k8sDenyNamespaces: denied } = options;
  if (denied.includes(namespace)) return false;
  if (!allowed.includes('*') && !allowed.includes(namespace)) return false;
  if ((spec.type ?? 'ClusterIP') === 'ClusterIP' && !options.syncClusterIPServices) return false;
  return goBool(annotations[`${prefix}service-sync`]) ?? options.default;
}

type Address = 'pod' | 'external-ips' | 'load-balancer' | 'node-port';

/** What the instances are reached by; undefined: there are none, as with ExternalName. */
function addressOf({ spec = {} }: V1Service, options: ConsulK8sOptions): Address | undefined {
  if ((spec.externalIPs ?? []).length > 0) return 'external-ips';
  switch (spec.type ?? 'ClusterIP') {
    case 'ClusterIP':
      return 'pod';
    case 'LoadBalancer':
      return options.syncLoadBalancerEndpoints ? 'pod' : 'load-balancer';
    case 'NodePort':
      return 'node-port';
    default:
      return undefined;
  }
}

/** Prefix and suffix are for names of Services only, never for names from the annotation. */
function nameOf({ metadata = {} }: V1Service, options: ConsulK8sOptions): Part {
  const { namespace = '', name = '', annotations = {} } = metadata;
  const written = annotations[`${prefix}service-name`];
  const suffix = options.addK8SNamespaceSuffix ? `-${namespace}` : '';
  const value = written === undefined ? `${options.consulPrefix}${name}${suffix}` : written.trim();
  if (isDnsLabel(value)) return { value };
  const form = 'is not usable in DNS: letters, digits and hyphens, at most 63';
  return {
    refused:
      written === undefined
        ? `is missing, and the name made of prefix, name and namespace, ${quote(value)}, ${form}; set it`
        : `${quote(value)} ${form}`,
  };
}

/**
 * The Service port that they register. A name is that of a Service port. A number is what the instances get, whatever
 * the ports of the Service are, so it can be followed only where a port is known to be that number there.
 */
function portOf(text: string, address: Address, ports: readonly V1ServicePort[]): Part {
  if (text === '') return firstPort(address, ports);
  if (!goNumber.test(text)) {
    if (ports.some(({ name }) => name === text)) return { value: text };
    return {
      refused: `${quote(text)} is not the name of a port of the Service; consul-k8s registers the first port in this case`,
    };
  }
  const found = ports.find((each) => String(numberAt(address, each)) === text);
  if (found !== undefined) return { value: refOf(found) };
  return {
    refused: `${quote(text)} is registered by consul-k8s unchanged, but no port of the Service has it as its ${numberNames[address]}; write the name of a port`,
  };
}

/** With endpoints it is the first in their EndpointSlice, which comes with their ids. */
const firstPort = (address: Address, [first]: readonly V1ServicePort[]): Part =>
  address === 'pod' || first === undefined ? undefined : { value: refOf(first) };

const refOf = ({ name, port }: V1ServicePort): string => name || `${port}`;

const numberNames = {
  pod: 'targetPort',
  'node-port': 'nodePort',
  'load-balancer': 'port',
  'external-ips': 'port',
} as const;

function numberAt(address: Address, { port, targetPort, nodePort }: V1ServicePort): unknown {
  if (address === 'pod') return targetPort ?? port;
  return address === 'node-port' ? nodePort : port;
}

/** What Go's strconv.ParseInt takes without a base. */
const goNumber = /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$/;

const hasWeight = (address: Address): boolean => address === 'external-ips' || address === 'load-balancer';

/** As Go's strconv.Atoi. They ignore what is not a number above 1. */
function weightOf(text: string): Part {
  const weight = /^[+-]?[0-9]{1,18}$/.test(text) ? Number(text) : 0;
  if (weight <= 1) return undefined;
  return weight <= 65_535 ? { value: `${weight}` } : { refused: `${quote(text)} is more than 65535` };
}

const portMeta = (ports: readonly V1ServicePort[]): Translated =>
  Object.fromEntries(ports.slice(0, mostKeys).map(({ name = '', port }) => [`meta.port-${name}`, `${port}`]));

function metaOf(annotations: Readonly<Record<string, string>>): Translated {
  const out: Record<string, Translated[string]> = {};
  const keys = Object.keys(annotations).filter((key) => key.startsWith(metaPrefix));
  for (const key of keys.slice(0, mostKeys)) {
    const name = key.slice(metaPrefix.length);
    const refused = refuseMetaKey(name);
    if (refused === undefined) out[`meta.${name}`] = literal(annotations[key]!);
    else out[key] = refuse(refused);
  }
  return out;
}

/**
 * Their id of an instance: the service's name and twelve digits. Their syncer removes whatever has its tag and no id
 * that it knows, on every node, so an instance with the same id is left alone.
 */
export function consulK8sId(service: string, address: string): InstanceId {
  const digest = createHash('sha1').update(`${service}-${address}`).digest('hex');
  return instanceId(`${service}-${digest.slice(0, 12)}`);
}

/** The meta that they give the instances of a Service, beside the ports and what the annotations ask for. */
export function consulK8sMeta(
  { namespace, pod, node }: Origin,
  zone: string,
): readonly (readonly [string, string])[] {
  const entries: (readonly [string, string])[] = [
    ['external-k8s-ns', namespace],
    ['external-k8s-ref-kind', pod === '' ? '' : 'Pod'],
    ['external-k8s-ref-name', pod],
    ['external-k8s-node-name', node],
    ['external-k8s-topology-zone', zone],
  ];
  return entries.filter(([, value]) => value !== '');
}
