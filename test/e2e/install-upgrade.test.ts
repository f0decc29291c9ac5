/**
 * From every chart that was released to the one in this checkout, by the real helm. Released charts lie in
 * test/golden/chart/releases/VERSION as `helm package` made them, with values that were good for them: add one
 * when Chart.yaml's version is raised.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { chart, type HelmObject, helm, objectsIn, root } from '../support/real/helm.ts';
import { imageUnavailable } from '../support/real/image.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import { Release, type Values } from '../support/real/release.ts';
import { Namespace } from '../support/real/workloads.ts';

const releases = join(root, 'test/golden/chart/releases');

interface Released {
  readonly version: string;
  /** The packaged chart. */
  readonly path: string;
  /** Names of the sets of values. */
  readonly cases: readonly string[];
}

const released: readonly Released[] = readdirSync(releases).map((version) => ({
  version,
  path: join(releases, version, 'chart.tgz'),
  cases: readdirSync(join(releases, version)).flatMap((file) => /^(.*)\.values\.yaml$/.exec(file)?.[1] ?? []),
}));
const valuesFile = (version: string, name: string): string => join(releases, version, `${name}.values.yaml`);

async function rendered(chartPath: string, values: string): Promise<Map<string, HelmObject>> {
  const text = await helm(
    'template',
    'kube-registrar',
    chartPath,
    '-n',
    'kube-registrar',
    '--values',
    values,
  );
  return new Map(
    objectsIn(text).map((object) => [
      `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`,
      object,
    ]),
  );
}

/** What the API server lets nobody change in an object that is there. */
function immutable(object: HelmObject): unknown {
  const spec = object['spec'] as Record<string, unknown> | undefined;
  switch (object.kind) {
    case 'Deployment':
      return spec?.['selector'];
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return object['roleRef'];
    case 'Service':
      return spec?.['clusterIP'];
    case 'PriorityClass':
      return object['value'];
    default:
      return undefined;
  }
}

for (const { version, path, cases } of released) {
  suite(`an upgrade from chart ${version}`, () => {
    test('is to a higher version', () => {
      const { version: current } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
        version: string;
      };
      assert.equal(
        [version, current].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))[1],
        current,
      );
      assert.notEqual(version, current);
    });

    for (const name of cases) {
      test(`takes its ${name}.values.yaml, and changes nothing that cannot be changed`, async () => {
        const values = valuesFile(version, name);
        const [before, now] = await Promise.all([rendered(path, values), rendered(chart, values)]);
        assert.deepEqual(
          [...before.keys()].filter((key) => !now.has(key)),
          [],
          'objects that would be lost',
        );
        for (const [key, object] of before) {
          assert.deepEqual(immutable(now.get(key)!), immutable(object), key);
        }
      });
    }

    test('takes all of its defaults when they are given', async () => {
      const defaults = parse(await helm('show', 'values', path)) as Values;
      const sets = Object.entries(defaults).flatMap(([key, value]) => [
        '--set-json',
        `${key}=${JSON.stringify(value)}`,
      ]);
      await helm('template', 'kube-registrar', chart, ...sets);
    });
  });
}

suite('with a cluster', { skip: imageUnavailable }, () => {
  const started = new AsyncDisposableStack();
  let kube: Kube;
  let consul: Consul;

  before(async () => {
    [kube, consul] = await Promise.all([startKube(), startConsul()]);
    started.use(kube);
    started.use(consul);
    started.use(await startKubelet(kube.api));
    const shop = await Namespace.create(kube.api, 'shop');
    await Namespace.create(kube.api, 'search');
    await shop.deploy({ name: 'web', replicas: 3, annotations: { service: 'web', port: 'http' } });
  });
  after(() => started.disposeAsync());

  /** When each instance came, by its id. */
  async function registered(): Promise<Record<string, number>> {
    return eventually(
      async () => {
        const found = (await instances(consul, 'web')).filter(isPassing);
        assert.equal(found.length, 3);
        return Object.fromEntries(found.map(({ Service }) => [Service.ID, Service.CreateIndex]));
      },
      { timeoutMs: 60_000, what: '3 instances of web' },
    );
  }

  const uid = async (path: string): Promise<string | undefined> => (await kube.api.find(path))?.metadata.uid;

  for (const { version, path } of released) {
    test(`an upgrade from ${version} and back replaces nothing, in Kubernetes or in Consul`, async () => {
      const namespace = `from-${version.replaceAll('.', '-')}`;
      const config = { consul: { addresses: [consul.url] }, leaderElection: { enabled: true } };
      const release = await Release.install(kube, namespace, { config }, path);
      const kept = [
        `/apis/apps/v1/namespaces/${namespace}/deployments/kube-registrar`,
        `/api/v1/namespaces/${namespace}/services/kube-registrar`,
        `/api/v1/namespaces/${namespace}/serviceaccounts/kube-registrar`,
        `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/kube-registrar`,
      ];
      const uids = await Promise.all(kept.map(uid));
      assert.ok(uids.every((found) => found !== undefined));
      let since: Record<string, number>;
      {
        await using old = await release.operator();
        await old.start();
        await old.ready();
        since = await registered();

        await release.upgrade({ config });
        assert.deepEqual(await Promise.all(kept.map(uid)), uids);
        // The old pod ends when the new one is ready, as the Deployment has it.
        await using upgraded = await release.operator();
        await upgraded.start();
        await upgraded.ready();
        await old.stop();
        assert.deepEqual(await registered(), since);
      }
      await release.helm('rollback', 'kube-registrar', '1');
      await using back = await release.operator();
      await back.start();
      await back.ready();
      assert.deepEqual(await registered(), since);
      assert.deepEqual(await Promise.all(kept.map(uid)), uids);
    });

    test(`an upgrade from ${version} with everything switched on goes through`, async () => {
      const namespace = `all-${version.replaceAll('.', '-')}`;
      const values = parse(readFileSync(valuesFile(version, 'everything'), 'utf8')) as Values;
      // Without kinds of the Prometheus operator, which is not here.
      const here = { ...values, podMonitor: {}, prometheusRule: {} };
      const release = await Release.install(kube, namespace, here, path);
      await release.upgrade(here);
      assert.match(await release.helm('history', 'kube-registrar'), /2\s.*deployed/);
    });
  }
});
