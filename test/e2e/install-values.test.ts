/**
 * The values of the chart, each by itself: every one does something, also inside `config`; and the notes after an
 * installation warn of each that is risky.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readValues } from '../../helm/values.ts';
import { chart, helm } from '../support/real/helm.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Settings = Readonly<Record<string, Json>>;

/** What is rendered, notes included, of the chart with these values. `--dry-run=client` asks no cluster. */
async function rendered(settings: Settings): Promise<string> {
  const sets = Object.entries(settings).flatMap(([path, value]) => [
    '--set-json',
    `${path}=${JSON.stringify(value)}`,
  ]);
  const text = await helm(
    'install',
    'kube-registrar',
    chart,
    '-n',
    'kube-registrar',
    '--dry-run=client',
    ...sets,
  );
  // The time of the rendering.
  return text.replace(/^LAST DEPLOYED: .*$/m, '');
}

const item: Json = [{ name: 'mark', mountPath: '/mark', value: 'mark', ports: [{ port: 1 }], key: 'mark' }];

/** A value other than the default, and what has to be set beside it for the value to matter. */
const others: Readonly<Record<string, readonly [Json, Settings?]>> = {
  nameOverride: ['mark'],
  fullnameOverride: ['mark'],
  namespaceOverride: ['mark'],
  commonLabels: [{ mark: 'mark' }],
  extraObjects: [[{ kind: 'Mark' }]],
  config: [{ cluster: { name: 'mark' } }],
  'consulCredentials.tokenSecret.name': ['mark'],
  'consulCredentials.tokenSecret.key': ['mark', { 'consulCredentials.tokenSecret.name': 'secret' }],
  'consulCredentials.caBundle.configMap': ['mark'],
  'consulCredentials.caBundle.secret': ['mark'],
  'consulCredentials.caBundle.key': ['mark', { 'consulCredentials.caBundle.secret': 'secret' }],
  'consulCredentials.clientCertificate.secret': ['mark'],
  'consulCredentials.serviceAccountToken.enabled': [true, { 'config.consul.acl.authMethod': 'k' }],
  'consulCredentials.serviceAccountToken.audience': [
    'mark',
    { 'config.consul.acl.authMethod': 'k', 'consulCredentials.serviceAccountToken.enabled': true },
  ],
  'consulCredentials.serviceAccountToken.expirationSeconds': [
    601,
    { 'config.consul.acl.authMethod': 'k', 'consulCredentials.serviceAccountToken.enabled': true },
  ],
  'image.registry': ['mark'],
  'image.repository': ['mark'],
  'image.tag': ['mark'],
  'image.digest': [`sha256:${'0'.repeat(64)}`],
  'image.pullPolicy': ['Always'],
  imagePullSecrets: [[{ name: 'mark' }]],
  replicas: [3],
  revisionHistoryLimit: [7],
  terminationGracePeriodSeconds: [7],
  resources: [{ limits: { cpu: '7' } }],
  deploymentAnnotations: [{ mark: 'mark' }],
  podAnnotations: [{ mark: 'mark' }],
  podLabels: [{ mark: 'mark' }],
  nodeSelector: [{ mark: 'mark' }],
  tolerations: [item],
  affinity: [{ nodeAffinity: {} }],
  topologySpreadConstraints: [item],
  priorityClassName: ['mark'],
  dnsPolicy: ['Default'],
  dnsConfig: [{ nameservers: ['192.0.2.1'] }],
  podSecurityContext: [{ runAsUser: 7 }],
  securityContext: [{ privileged: false }],
  startupProbe: [{ periodSeconds: 7 }],
  livenessProbe: [{ periodSeconds: 7 }],
  readinessProbe: [{ periodSeconds: 7 }],
  extraArgs: [['--mark']],
  extraEnv: [item],
  extraEnvFrom: [item],
  extraVolumes: [item],
  extraVolumeMounts: [item],
  'priorityClass.create': [true],
  'priorityClass.value': [7, { 'priorityClass.create': true }],
  'podDisruptionBudget.enabled': [false],
  'serviceAccount.create': [false, { 'serviceAccount.name': 'mark' }],
  'serviceAccount.name': ['mark'],
  'serviceAccount.annotations': [{ mark: 'mark' }],
  'serviceAccount.labels': [{ mark: 'mark' }],
  'rbac.create': [false],
  'service.annotations': [{ mark: 'mark' }],
  'service.port': [7],
  'networkPolicy.enabled': [true],
  'networkPolicy.from': [item, { 'networkPolicy.enabled': true }],
  'networkPolicy.apiServerPorts': [[7], { 'networkPolicy.enabled': true }],
  'networkPolicy.consul': [item, { 'networkPolicy.enabled': true }],
  'networkPolicy.agents': [item, { 'networkPolicy.enabled': true, 'config.registration.mode': 'agent' }],
  'networkPolicy.extraEgress': [item, { 'networkPolicy.enabled': true }],
  'serviceMonitor.enabled': [true],
  'serviceMonitor.additionalLabels': [{ mark: 'mark' }, { 'serviceMonitor.enabled': true }],
  'serviceMonitor.interval': ['7s', { 'serviceMonitor.enabled': true }],
  'serviceMonitor.scrapeTimeout': ['7s', { 'serviceMonitor.enabled': true }],
  'serviceMonitor.relabelings': [item, { 'serviceMonitor.enabled': true }],
  'serviceMonitor.metricRelabelings': [item, { 'serviceMonitor.enabled': true }],
  'podMonitor.enabled': [true],
  'podMonitor.additionalLabels': [{ mark: 'mark' }, { 'podMonitor.enabled': true }],
  'podMonitor.interval': ['7s', { 'podMonitor.enabled': true }],
  'podMonitor.scrapeTimeout': ['7s', { 'podMonitor.enabled': true }],
  'podMonitor.relabelings': [item, { 'podMonitor.enabled': true }],
  'podMonitor.metricRelabelings': [item, { 'podMonitor.enabled': true }],
  'prometheusRule.enabled': [true],
  'prometheusRule.labels': [{ mark: 'mark' }, { 'prometheusRule.enabled': true }],
  'prometheusRule.alertLabels': [{ mark: 'mark' }, { 'prometheusRule.enabled': true }],
  'prometheusRule.runbookUrl': ['https://mark', { 'prometheusRule.enabled': true }],
  'dashboard.enabled': [true],
  'dashboard.labels': [{ mark: 'mark' }, { 'dashboard.enabled': true }],
  'dashboard.annotations': [{ mark: 'mark' }, { 'dashboard.enabled': true }],
  'admissionPolicy.enabled': [false],
  'admissionPolicy.action': ['Deny'],
  'admissionPolicy.excludeNamespaces': [['mark']],
  'cleanup.onUninstall': [true],
  'cleanup.timeoutSeconds': [7, { 'cleanup.onUninstall': true }],
};

suite('every value of the chart does something:', () => {
  const values = readValues(readFileSync(join(chart, 'values.yaml'), 'utf8'));

  test('all of them are tried', () => {
    assert.deepEqual(Object.keys(others).sort(), values.map(({ path }) => path.join('.')).sort());
  });

  for (const [name, [value, beside = {}]] of Object.entries(others)) {
    test(name, async () => {
      const [without, withIt] = await Promise.all([rendered(beside), rendered({ ...beside, [name]: value })]);
      assert.notEqual(withIt, without);
    });
  }
});

suite('the notes after an installation', () => {
  /** Settings, and the one line there is because of them. */
  const warned: readonly (readonly [Settings, RegExp])[] = [
    [
      { 'config.consul.addresses': ['http://localhost:8500'] },
      /addresses: http:\/\/localhost:8500 is the pod itself/,
    ],
    [
      { 'config.consul.addresses': ['http://consul.example'] },
      /addresses: http:\/\/consul\.example is not https/,
    ],
    [
      { 'config.consul.verify': false },
      /consul\.verify: false; anyone on the network path can impersonate Consul/,
    ],
    [{ 'config.cluster.name': 'kubernetes' }, /cluster\.name: "kubernetes" is the default/],
    [{ 'config.sync.policy': 'dry-run' }, /policy: dry-run; nothing is written/],
    [{ 'config.sync.policy': 'upsert-only' }, /policy: upsert-only; instances that are gone stay/],
    [{ replicas: 0 }, /replicas: 0; nothing is running/],
    [{ replicas: 1 }, /replicas: 1; while the pod is replaced, changes wait/],
    [{ 'image.digest': '' }, /image\.digest: not set/],
    [{ 'admissionPolicy.action': 'Deny' }, /action: Deny; objects with mistakes/],
    [
      { 'cleanup.onUninstall': true },
      /cleanup\.onUninstall: true; helm uninstall removes every registration/,
    ],
    [{ 'rbac.create': false }, /rbac\.create: false; the rights in files\/rbac-rules\.yaml/],
    [{ 'config.guard.removals': false }, /guard\.removals: false; whatever is missing/],
    [{ 'config.guard.health': false }, /guard\.health: false; nodes that are cut off/],
    [{ 'resources.limits.cpu': '1' }, /resources\.limits\.cpu: set; throttling delays registrations/],
    [
      { 'config.consul.acl.authMethod': 'kubernetes' },
      /authMethod: logs in with the token for the API server; consulCredentials\.serviceAccountToken\.enabled/,
    ],
  ];
  const oldNames: readonly (readonly [Settings, RegExp])[] = [
    [
      { 'consul.tokenSecret.name': 'token' },
      /^- consul: is now called consulCredentials; the old name still works/,
    ],
    [{ 'image.pullSecrets': ['registry'] }, /^- image\.pullSecrets: is now called imagePullSecrets;/],
    [{ 'priorityClass.name': 'high' }, /^- priorityClass\.name: is now called priorityClassName;/],
    [
      { 'serviceMonitor.labels': { a: 'b' } },
      /^- serviceMonitor\.labels: .* serviceMonitor\.additionalLabels;/,
    ],
    [{ 'podMonitor.labels': { a: 'b' } }, /^- podMonitor\.labels: .* podMonitor\.additionalLabels;/],
  ];
  const prudent: Settings = {
    'config.cluster.name': 'prod',
    'config.consul.addresses': ['https://consul.example:8501'],
    'image.digest': `sha256:${'0'.repeat(64)}`,
  };
  const warnings = (text: string): string[] => text.split('\nWorth a look:\n')[1]?.trim().split('\n') ?? [];

  test('say nothing of prudent values', async () => {
    assert.deepEqual(warnings(await rendered(prudent)), []);
  });

  for (const [settings, message] of [...warned, ...oldNames]) {
    test(`warn of ${JSON.stringify(settings)}`, async () => {
      const lines = warnings(await rendered({ ...prudent, ...settings }));
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0]!, message);
    });
  }
});
