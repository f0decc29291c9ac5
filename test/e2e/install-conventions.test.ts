/** The values that people know from other charts, all of them at once: where each of them ends up. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { chart, type HelmObject, helm, objectsIn, template } from '../support/real/helm.ts';

const probe = { periodSeconds: 7, timeoutSeconds: 6, failureThreshold: 5 };
const relabelings = [{ action: 'keep', sourceLabels: ['__meta_kubernetes_pod_name'], regex: 'a.*' }];
const values = {
  namespaceOverride: 'elsewhere',
  commonLabels: { 'example.com/team': 'shop' },
  image: { registry: 'registry.example', repository: 'tools/kube-registrar', tag: '9.9.9' },
  imagePullSecrets: [{ name: 'pull' }],
  podSecurityContext: { fsGroup: 7, supplementalGroups: [8] },
  securityContext: { runAsUser: 9 },
  serviceMonitor: {
    enabled: true,
    additionalLabels: { release: 'prometheus' },
    interval: '30s',
    scrapeTimeout: '5s',
    relabelings,
    metricRelabelings: relabelings,
  },
  extraArgs: ['--log-level=debug'],
  deploymentAnnotations: { 'example.com/note': 'deployment' },
  priorityClassName: 'system-cluster-critical',
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  dnsPolicy: 'Default',
  serviceAccount: { labels: { 'example.com/account': 'yes' }, annotations: { 'example.com/role': 'r' } },
  extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'further' } }],
  cleanup: { onUninstall: true },
};
const setting = Object.entries(values).flatMap(([key, value]) => [
  '--set-json',
  `${key}=${JSON.stringify(value)}`,
]);

interface PodSpec {
  readonly imagePullSecrets: unknown;
  readonly priorityClassName?: string;
  readonly dnsPolicy: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly [probe: `${string}Probe`]: Readonly<Record<string, unknown>> | undefined;
}

suite('by the conventions of charts,', () => {
  let objects: readonly HelmObject[];
  let deployment: HelmObject;
  let operator: PodSpec;
  /** Of the Deployment, of the test and of the clean-up. */
  let pods: readonly PodSpec[];

  before(async () => {
    objects = objectsIn(await template(...setting));
    deployment = objects.find(({ kind }) => kind === 'Deployment')!;
    const specOf = (object: HelmObject) =>
      (object['spec'] as { template?: { spec: PodSpec } } | undefined)?.template?.spec;
    operator = specOf(deployment)!;
    pods = objects.flatMap((object) => specOf(object) ?? []);
    assert.equal(pods.length, 3);
  });

  test('helm lint --strict has nothing to say', async () => {
    assert.match(
      await helm('lint', '--strict', chart, ...setting),
      /1 chart\(s\) linted, 0 chart\(s\) failed/,
    );
  });

  test('commonLabels are on every object, and in no selector', () => {
    for (const { kind, metadata } of objects) {
      if (metadata.name === 'further') continue;
      assert.equal(metadata.labels?.['example.com/team'], 'shop', `${kind} ${metadata.name}`);
    }
    const { selector } = deployment['spec'] as { selector: object };
    assert.doesNotMatch(JSON.stringify(selector), /example\.com/);
  });

  test('namespaceOverride is where everything is that is in a namespace', () => {
    const found = new Set(objects.map(({ metadata }) => metadata.namespace));
    assert.deepEqual([...found].filter((name) => name !== undefined).sort(), [
      'elsewhere',
      'kube-node-lease',
    ]);
    for (const { subjects } of objects as readonly { subjects?: readonly { namespace: string }[] }[]) {
      for (const { namespace } of subjects ?? []) assert.equal(namespace, 'elsewhere');
    }
  });

  test('image.registry, imagePullSecrets and dnsPolicy are for all pods', () => {
    for (const { containers, initContainers = [], imagePullSecrets, dnsPolicy } of pods) {
      for (const { image } of [...containers, ...initContainers]) {
        assert.equal(image, 'registry.example/tools/kube-registrar:9.9.9');
      }
      assert.deepEqual(imagePullSecrets, [{ name: 'pull' }]);
      assert.equal(dnsPolicy, 'Default');
    }
  });

  test('podSecurityContext and securityContext are merged over what is restricted', () => {
    for (const { securityContext, containers, initContainers = [] } of pods) {
      const { fsGroup, supplementalGroups, runAsNonRoot, seccompProfile } = securityContext;
      assert.deepEqual([fsGroup, supplementalGroups, runAsNonRoot], [7, [8], true]);
      assert.deepEqual(seccompProfile, { type: 'RuntimeDefault' });
      for (const container of [...containers, ...initContainers]) {
        const { runAsUser, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } =
          container.securityContext;
        assert.deepEqual([runAsUser, allowPrivilegeEscalation, readOnlyRootFilesystem], [9, false, true]);
        assert.deepEqual(capabilities, { drop: ['ALL'] });
      }
    }
  });

  test('extraArgs come after the arguments of the chart, on the operator alone', () => {
    const [{ args }] = operator.containers as [Container];
    assert.equal(args.at(-1), '--log-level=debug');
    const others = pods.filter((pod) => pod !== operator).flatMap(({ containers }) => containers);
    assert.ok(others.every((container) => !container.args?.includes('--log-level=debug')));
  });

  test('each probe takes its settings, and keeps what it asks', () => {
    const [container] = operator.containers as [Container];
    for (const [name, path] of [
      ['startupProbe', '/healthz'],
      ['livenessProbe', '/healthz'],
      ['readinessProbe', '/readyz'],
    ] as const) {
      const { httpGet, ...settings } = container[name]!;
      assert.equal((httpGet as { path: string }).path, path);
      for (const [key, value] of Object.entries(probe)) assert.equal(settings[key], value, `${name}.${key}`);
    }
  });

  test('deploymentAnnotations, priorityClassName and serviceAccount.labels are where they belong', () => {
    assert.equal(deployment.metadata.annotations?.['example.com/note'], 'deployment');
    assert.equal(operator.priorityClassName, 'system-cluster-critical');
    const account = objects.find(
      ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'kube-registrar',
    );
    assert.equal(account?.metadata.labels?.['example.com/account'], 'yes');
    assert.equal(account?.metadata.annotations?.['example.com/role'], 'r');
  });

  test('the ServiceMonitor has its labels, times and relabelings', () => {
    const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor')!;
    assert.equal(monitor.metadata.labels?.['release'], 'prometheus');
    const [endpoint] = (monitor['spec'] as { endpoints: readonly Readonly<Record<string, unknown>>[] })
      .endpoints;
    assert.deepEqual(
      [
        endpoint?.['interval'],
        endpoint?.['scrapeTimeout'],
        endpoint?.['relabelings'],
        endpoint?.['metricRelabelings'],
      ],
      ['30s', '5s', relabelings, relabelings],
    );
  });

  test('extraObjects are installed with the rest', () => {
    assert.ok(objects.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'further'));
  });
});
