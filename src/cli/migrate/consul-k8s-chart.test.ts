import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse, parseDocument } from 'yaml';
import { syncCatalogValues, valuesOfChart } from './consul-k8s-chart.ts';
import { type Mapping, notTaken } from './consul-k8s-settings.ts';
import { valuesText } from './helm-values.ts';

/** What these values of their chart become, beside what always stands there. */
function converted(chart: Mapping) {
  const found = valuesOfChart(chart);
  const text = valuesText(found);
  assert.deepEqual(parseDocument(text).errors, []);
  const { config, ...values } = parse(text);
  const { compatibility, ...rest } = config;
  const { enabled, ...settings } = compatibility.consulK8s;
  assert.equal(enabled, true);
  const always: readonly string[] = [notTaken.address, notTaken.credentials];
  return { settings, config: rest, values, notes: found.notes.filter((note) => !always.includes(note)) };
}

interface Row {
  /** Beside `syncCatalog`. */
  readonly chart?: Mapping;
  readonly settings?: Mapping;
  readonly config?: Mapping;
  readonly values?: Mapping;
  readonly notes?: readonly RegExp[];
}

const namespaces = { global: { enableConsulNamespaces: true } };
const nothing: Row = {};

/** Each value of `syncCatalog`, as a path and in YAML, and what becomes of it. */
const rows: readonly (readonly [path: string, value: string, becomes: Row])[] = [
  ['enabled', 'true', nothing],
  ['enabled', '"-"', nothing],
  ['enabled', 'false', { notes: [/enabled is false in these values/] }],
  ['cleanupNodeOnRemoval', 'false', nothing],
  ['cleanupNodeOnRemoval', 'true', { notes: [/^Set cleanupNodeOnRemoval to false before/] }],
  ['default', 'true', nothing],
  ['default', 'false', { settings: { default: false } }],
  ['toConsul', 'true', nothing],
  ['toConsul', 'false', { notes: [/syncs nothing to Consul/] }],
  ['toK8S', 'true', { notes: [/sync from Consul to Kubernetes/] }],
  ['k8sPrefix', 'consul-', nothing],
  ['k8sAllowNamespaces', '["*"]', nothing],
  ['k8sAllowNamespaces', '[shop, pay]', { settings: { k8sAllowNamespaces: ['shop', 'pay'] } }],
  ['k8sAllowNamespaces', '[]', { settings: { k8sAllowNamespaces: [] } }],
  ['k8sDenyNamespaces', '[kube-system, kube-public]', nothing],
  ['k8sDenyNamespaces', 'null', { settings: { k8sDenyNamespaces: [] } }],
  ['k8sSourceNamespace', 'null', nothing],
  ['k8sSourceNamespace', 'shop', { settings: { k8sAllowNamespaces: ['shop'] } }],
  ['consulNamespaces.consulDestinationNamespace', 'default', nothing],
  [
    'consulNamespaces',
    '{ consulDestinationNamespace: team, mirroringK8S: false }',
    { chart: namespaces, config: { consul: { namespace: 'team' } } },
  ],
  [
    'consulNamespaces.consulDestinationNamespace',
    'team',
    { chart: namespaces, notes: [/mirroringK8S is not set in these values/] },
  ],
  ['consulNamespaces.mirroringK8S', 'true', nothing],
  ['consulNamespaces.mirroringK8S', 'true', { chart: namespaces, notes: [/^Not migrated: mirroring/] }],
  ['consulNamespaces.mirroringK8SPrefix', 'k8s-', nothing],
  ['addK8SNamespaceSuffix', 'true', nothing],
  ['addK8SNamespaceSuffix', 'null', { settings: { addK8SNamespaceSuffix: false } }],
  ['consulPrefix', 'null', nothing],
  ['consulPrefix', 'k8s-', { settings: { consulPrefix: 'k8s-' } }],
  ['k8sTag', 'null', nothing],
  ['k8sTag', '""', nothing],
  ['k8sTag', 'cluster-a', { settings: { k8sTag: 'cluster-a' } }],
  ['consulNodeName', 'k8s-sync', nothing],
  ['consulNodeName', 'k8s-a', { settings: { consulNodeName: 'k8s-a' } }],
  ['syncClusterIPServices', 'false', { settings: { syncClusterIPServices: false } }],
  ['syncLoadBalancerEndpoints', 'true', { settings: { syncLoadBalancerEndpoints: true } }],
  ['metrics.enabled', 'false', nothing],
  ['metrics.enabled', 'true', { notes: [/^Not migrated: metrics/] }],
  ['metrics.port', '20300', nothing],
  ['metrics.path', '/metrics', nothing],
  ['ingress.enabled', 'true', { notes: [/^Not migrated: addresses of Ingresses/] }],
  ['ingress.loadBalancerIPs', 'true', nothing],
  ['nodePortSyncType', 'ExternalFirst', nothing],
  ['nodePortSyncType', 'InternalOnly', { settings: { nodePortSyncType: 'InternalOnly' } }],
  ['nodePortSyncType', 'null', { settings: { nodePortSyncType: 'ExternalOnly' } }],
  ['aclSyncToken', '{ secretName: null, secretKey: null }', nothing],
  ['aclSyncToken.secretName', 'sync-token', { notes: [/the token in Secret sync-token/] }],
  ['aclSyncToken.secretKey', 'token', nothing],
  ['nodeSelector', 'null', nothing],
  ['nodeSelector', '"disk: ssd"', { values: { nodeSelector: { disk: 'ssd' } } }],
  ['nodeSelector', '"disk: {{ .Values.disk }}"', { notes: [/nodeSelector, which is a template/] }],
  ['nodeSelector', '"disk: [ssd"', { notes: [/nodeSelector, which is not YAML/] }],
  ['affinity', '"podAntiAffinity: {}"', { notes: [/^Not migrated: affinity/] }],
  ['tolerations', '"- operator: Exists"', { values: { tolerations: [{ operator: 'Exists' }] } }],
  ['serviceAccount.annotations', '"role: a"', { notes: [/^Not migrated: annotations of the ServiceAcc/] }],
  ['resources', '{ limits: { memory: 50Mi } }', { notes: [/^Not migrated: resources/] }],
  ['logLevel', '""', nothing],
  ['logLevel', 'warn', { config: { log: { level: 'warn' } } }],
  ['logLevel', 'trace', { config: { log: { level: 'debug' } } }],
  ['consulWriteInterval', 'null', nothing],
  ['consulWriteInterval', '10s', { notes: [/run --finish with --write-interval 10s/] }],
  ['extraLabels', '{ team: shop }', { values: { podLabels: { team: 'shop' } } }],
  ['annotations', '"a/b: c"', { values: { podAnnotations: { 'a/b': 'c' } } }],
  ['priorityClassName', 'high', { values: { priorityClassName: 'high' } }],
  ['image', 'hashicorp/consul-k8s-control-plane:1.9', nothing],
  ['newest', '1', { notes: [/^Not migrated, because it is unknown: syncCatalog.newest\.$/] }],
  ['ingress.className', 'a', { notes: [/because it is unknown: syncCatalog.ingress.className/] }],
];

function chartWith(path: string, value: string, chart: Mapping = {}): Mapping {
  const [first = '', second] = path.split('.');
  const read: unknown = parse(value);
  const sync = { [first]: second === undefined ? read : { [second]: read } };
  return { ...chart, syncCatalog: { toK8S: false, ...sync } };
}

describe('the values of the chart of consul-k8s', () => {
  for (const [path, value, { chart, settings = {}, config = {}, values = {}, notes = [] }] of rows) {
    test(`syncCatalog.${path}: ${value}${chart === undefined ? '' : ', with Consul namespaces'}`, () => {
      const found = converted(chartWith(path, value, chart));
      assert.deepEqual(
        { ...found, notes: found.notes.length },
        { settings, config, values, notes: notes.length },
        found.notes.join('\n'),
      );
      for (const [index, note] of notes.entries()) assert.match(found.notes[index]!, note);
    });
  }

  test('are all known', () => {
    const tried = rows.flatMap(([path, value]) =>
      path.includes('.') || !value.startsWith('{')
        ? [path]
        : Object.keys(parse(value)).map((key) => `${path}.${key}`),
    );
    const untried = Object.keys(syncCatalogValues).filter(
      (path) => !tried.includes(path) && !rows.some(([whole]) => whole === path),
    );
    assert.deepEqual(untried, []);
  });

  test('of Consul itself are taken where they say where it is', () => {
    const servers = {
      global: { tls: { enabled: true }, adminPartitions: { enabled: true, name: 'team' } },
      externalServers: { enabled: true, hosts: ['consul.example', 'exec=find'], tlsServerName: 'server.dc1' },
    };
    assert.deepEqual(converted(servers).config, {
      consul: {
        addresses: ['https://consul.example:8501'],
        serverName: 'server.dc1',
        partition: 'team',
      },
    });
    assert.ok(!valuesOfChart(servers).notes.includes(notTaken.address));
    const found = valuesOfChart({ externalServers: { enabled: true, hosts: ['exec=find'] } });
    assert.ok(found.notes.includes(notTaken.address));
  });

  test('may be anything', () => {
    const { notes } = converted({ syncCatalog: { 'a\n# b': 1, ingress: 'yes' } });
    assert.equal(notes.length, 2);
    for (const chart of [{ syncCatalog: [] }, { syncCatalog: null }, { global: 'x', externalServers: 7 }]) {
      assert.deepEqual(converted(chart).settings, {});
    }
  });
});
