/**
 * The chart as helm reads it: golden files, refused values, and the plain manifests beside it.
 *
 * Golden files are written by: UPDATE_GOLDEN=1 node --test test/e2e/install-chart.test.ts
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import type { PolicyRule } from '../../helm/rbac-rules.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { chart, type HelmObject, helm, kustomize, objectsIn, root, template } from '../support/real/helm.ts';

const golden = join(root, 'test/golden/chart');
const cases = readdirSync(golden).flatMap((file) => /^(.*)\.values\.yaml$/.exec(file)?.[1] ?? []);
const valuesOf = (name: string): string => join(golden, `${name}.values.yaml`);
const regenerate =
  'is not what the chart renders; run: UPDATE_GOLDEN=1 node --test test/e2e/install-chart.test.ts';

suite('the chart', () => {
  for (const name of cases) {
    test(`passes helm lint with ${name}.values.yaml`, async () => {
      await helm('lint', '--strict', chart, '--values', valuesOf(name));
    });

    test(`renders ${name}.values.yaml as in ${name}.yaml`, async () => {
      const rendered = await template('--values', valuesOf(name));
      const file = join(golden, `${name}.yaml`);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, rendered);
      assert.equal(rendered, readFileSync(file, 'utf8'), `test/golden/chart/${name}.yaml ${regenerate}`);
    });
  }

  test('gives no right on Secrets, and no right to everything', async () => {
    for (const name of cases) {
      const rules = objectsIn(await template('--values', valuesOf(name))).flatMap(
        (object) => (object['rules'] as { resources?: string[]; verbs?: string[] }[] | undefined) ?? [],
      );
      for (const { resources = [], verbs = [] } of rules) {
        assert.ok(![...resources, ...verbs].some((word) => word === '*' || word.startsWith('secrets')));
      }
    }
  });

  test('keeps the selector of every release there was: it cannot be changed by an upgrade', async () => {
    const deployment = objectsIn(await template()).find(({ kind }) => kind === 'Deployment');
    const { selector } = deployment!['spec'] as { selector: unknown };
    assert.deepEqual(selector, {
      matchLabels: {
        'app.kubernetes.io/name': 'kube-registrar',
        'app.kubernetes.io/instance': 'kube-registrar',
      },
    });
  });

  test('gives two releases different names outside their namespaces', async () => {
    const outside = async (namespace: string) =>
      objectsIn(await helm('template', 'kube-registrar', chart, '--namespace', namespace)).flatMap(
        ({ kind, metadata }) => (metadata.namespace === undefined ? [`${kind}/${metadata.name}`] : []),
      );
    const [one, two] = await Promise.all([outside('one'), outside('two')]);
    assert.deepEqual(
      one.filter((name) => two.includes(name)),
      [],
    );
  });

  test('takes values under the names they had before', async () => {
    const old = {
      consul: { tokenSecret: { name: 'token' }, caBundle: { secret: 'ca', key: 'bundle' } },
      image: { pullSecrets: ['registry'] },
      priorityClass: { name: 'high' },
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    };
    const now = {
      consulCredentials: old.consul,
      imagePullSecrets: [{ name: 'registry' }],
      priorityClassName: 'high',
      serviceMonitor: { enabled: true, additionalLabels: { release: 'prometheus' } },
    };
    const rendered = (values: unknown) => template(...setting(values));
    assert.equal(await rendered(old), await rendered(now));
  });

  test('gives its Jobs the same DNS as the operator', async () => {
    const values = {
      cleanup: { onUninstall: true },
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.96.0.10'] },
    };
    const pods = objectsIn(await template(...setting(values))).flatMap((object) => {
      const { template } = (object['spec'] ?? {}) as { template?: { spec: Record<string, unknown> } };
      return template === undefined ? [] : [template.spec];
    });
    assert.equal(pods.length, 3);
    for (const { dnsPolicy, dnsConfig } of pods) {
      assert.deepEqual({ dnsPolicy, dnsConfig }, { dnsPolicy: 'None', dnsConfig: values.dnsConfig });
    }
  });

  test('lets its clean-up look at the Lease of the operator that runs', async () => {
    const cleanup = { onUninstall: true };
    const granted = async (leaderElection: object) => {
      const objects = objectsIn(
        await template(...setting({ cleanup, replicas: 1, config: { leaderElection } })),
      );
      const [config] = objects.flatMap(({ kind, metadata, data }) =>
        kind === 'ConfigMap' && metadata.name === 'kube-registrar-cleanup'
          ? [
              resolveConfig({
                file: { name: 'config', text: (data as Record<string, string>)['config.yaml']! },
                environment: {},
                flags: {},
              }).config,
            ]
          : [],
      );
      const roles = objects.filter(
        ({ kind, metadata }) => kind === 'Role' && metadata.name === 'kube-registrar-cleanup',
      );
      assert.deepEqual(
        roles.map(({ rules }) => rules),
        [
          [
            {
              apiGroups: ['coordination.k8s.io'],
              resources: ['leases'],
              resourceNames: [config!.leaderElection.leaseName],
              verbs: ['get'],
            },
          ],
        ],
      );
      const [binding] = objects.filter(
        ({ kind, metadata }) => kind === 'RoleBinding' && metadata.name === 'kube-registrar-cleanup',
      );
      assert.equal(binding!.metadata.namespace, roles[0]!.metadata.namespace);
      assert.equal(roles[0]!.metadata.annotations?.['helm.sh/hook'], 'post-delete');
      return roles[0]!.metadata.namespace;
    };
    assert.equal(await granted({ enabled: true }), 'kube-registrar');
    assert.equal(await granted({ enabled: false }), 'kube-registrar');
    assert.equal(await granted({ enabled: true, leaseName: 'other', namespace: 'leases' }), 'leases');
  });

  test('makes no priority class when the name of another is given', async () => {
    const values = { priorityClass: { create: true }, priorityClassName: 'system-cluster-critical' };
    const objects = objectsIn(await template(...setting(values)));
    assert.ok(objects.every(({ kind }) => kind !== 'PriorityClass'));
  });

  test('leaves the ids of its pods to OpenShift', async () => {
    const contexts = async (...args: string[]) =>
      objectsIn(await template(...setting({ cleanup: { onUninstall: true } }), ...args)).flatMap((object) => {
        const { template } = (object['spec'] ?? {}) as { template?: { spec: { securityContext: object } } };
        return template === undefined ? [] : [Object.keys(template.spec.securityContext).sort()];
      });
    const kept = ['runAsNonRoot', 'seccompProfile'];
    const all = ['fsGroup', 'runAsGroup', 'runAsNonRoot', 'runAsUser', 'seccompProfile'];
    assert.deepEqual(await contexts(), [all, all, all]);
    assert.deepEqual(await contexts('--api-versions', 'security.openshift.io/v1'), [kept, kept, kept]);
  });

  test('puts everything into namespaceOverride', async () => {
    const values = { namespaceOverride: 'elsewhere', cleanup: { onUninstall: true } };
    const namespaces = objectsIn(await template(...setting(values))).map(
      ({ metadata }) => metadata.namespace,
    );
    assert.deepEqual([...new Set(namespaces)].filter((namespace) => namespace !== undefined).sort(), [
      'elsewhere',
      'kube-node-lease',
    ]);
  });

  test('fills in templates in further objects', async () => {
    const named = '{{ include "kube-registrar.fullname" . }}-extra';
    const extraObjects = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: named } },
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text-${named}\n`,
    ];
    const names = objectsIn(await template(...setting({ extraObjects }))).map(
      ({ metadata }) => metadata.name,
    );
    for (const prefix of ['', 'text-']) assert.ok(names.includes(`${prefix}kube-registrar-extra`));
  });
});

/** Arguments that set these values. */
const setting = (values: unknown): string[] =>
  Object.entries(values as object).flatMap(([key, value]) => [
    '--set-json',
    `${key}=${JSON.stringify(value)}`,
  ]);

suite('the chart refuses', () => {
  const refused: readonly (readonly [what: string, values: readonly string[], message: RegExp])[] = [
    ['an unknown value', ['replica=2'], /additional properties 'replica' not allowed/],
    [
      'one value under two names',
      ['consul.tokenSecret.name=old', 'consulCredentials.tokenSecret.name=new'],
      /one value under its old and its new name; remove consul\.tokenSecret\.name/,
    ],
    [
      'the values of an older chart alone',
      ['consulCredentials=null'],
      /upgrade with --reset-then-reuse-values/,
    ],
    [
      'an argument that the chart sets',
      ['extraArgs={--listen=:9}'],
      /extraArgs: --listen=:9 is set by the chart/,
    ],
    [
      'an argument that the clean-up does not get',
      ['cleanup.onUninstall=true', 'extraArgs={--cluster-uid=x}'],
      /extraArgs: --cluster-uid=x would not reach the clean-up/,
    ],
    [
      'a probe that Kubernetes refuses',
      ['readinessProbe.terminationGracePeriodSeconds=5'],
      /additional properties 'terminationGracePeriodSeconds' not allowed/,
    ],
    ['a probe of its own', ['livenessProbe.exec.command={true}'], /additional properties 'exec' not allowed/],
    [
      'an unknown key of the configuration',
      ['config.consul.adresses={x}'],
      /at '\/config\/consul'.*'adresses'/,
    ],
    [
      'a policy there is not',
      ['config.sync.policy=mirror'],
      /at '\/config\/sync\/policy'.*'sync', 'upsert-only'/,
    ],
    [
      'an address that is no list',
      ['config.consul.addresses=http://consul:8500'],
      /at '\/config\/consul\/addresses'.*want array/,
    ],
    [
      'an address without a scheme',
      ['config.consul.addresses={consul.example:8500}'],
      /at '\/config\/consul\/addresses\/0'.*does not match pattern/,
    ],
    [
      'a duration without a unit',
      ['config.sync.fullComparisonInterval=60'],
      /at '\/config\/sync\/fullComparisonInterval'/,
    ],
    [
      'a unit of time there is not',
      ['config.guard.window=1d'],
      /at '\/config\/guard\/window'.*does not match pattern/,
    ],
    [
      'a login beside a token',
      ['config.consul.acl.authMethod=k', 'consulCredentials.tokenSecret.name=t'],
      /authMethod: a token is set as well.*keep the login or the token/,
    ],
    [
      'a certificate without its key',
      ['config.consul.certFile=/a'],
      /certFile and keyFile: one is of no use without the other/,
    ],
    ['a number of replicas that is none', ['replicas=two'], /at '\/replicas'/],
    ['a digest that is a tag', ['image.digest=1.2.3'], /at '\/image\/digest'/],
    [
      'an action that is none',
      ['admissionPolicy.action=Audit'],
      /at '\/admissionPolicy\/action'.*'Warn', 'Deny'/,
    ],
    [
      'a ServiceAccount token shorter than the API server grants',
      ['consulCredentials.serviceAccountToken.expirationSeconds=60'],
      /expirationSeconds/,
    ],
    [
      'a token in the configuration',
      ['config.consul.token=secret'],
      /consul\.token: would stand in a ConfigMap.*tokenSecret/,
    ],
    [
      'a token for agents over plain http',
      ['config.registration.mode=agent', 'consulCredentials.tokenSecret.name=t'],
      /config\.registration\.agent\.scheme: the token would go to .* port.*allowPlaintextToken/,
    ],
    ['a listen address', ['config.server.listen=:9'], /config\.server\.listen: set by the chart/],
    [
      'a file given twice',
      ['config.consul.caFile=/a', 'consulCredentials.caBundle.secret=b'],
      /config\.consul\.caFile.*keep one/,
    ],
    [
      'a login token without a login',
      ['consulCredentials.serviceAccountToken.enabled=true'],
      /name the auth method in config\.consul\.acl\.authMethod/,
    ],
    [
      'two sources of authorities',
      ['consulCredentials.caBundle.secret=a', 'consulCredentials.caBundle.configMap=b'],
      /configMap and secret are both set/,
    ],
    [
      'namespaces without a uid',
      ['config.kubernetes.namespaces={a}'],
      /config\.cluster\.uid: is needed.*kubectl get namespace/,
    ],
    [
      'two writers without an election',
      ['config.leaderElection.enabled=false'],
      /replicas: more than one needs leader election/,
    ],
    [
      'two kinds of monitor',
      ['serviceMonitor.enabled=true', 'podMonitor.enabled=true'],
      /scrape every pod twice/,
    ],
    ['an account of somebody else without its name', ['serviceAccount.create=false'], /serviceAccount\.name/],
  ];
  for (const [what, values, message] of refused) {
    test(what, async () => {
      await assert.rejects(
        template(...values.flatMap((value) => ['--set', value])),
        ({ message: text }: Error) => {
          assert.match(text.replaceAll('\n', ' '), message);
          return true;
        },
      );
    });
  }

  test('several mistakes at once, all told', async () => {
    const args = [
      '--set',
      'config.leaderElection.enabled=false,config.server.listen=:9,config.consul.token=x',
    ];
    await assert.rejects(template(...args), /server\.listen.*consul\.token.*replicas/s);
  });
});

suite('manifests/ is the same as the chart:', () => {
  const same: Readonly<Record<string, string>> = {
    base: 'default',
    'overlays/dev': 'dev',
    'overlays/production': 'production',
    'overlays/namespaced': 'namespaced',
  };
  for (const [directory, values] of Object.entries(same)) {
    test(`${directory} as with ${values}.values.yaml`, async () => {
      const [plain, charted] = await Promise.all([
        kustomize(directory).then(objectsIn),
        template('--values', valuesOf(values)).then(objectsIn),
      ]);
      assert.deepEqual(
        comparable(plain.filter(({ kind }) => kind !== 'Namespace')),
        comparable(charted.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === undefined)),
        `manifests/${directory} differs from the chart; run: npm run manifests, or edit the overlay`,
      );
    });
  }
});

/** By kind and name, without what only helm or only kustomize writes. */
function comparable(objects: readonly HelmObject[]): Record<string, unknown> {
  const text = JSON.stringify(objects, (key, value: unknown) => {
    if (/^(helm\.sh\/chart|app\.kubernetes\.io\/(managed-by|version)|checksum\/config)$/.test(key))
      return undefined;
    // The configuration as it is read, whatever its comments; its name without kustomize's hash.
    if (key === 'config.yaml') return parse(value as string);
    return typeof value === 'string'
      ? value.replace(/^kube-registrar-[a-z0-9]{10}$/, 'kube-registrar')
      : value;
  });
  const normal = JSON.parse(text, (_key, value: unknown) => sorted(value)) as HelmObject[];
  return Object.fromEntries(
    normal
      .map(({ kind, metadata, rules, ...others }) => {
        const rest = rules === undefined ? others : { ...others, rights: rights(rules as PolicyRule[]) };
        const { annotations = {}, ...named } = metadata;
        const kept = Object.keys(annotations).length > 0 ? { annotations } : {};
        return [
          `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
          { ...rest, ...named, ...kept },
        ] as const;
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What rules allow, one line each, however they are grouped. */
function rights(rules: readonly PolicyRule[]): string[] {
  const lines = rules.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource} ${resourceNames}`)),
    ),
  );
  return lines.sort();
}

/** Keys and volumes in order, empty annotations of pod templates dropped. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(
    ([key, item]) => key !== 'annotations' || Object.keys((item as object) ?? {}).length > 0,
  );
  return Object.fromEntries(
    entries
      .map(([key, item]) => [key, key === 'volumes' ? [...item].sort(byName) : item] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
