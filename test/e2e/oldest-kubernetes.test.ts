/**
 * The operator and its chart on the oldest Kubernetes that is supported, 1.30: what depends on the version of the API
 * server. Beside it, test/e2e/kube-contract.test.ts and test/e2e/cluster-stores.test.ts run on it in full.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse } from 'yaml';
import { pinnedVersion, programNamed } from '../servers/programs.ts';
import { annotationExamples } from '../support/annotation-examples.ts';
import { eventually } from '../support/eventually.ts';
import { admission, installPolicy, pathOf, pod, service, warningsAt } from '../support/real/admission.ts';
import { isPassing, readiness } from '../support/real/consul-reads.ts';
import { chart, type HelmObject, kustomize, objectsIn, root, template } from '../support/real/helm.ts';
import { HttpError } from '../support/real/http.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { Release } from '../support/real/release.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, isReady } from '../support/real/workloads.ts';

const apiserver = programNamed('kube-apiserver-oldest');
assert.ok(apiserver.origin === 'go');
const version = pinnedVersion(apiserver);
const patience = { timeoutMs: 60_000 };
const gate = 'kube-registrar.io/registered';

test('the oldest Kubernetes that is tried is the oldest that the chart takes', async () => {
  const { kubeVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as { kubeVersion: string };
  assert.equal(kubeVersion, `>=${version.replace(/\.\d+$/, '.0')}-0`);
});

suite('with the oldest Kubernetes, the operator', () => {
  let stage: Stage;

  before(async () => {
    stage = await startStage({
      kube: { oldest: true },
      config: { leaderElection: { enabled: true, namespace: 'kube-registrar' } },
    });
  });
  after(() => stage?.[Symbol.asyncDispose]());

  test('reads pages where lists are not streamed, and leads by a Lease', async () => {
    const { gitVersion } = await stage.kube.api.get<{ gitVersion: string }>('/version');
    assert.equal(gitVersion, `v${version}`);
    const { reflectors } = await stage.operator.status();
    assert.equal(reflectors.length, 4);
    for (const { resource, state, synced, error } of reflectors) {
      assert.deepEqual([state, synced, error], ['watching', true, null], resource);
    }
    // It says so once of each resource, and calls it no failure.
    assert.equal(stage.operator.logs('WatchListRefused').length, reflectors.length);
    await stage.eventually('it leads', async () => {
      const { leadership } = await stage.operator.status();
      assert.equal(leadership.state, 'leading');
      const path = '/apis/coordination.k8s.io/v1/namespaces/kube-registrar/leases/kube-registrar';
      const lease = await stage.kube.api.get<KubeObject & { spec: { holderIdentity: string } }>(path);
      assert.equal(lease.spec.holderIdentity, leadership.identity);
    });
  });

  test('registers pods and the endpoints of Services, follows readiness, and says so in Events', async () => {
    const shop = await stage.namespace('shop');
    await shop.deploy({ name: 'web', replicas: 3, annotations: { service: 'web', port: 'http' } });
    await shop.addService('front', { service: 'front', port: 'web' }, { app: 'web' });
    const [first] = await stage.allPassing('web', 3);
    await stage.allPassing('front', 3);

    const name = first!.Service.Meta['kube-pod']!;
    stage.kubelet.setUnready('shop', name, { reason: 'ProbeFailed', message: 'HTTP 503' });
    for (const service of ['web', 'front']) {
      await stage.eventually(`the pod is critical in ${service}`, async () => {
        const critical = (await stage.instances(service)).filter((entry) => !isPassing(entry));
        assert.deepEqual(
          critical.map(({ Service }) => Service.Meta['kube-pod']),
          [name],
        );
      });
    }
    const [critical] = (await stage.instances('web')).filter((entry) => !isPassing(entry));
    assert.equal(readiness(critical!)?.Output, 'ProbeFailed: HTTP 503');
    stage.kubelet.setReady('shop', name);
    await stage.allPassing('web', 3);
    await stage.allPassing('front', 3);

    await stage.eventually('the pod says where it is registered', async () => {
      const selector = encodeURIComponent(`involvedObject.name=${name}`);
      const path = `/api/v1/namespaces/shop/events?fieldSelector=${selector}`;
      const { items } = await stage.kube.api.get<KubeList<KubeObject & { reason: string }>>(path);
      assert.ok(items.some(({ reason }) => reason === 'Registered'));
    });
  });

  test('opens the readiness gate of a pod that is registered', async () => {
    const gated = await stage.namespace('gated');
    await stage.kube.api.post(gated.podsPath, {
      metadata: { name: 'web', annotations: annotations({ service: 'gated', port: '8080' }) },
      spec: { containers: [{ name: 'main', image: 'main' }], readinessGates: [{ conditionType: gate }] },
    });
    await stage.allPassing('gated', 1);
    await stage.eventually('the pod is ready', async () =>
      assert.deepEqual((await gated.pods()).map(isReady), [true]),
    );
  });

  test('keeps what is registered while the API server is away, and catches up', async () => {
    const shop = stage.known('shop');
    const before = await stage.allPassing('web', 3);
    const gone = before[0]!.Service.Meta['kube-pod']!;
    await shop.scale('web', 4);
    await stage.allPassing('web', 4);
    await stage.kube.stopApiserver();
    await stage.eventually('it notices', async () => {
      const { kubernetes } = await stage.operator.status();
      assert.equal(kubernetes.up, false);
    });
    await stage.allPassing('web', 4);
    await stage.kube.startApiserver();
    await shop.deletePod(gone);
    await stage.eventually('the deleted pod is replaced', async () => {
      const entries = await stage.allPassing('web', 4);
      assert.ok(!entries.some(({ Service }) => Service.Meta['kube-pod'] === gone));
    });
  });

  test('removes what has vanished without an event, once consistent reads confirm it', async () => {
    const shop = stage.known('shop');
    await shop.addPod('lost', { service: 'lost', port: 'http' });
    await stage.allPassing('lost', 1);
    await stage.kube.stopApiserver();
    await stage.kube.vanish('/registry/pods/shop/lost');
    await stage.kube.startApiserver();
    await stage.gone('lost');
    await stage.allPassing('web', 4);
  });

  test('removes what is gone', async () => {
    await stage.known('shop').delete();
    await stage.gone('web');
    await stage.gone('front');
  });
});

suite('the oldest Kubernetes', () => {
  let kube: Kube;

  before(async () => {
    kube = await startKube({ oldest: true });
  });
  after(() => kube?.stop());

  const golden = join(root, 'test/golden/chart');
  const cases = readdirSync(golden).flatMap((file) => /^(.*)\.values\.yaml$/.exec(file)?.[1] ?? []);
  for (const name of cases) {
    test(`takes every field of the chart with ${name}.values.yaml`, async () => {
      const values = join(golden, `${name}.values.yaml`);
      await takesAll(kube, objectsIn(await template('--values', values, '--kube-version', version)));
    });
  }

  for (const overlay of ['dev', 'namespaced', 'production']) {
    test(`takes every field of manifests/overlays/${overlay}`, async () => {
      await takesAll(kube, objectsIn(await kustomize(`overlays/${overlay}`)));
    });
  }

  test('lets helm install the chart, change it and take it away', async () => {
    const config = {
      leaderElection: { enabled: true },
      consul: { addresses: ['http://consul.example:8500'] },
    };
    const release = await Release.install(kube, 'installed', { config });
    const path = '/apis/apps/v1/namespaces/installed/deployments/kube-registrar';
    const replicas = async () =>
      (await kube.api.get<KubeObject & { spec: { replicas: number } }>(path)).spec.replicas;
    assert.equal(await replicas(), 2);
    await release.upgrade({ config, replicas: 3 });
    assert.equal(await replicas(), 3);
    await release.helm('uninstall', release.name);
    assert.equal(await kube.api.find(path), undefined);
  });

  test('warns by the admission policies of just what the operator refuses or doubts', async () => {
    const warned = 'warned';
    await kube.api.post('/api/v1/namespaces', { metadata: { name: warned } });
    for (const object of await admission()) await installPolicy(kube.api, object, warned);
    const warnings = (object: { readonly kind: string }) =>
      warningsAt(kube.api, pathOf(object.kind, warned), object);
    for (const wrong of [pod, service].map((kind) => kind({ service: 'a_b' }))) {
      await eventually(async () => assert.notDeepEqual(await warnings(wrong), []), {
        ...patience,
        what: `the policies for a ${wrong.kind} are at work`,
      });
    }
    for (const { title, on = 'Pod', annotations: fields, refused, doubted, unseen } of annotationExamples) {
      const said = await warnings(on === 'Pod' ? pod(fields) : service(fields));
      const field = unseen === undefined ? (refused ?? doubted) : undefined;
      assert.equal(said.length > 0, field !== undefined, `${title}: ${said}`);
    }
  });
});

/** Groups of custom resources, which are not installed. */
const notServed = new Set(['monitoring.coreos.com/v1']);

/** Creates the objects in a dry run that refuses every field that the server does not know. */
async function takesAll(kube: Kube, objects: readonly HelmObject[]): Promise<void> {
  assert.notEqual(objects.length, 0);
  for (const object of objects) {
    const { apiVersion = '', kind, metadata } = object;
    if (notServed.has(apiVersion)) continue;
    if (kind === 'Namespace') {
      await ensureNamespace(kube, metadata.name);
      continue;
    }
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { resources } = await kube.api.get<{
      resources: { kind: string; name: string; namespaced: boolean }[];
    }>(group);
    const resource = resources.find((each) => each.kind === kind && !each.name.includes('/'));
    assert.ok(resource, `${apiVersion} ${kind} is served`);
    const namespace = metadata.namespace ?? 'default';
    if (resource.namespaced) await ensureNamespace(kube, namespace);
    const where = resource.namespaced ? `/namespaces/${namespace}` : '';
    const path = `${group}${where}/${resource.name}?dryRun=All&fieldValidation=Strict`;
    await kube.api.post(path, object).catch((error: unknown) => {
      const text = error instanceof HttpError ? error.body : String(error);
      assert.fail(`${kind} ${metadata.name}: ${text}`);
    });
  }
}

async function ensureNamespace(kube: Kube, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  if ((await kube.api.find(path)) === undefined)
    await kube.api.post('/api/v1/namespaces', { metadata: { name } });
}
