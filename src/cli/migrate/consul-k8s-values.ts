import type { V1Container } from '@kubernetes/client-node';
import { parseBool } from '../../config/environment.ts';
import type { ConvertedValues } from './helm-values.ts';
import { flagsOf } from './sync-catalog.ts';

/** The flags of the binary with their defaults, which are not those of its chart. */
const flags = {
  default: ['k8s-default-sync', true],
  consulPrefix: ['consul-service-prefix', ''],
  addK8SNamespaceSuffix: ['add-k8s-namespace-suffix', false],
  syncClusterIPServices: ['sync-clusterip-services', true],
  syncLoadBalancerEndpoints: ['sync-lb-services-endpoints', false],
  nodePortSyncType: ['node-port-sync-type', 'ExternalOnly'],
  k8sTag: ['consul-k8s-tag', 'k8s'],
  consulNodeName: ['consul-node-name', 'k8s-sync'],
} as const satisfies Readonly<Record<string, readonly [string, string | boolean]>>;

/** Reads the arguments of a running Deployment. */
export function valuesOfContainer(container: V1Container): ConvertedValues {
  const given = flagsOf(container);
  const last = (name: string): string | undefined => given.get(name)?.at(-1);
  const isSet = (name: string, initial: boolean): boolean => parseBool(last(name) ?? '') ?? initial;
  const entries = Object.entries(flags).map(([key, [name, initial]]) => [
    key,
    typeof initial === 'boolean' ? isSet(name, initial) : (last(name) ?? initial),
  ]);
  const source = last('k8s-source-namespace') ?? '';
  const consulK8s = {
    enabled: true,
    ...Object.fromEntries(entries),
    k8sAllowNamespaces: source === '' ? [...(given.get('allow-k8s-namespace') ?? [])] : [source],
    k8sDenyNamespaces: [...(given.get('deny-k8s-namespace') ?? [])],
  };
  const isMirrored = isSet('enable-k8s-namespace-mirroring', false);
  const namespace =
    isSet('enable-namespaces', false) && !isMirrored ? last('consul-destination-namespace') : undefined;
  const address = addressOf(container);
  const consul = {
    ...(address === undefined ? {} : { addresses: [address] }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  return {
    config: { ...(Object.keys(consul).length === 0 ? {} : { consul }), compatibility: { consulK8s } },
    notes: notesOf({
      toConsul: isSet('to-consul', true),
      toK8S: isSet('to-k8s', true),
      ingress: isSet('enable-ingress', false),
      isMirrored,
      hasAddress: address !== undefined,
    }),
  };
}

/** Where its environment says that Consul is. A name that a program finds out (`exec=`) is no address. */
function addressOf({ env = [] }: V1Container): string | undefined {
  const read = (name: string) => env.find((each) => each.name === name)?.value ?? '';
  const [host, port] = [read('CONSUL_ADDRESSES'), read('CONSUL_HTTP_PORT')];
  if (!/^[A-Za-z0-9.-]+$/.test(host)) return undefined;
  const scheme = parseBool(read('CONSUL_USE_TLS')) === true ? 'https' : 'http';
  return `${scheme}://${host}:${/^[0-9]+$/.test(port) ? port : scheme === 'https' ? '8501' : '8500'}`;
}

interface SyncCatalogValues extends Readonly<Record<string, unknown>> {
  readonly toConsul?: boolean;
  readonly toK8S?: boolean | null;
  readonly ingress?: { readonly enabled?: boolean };
  readonly consulNamespaces?: {
    readonly mirroringK8S?: boolean;
    readonly consulDestinationNamespace?: string;
  };
}

/** Reads the values of their chart, which has defaults of its own. */
export function valuesOfChart(chart: Readonly<Record<string, unknown>>): ConvertedValues {
  const sync = (chart['syncCatalog'] ?? {}) as SyncCatalogValues;
  const { global } = chart as { global?: { enableConsulNamespaces?: boolean } };
  const keys = [...Object.keys(flags), 'k8sAllowNamespaces', 'k8sDenyNamespaces'];
  const given = Object.entries(sync).filter(
    ([key, value]) => keys.includes(key) && value !== null && value !== '-',
  );
  const { mirroringK8S = false, consulDestinationNamespace = 'default' } = sync.consulNamespaces ?? {};
  const hasNamespaces = global?.enableConsulNamespaces === true;
  const consul = hasNamespaces && !mirroringK8S ? { consul: { namespace: consulDestinationNamespace } } : {};
  return {
    config: { ...consul, compatibility: { consulK8s: { enabled: true, ...Object.fromEntries(given) } } },
    notes: notesOf({
      toConsul: sync.toConsul !== false,
      toK8S: sync.toK8S !== false,
      ingress: sync.ingress?.enabled === true,
      isMirrored: hasNamespaces && mirroringK8S,
      hasAddress: false,
    }),
  };
}

interface Facts {
  readonly toConsul: boolean;
  readonly toK8S: boolean;
  readonly ingress: boolean;
  readonly isMirrored: boolean;
  readonly hasAddress: boolean;
}

const notesOf = ({ toConsul, toK8S, ingress, isMirrored, hasAddress }: Facts): string[] => [
  ...(hasAddress ? [] : ['Add config.consul.addresses: where Consul is.']),
  'Add consulCredentials or config.consul.acl if Consul asks for a token, and caBundle for TLS.',
  ...(toConsul ? [] : ['It syncs nothing to Consul (toConsul is false): there is nothing to take over.']),
  ...(toK8S ? ['Not taken over: the sync from Consul to Kubernetes (toK8S).'] : []),
  ...(ingress
    ? ['Not taken over: addresses of Ingresses (ingress.enabled). Their Services get other addresses.']
    : []),
  ...(isMirrored
    ? ['Not taken over: mirroring of namespaces (Consul Enterprise). All go into one namespace.']
    : []),
];
