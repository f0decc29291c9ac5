import { parse } from 'yaml';
import { followingConsulK8s, type Mapping, mappingAt, notTaken } from './consul-k8s-settings.ts';
import type { ConvertedValues } from './helm-values.ts';

/** What becomes of one of their values. */
interface Outcome {
  /** Of our `compatibility.consulK8s`. */
  readonly settings?: Mapping;
  /** Of our `config.consul`. */
  readonly consul?: Mapping;
  /** Of our `config`. */
  readonly config?: Mapping;
  /** Of our chart. */
  readonly chart?: Mapping;
  /** What is not migrated, and what to do. */
  readonly note?: string;
}

type Convert = (value: unknown, chart: Mapping) => Outcome;

/** As templates read a value: nothing, zero and what is empty are false. */
const isTrue = (value: unknown): boolean =>
  Boolean(value) && (typeof value !== 'object' || Object.keys(value as object).length > 0);

/** The same key, with what the binary does without the flag that a template leaves out. */
const text =
  (key: string, otherwise: string): Convert =>
  (value) => ({ settings: { [key]: isTrue(value) ? value : otherwise } });
const boolean =
  (key: string): Convert =>
  (value) => ({ settings: { [key]: isTrue(value) } });
const list =
  (key: string): Convert =>
  (value) => ({ settings: { [key]: value ?? [] } });
/** It says nothing that kube-registrar would have to know. */
const unused: Convert = () => ({});
const noted =
  (note: string): Convert =>
  (value) =>
    isTrue(value) ? { note } : {};

/** Text that holds YAML, or the value itself. */
const taken =
  (path: string, make: (value: unknown) => Outcome): Convert =>
  (value) => {
    if (!isTrue(value)) return {};
    if (typeof value !== 'string') return make(value);
    if (value.includes('{{'))
      return { note: `Not migrated: ${path}, which is a template of the chart of consul-k8s.` };
    try {
      return make(parse(value));
    } catch {
      return { note: `Not migrated: ${path}, which is not YAML.` };
    }
  };

const isMirrored = (chart: Mapping): boolean | undefined => {
  const { mirroringK8S } = mappingAt(mappingAt(chart, 'syncCatalog'), 'consulNamespaces');
  return mirroringK8S === undefined ? undefined : isTrue(mirroringK8S);
};
const hasNamespaces = (chart: Mapping): boolean =>
  isTrue(mappingAt(chart, 'global')['enableConsulNamespaces']);

/** What becomes of each value of `syncCatalog` in their chart, by its path. */
export const syncCatalogValues: Readonly<Record<string, Convert>> = {
  enabled: (value) =>
    value === false ? { note: 'enabled is false in these values: nothing is synced by them.' } : {},
  cleanupNodeOnRemoval: noted(
    'Set cleanupNodeOnRemoval to false before you stop it. Otherwise it removes all instances at once; --finish checks each one first.',
  ),
  default: (value) => ({ settings: value === null ? {} : { default: value } }),
  toConsul: (value) => (isTrue(value) ? {} : { note: notTaken.toConsul }),
  // It is true by default: see below.
  toK8S: unused,
  k8sPrefix: unused,
  k8sAllowNamespaces: list('k8sAllowNamespaces'),
  k8sDenyNamespaces: list('k8sDenyNamespaces'),
  k8sSourceNamespace: (value) => (isTrue(value) ? { settings: { k8sAllowNamespaces: [value] } } : {}),
  addK8SNamespaceSuffix: boolean('addK8SNamespaceSuffix'),
  consulPrefix: text('consulPrefix', ''),
  k8sTag: text('k8sTag', 'k8s'),
  consulNodeName: text('consulNodeName', 'k8s-sync'),
  syncClusterIPServices: boolean('syncClusterIPServices'),
  syncLoadBalancerEndpoints: boolean('syncLoadBalancerEndpoints'),
  nodePortSyncType: text('nodePortSyncType', 'ExternalOnly'),
  'ingress.enabled': noted(notTaken.ingress),
  'ingress.loadBalancerIPs': unused,
  'consulNamespaces.consulDestinationNamespace': (value, chart) =>
    hasNamespaces(chart) && isMirrored(chart) === false ? { consul: { namespace: value } } : {},
  'consulNamespaces.mirroringK8S': (value, chart) =>
    hasNamespaces(chart) && isTrue(value) ? { note: notTaken.mirroring } : {},
  'consulNamespaces.mirroringK8SPrefix': unused,
  consulWriteInterval: (value) => (isTrue(value) ? { note: notTaken.interval(`${value}`) } : {}),
  'aclSyncToken.secretName': (value) =>
    isTrue(value)
      ? {
          note: `Not migrated: the token in Secret ${value} (aclSyncToken), which may only write to one node. Create a token with the policy in consul-access.md, and name its Secret in consulCredentials.tokenSecret.`,
        }
      : {},
  'aclSyncToken.secretKey': unused,
  image: unused,
  logLevel: (value) =>
    isTrue(value) ? { config: { log: { level: value === 'trace' ? 'debug' : value } } } : {},
  resources: noted('Not migrated: resources, because they were meant for another program. See sizing.md.'),
  'metrics.enabled': noted(
    'Not migrated: metrics. kube-registrar has its own; see serviceMonitor and podMonitor.',
  ),
  'metrics.port': unused,
  'metrics.path': unused,
  priorityClassName: (value) => (isTrue(value) ? { chart: { priorityClassName: value } } : {}),
  nodeSelector: taken('nodeSelector', (nodeSelector) => ({ chart: { nodeSelector } })),
  affinity: noted(
    'Not migrated: affinity. It may refer to labels of consul-k8s; rewrite it for the pods of kube-registrar.',
  ),
  tolerations: taken('tolerations', (tolerations) => ({ chart: { tolerations } })),
  extraLabels: taken('extraLabels', (podLabels) => ({ chart: { podLabels } })),
  annotations: taken('annotations', (podAnnotations) => ({ chart: { podAnnotations } })),
  'serviceAccount.annotations': noted(
    'Not migrated: annotations of the ServiceAccount, because they belong to another identity. See serviceAccount.annotations.',
  ),
};

/** Keys whose values are mappings with keys of their own here. */
const parents = new Set(
  Object.keys(syncCatalogValues).flatMap((path) =>
    path.includes('.') ? [path.slice(0, path.indexOf('.'))] : [],
  ),
);

/** Reads the values of their chart, which has defaults of its own: those of kube-registrar's `compatibility.consulK8s`. */
export function valuesOfChart(chart: Mapping): ConvertedValues {
  const sync = mappingAt(chart, 'syncCatalog');
  const found = pathsOf(sync).map(([path, value]): Outcome => {
    const convert = Object.hasOwn(syncCatalogValues, path) ? syncCatalogValues[path] : undefined;
    if (convert === undefined) return { note: `Not migrated, because it is unknown: syncCatalog.${path}.` };
    // For what the template would take from "global".
    return value === '-' ? {} : convert(value, chart);
  });
  // In the order of the table: of two that set the same, the last decides.
  const all = <Part extends keyof Outcome>(part: Part): Mapping =>
    Object.assign({}, ...found.map((outcome) => outcome[part]));
  const servers = externalServers(chart);
  const consul = { ...servers, ...partitionOf(chart), ...all('consul') };
  const notes = found.flatMap(({ note }) => note ?? []);
  const settings = all('settings');
  return {
    config: {
      ...(Object.keys(consul).length === 0 ? {} : { consul }),
      ...all('config'),
      ...followingConsulK8s(settings),
    },
    chart: all('chart'),
    notes: [
      ...(servers === undefined ? [notTaken.address] : []),
      notTaken.credentials,
      ...(sync['toK8S'] === undefined || isTrue(sync['toK8S']) ? [notTaken.toK8S] : []),
      ...(hasNamespaces(chart) && isMirrored(chart) === undefined ? [mirroringUnknown] : []),
      ...notes,
    ],
  };
}

const mirroringUnknown =
  'consulNamespaces.mirroringK8S is not set in these values, and its default depends on the version of the chart. Mirroring is not migrated; without it, set config.consul.namespace.';

/** Every value with its path, in the order of the table, and unknown ones last. */
function pathsOf(sync: Mapping): (readonly [path: string, value: unknown])[] {
  const flat = Object.entries(sync).flatMap(([key, value]): [string, unknown][] =>
    parents.has(key)
      ? Object.entries(mappingAt(sync, key)).map(([name, inner]) => [`${key}.${name}`, inner])
      : [[key, value]],
  );
  const order = Object.keys(syncCatalogValues);
  const rank = (path: string): number => (order.includes(path) ? order.indexOf(path) : order.length);
  return flat.sort(([one], [other]) => rank(one) - rank(other));
}

/** Where Consul is, if it is outside of their chart; undefined: it is not said. */
function externalServers(chart: Mapping): Mapping | undefined {
  const { enabled, hosts, httpsPort = 8501, tlsServerName } = mappingAt(chart, 'externalServers');
  if (!isTrue(enabled) || !Array.isArray(hosts)) return undefined;
  const scheme = isTrue(mappingAt(mappingAt(chart, 'global'), 'tls')['enabled']) ? 'https' : 'http';
  // What a program or a cloud finds out is no address.
  const named = hosts.filter((host) => typeof host === 'string' && /^[A-Za-z0-9.-]+$/.test(host));
  if (named.length === 0) return undefined;
  return {
    addresses: named.map((host) => `${scheme}://${host}:${httpsPort}`),
    ...(isTrue(tlsServerName) && scheme === 'https' ? { serverName: tlsServerName } : {}),
  };
}

function partitionOf(chart: Mapping): Mapping {
  const { enabled, name = 'default' } = mappingAt(mappingAt(chart, 'global'), 'adminPartitions');
  return isTrue(enabled) ? { partition: name } : {};
}
