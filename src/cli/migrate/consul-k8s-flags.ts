import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { parseBool } from '../../config/environment.ts';
import { followingConsulK8s, notTaken } from './consul-k8s-settings.ts';
import type { ConvertedValues } from './helm-values.ts';
import { flagsOf, type SyncCatalog } from './sync-catalog.ts';

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

/** Flags that are read elsewhere here, or are about consul-k8s itself: logs, metrics, its connection, the other sync. */
const others =
  /^(?:to-consul|to-k8s|k8s-source-namespace|(?:allow|deny)-k8s-namespace|enable-ingress|loadBalancer-ips|enable-namespaces|consul-destination-namespace|enable-k8s-namespace-mirroring|k8s-namespace-mirroring-prefix|consul-cross-namespace-acl-policy|consul-write-interval|consul-domain|k8s-write-namespace|k8s-service-prefix|listen|log-.*|enable-metrics|metrics-.*|prometheus-retention-time|kubeconfig|context|addresses|.*-port|use-tls|tls-.*|ca-cert-.*|api-timeout|auth-method.*|credential-type|login-.*|token|partition|datacenter|skip-server-watch)$/;

/** Reads the arguments of a running Deployment, and where its pods run. */
export function valuesOfContainer({ container, pod }: Omit<SyncCatalog, 'name'>): ConvertedValues {
  const given = flagsOf(container);
  const last = (name: string): string | undefined => given.get(name)?.at(-1);
  const isSet = (name: string, initial: boolean): boolean => parseBool(last(name) ?? '') ?? initial;
  const entries = Object.entries(flags).map(([key, [name, initial]]) => [
    key,
    typeof initial === 'boolean' ? isSet(name, initial) : (last(name) ?? initial),
  ]);
  const source = last('k8s-source-namespace') ?? '';
  const consulK8s = {
    ...Object.fromEntries(entries),
    k8sAllowNamespaces: source === '' ? [...(given.get('allow-k8s-namespace') ?? [])] : [source],
    k8sDenyNamespaces: [...(given.get('deny-k8s-namespace') ?? [])],
  };
  const isMirrored = isSet('enable-k8s-namespace-mirroring', false);
  const namespace =
    isSet('enable-namespaces', false) && !isMirrored ? last('consul-destination-namespace') : undefined;
  const address = addressOf(container);
  const partition = last('partition') ?? variable(container, 'CONSUL_PARTITION');
  const consul = {
    ...(address === undefined ? {} : { addresses: [address] }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(partition ? { partition } : {}),
  };
  const interval = last('consul-write-interval');
  const read = new Set<string>(Object.values(flags).map(([name]) => name));
  const unknown = [...given.keys()].filter((name) => !read.has(name) && !others.test(name));
  const config = {
    ...(Object.keys(consul).length === 0 ? {} : { consul }),
    ...followingConsulK8s(consulK8s),
  };
  const note = (isMeant: boolean, text: string): string[] => (isMeant ? [text] : []);
  return {
    config,
    chart: placement(pod),
    notes: [
      ...note(address === undefined, notTaken.address),
      notTaken.credentials,
      ...note(!isSet('to-consul', true), notTaken.toConsul),
      ...note(isSet('to-k8s', true), notTaken.toK8S),
      ...note(isSet('enable-ingress', false), notTaken.ingress),
      ...note(isMirrored, notTaken.mirroring),
      ...note(interval !== undefined, notTaken.interval(interval ?? '')),
      ...unknown.map((name) => `Not migrated, because it is unknown: the flag -${name}.`),
    ],
  };
}

const variable = ({ env = [] }: V1Container, name: string): string =>
  env.find((each) => each.name === name)?.value ?? '';

/** Where its environment says that Consul is. A name that a program finds out (`exec=`) is no address. */
function addressOf(container: V1Container): string | undefined {
  const [host, port] = [variable(container, 'CONSUL_ADDRESSES'), variable(container, 'CONSUL_HTTP_PORT')];
  if (!/^[A-Za-z0-9.-]+$/.test(host)) return undefined;
  const scheme = parseBool(variable(container, 'CONSUL_USE_TLS')) === true ? 'https' : 'http';
  return `${scheme}://${host}:${/^[0-9]+$/.test(port) ? port : scheme === 'https' ? '8501' : '8500'}`;
}

/** Our chart calls it the same. */
function placement({ nodeSelector, tolerations, affinity, priorityClassName }: V1PodSpec) {
  const given = Object.entries({ nodeSelector, tolerations, affinity, priorityClassName });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''));
}
