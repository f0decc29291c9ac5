/**
 * The chart installed by the real helm into a real API server, and the operator in its image with exactly what a
 * pod of it gets: token, rights and configuration. Every right is used; each one missing is named, and costs no
 * registration.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PolicyRule } from '../../helm/rbac-rules.ts';
import { eventually } from '../support/eventually.ts';
import { AuditLog } from '../support/real/audit.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { chart, helm, objectsIn, root } from '../support/real/helm.ts';
import { ImageProcess, imageUnavailable } from '../support/real/image.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { type Kubelet, type Pod, startKubelet } from '../support/real/kubelet.ts';
import { annotations, Namespace } from '../support/real/workloads.ts';

const patience = { timeoutMs: 60_000 };
const rbac = '/apis/rbac.authorization.k8s.io/v1';

let dir: string;
let audit: AuditLog;
let kube: Kube;
let kubelet: Kubelet;
let consul: Consul;
/** Namespaces in which something happens for every right there is. */
const busy: Namespace[] = [];

before(async () => {
  if (imageUnavailable) return;
  dir = await dataDir('install');
  audit = await AuditLog.create(dir);
  // A server with WatchList never sees a list, and one without it is what the right to list is for.
  const apiserverArgs = [...audit.apiserverArgs, '--feature-gates=WatchList=false'];
  [kube, consul] = await Promise.all([startKube({ apiserverArgs }), startConsul()]);
  kubelet = await startKubelet(kube.api);
  const shop = await addBusy('shop');
  await shop.deploy({ name: 'web', replicas: 3, annotations: { service: 'web', port: 'http' } });
  await shop.addService('search', { service: 'true', port: 'web' }, { app: 'web' });
});

after(async () => {
  await kubelet?.stop();
  await Promise.all([kube?.stop(), consul?.stop()]);
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function addBusy(name: string): Promise<Namespace> {
  const namespace = await Namespace.create(kube.api, name);
  await namespace.addPod('doubtful', { service: 'doubtful', port: 'http' });
  busy.push(namespace);
  return namespace;
}

let mistaken = false;

/** A mistake made or mended at each call, for which Events are written: the first, and more of its series. */
async function stir(): Promise<void> {
  mistaken = !mistaken;
  for (const namespace of busy) await namespace.annotatePod('doubtful', { weight: mistaken ? '0' : null });
}

/** Pods whose readiness waits for their registration: their status is patched, once. */
async function addGatedPods(name: string): Promise<void> {
  const pod = {
    metadata: { name, annotations: annotations({ service: 'gated', port: '8080' }) },
    spec: {
      containers: [{ name: 'main', image: 'main' }],
      readinessGates: [{ conditionType: 'kube-registrar.io/registered' }],
    },
  };
  for (const { podsPath } of busy) await kube.api.post(podsPath, pod);
}

/** Installs the chart into a namespace that only admits restricted pods. */
async function install(namespace: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await kube.api.post('/api/v1/namespaces', { metadata: { name: namespace, labels } });
  await upgrade(namespace, config);
}

/** `helm upgrade --install`. The configuration is merged over what a test always needs. */
async function upgrade(namespace: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  const all = { leaderElection: { enabled: true }, consul: { addresses: [consul.url] }, ...config };
  const args = [
    '--namespace',
    namespace,
    '--kubeconfig',
    kube.kubeconfigPath,
    '--set-json',
    `config=${JSON.stringify(all)}`,
  ];
  await helm('upgrade', '--install', 'kube-registrar', chart, ...args);
}

/** The operator as a pod of the release would run it. */
async function pod(namespace: string): Promise<ImageProcess> {
  const name = 'kube-registrar';
  const [map, token] = await Promise.all([
    kube.api.get<{ data: Record<string, string> }>(`/api/v1/namespaces/${namespace}/configmaps/${name}`),
    kube.serviceAccountToken(namespace, name),
  ]);
  return ImageProcess.create({
    config: map.data['config.yaml']!,
    token,
    ca: kube.ca,
    namespace,
    apiServer: new URL(kube.url).host,
  });
}

interface Role extends KubeObject {
  rules: PolicyRule[];
}

/** The roles of a release with their paths. */
async function rolesOf(namespace: string): Promise<{ path: string; role: Role }[]> {
  const found: { path: string; role: Role }[] = [];
  for (const kind of ['clusterroles', 'roles']) {
    const { items } = await kube.api.get<KubeList<Role>>(
      `${rbac}/${kind}?labelSelector=app.kubernetes.io/name=kube-registrar`,
    );
    for (const role of items) {
      const { metadata } = role;
      if (metadata.annotations?.['meta.helm.sh/release-namespace'] !== namespace) continue;
      const where = metadata.namespace === undefined ? '' : `namespaces/${metadata.namespace}/`;
      found.push({ path: `${rbac}/${where}${kind}/${metadata.name}`, role });
    }
  }
  return found;
}

/** One right: a verb on a resource, where. */
interface Right {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string | undefined;
}

function rightsOf(roles: readonly { role: Role }[]): Right[] {
  return roles.flatMap(({ role }) =>
    role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => ({
            verb,
            resource: group === '' ? resource : `${resource}.${group}`,
            namespace: role.metadata.namespace,
          })),
        ),
      ),
    ),
  );
}

const text = ({ verb, resource, namespace }: Right): string =>
  `${verb} ${resource} in ${namespace ?? 'all namespaces'}`;

/** Every right was used, and nothing was asked for beyond them. */
async function assertAllUsed(namespace: string): Promise<void> {
  await addGatedPods(`gated-in-${namespace}`);
  const rights = rightsOf(await rolesOf(namespace));
  await eventually(
    async () => {
      await stir();
      const asked = await audit.requestsOf(namespace, 'kube-registrar');
      const unused = rights.filter(
        (right) =>
          !asked.some(
            ({ verb, resource, namespace: where, code }) =>
              verb === right.verb &&
              resource === right.resource &&
              code < 300 &&
              (right.namespace === undefined || right.namespace === where),
          ),
      );
      assert.deepEqual(unused.map(text), [], 'granted and never used');
      const refused = asked.filter(({ code }) => code === 403);
      assert.deepEqual(refused.map(text), [], 'asked for and not granted');
    },
    { timeoutMs: 20_000, intervalMs: 300, what: 'every right is used' },
  );
}

/** Runs what the Job of `helm test` runs. */
async function helmTest(
  namespace: string,
  operatorUrl: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  const hooks = await helm(
    'get',
    'hooks',
    'kube-registrar',
    '-n',
    namespace,
    '--kubeconfig',
    kube.kubeconfigPath,
  );
  const objects = objectsIn(hooks);
  const job = objects.find(({ kind }) => kind === 'Job') as unknown as TestJob;
  const script = objects.find(({ kind }) => kind === 'ConfigMap') as unknown as {
    data: Record<string, string>;
  };
  const map = await kube.api.get<{ data: Record<string, string> }>(
    `/api/v1/namespaces/${namespace}/configmaps/kube-registrar`,
  );
  const file = async (name: string, content: string) => {
    await writeFile(join(dir, name), content);
    return join(dir, name);
  };
  const [container] = job.spec.template.spec.containers;
  const account = { namespace, serviceAccount: 'kube-registrar' };
  const env = {
    RULES: container.env.find(({ name }) => name === 'RULES')!.value,
    OPERATOR_URL: operatorUrl,
    PROGRAM: JSON.stringify([process.execPath, join(root, 'dist/image/main.js')]),
    CONFIG: await file('config.yaml', map.data['config.yaml']!),
    API_SERVER: kube.url,
    TOKEN_FILE: await file('token', await kube.tokenFor(account)),
    CA_FILE: kube.caFile,
    KUBECONFIG: await kube.kubeconfigFor(account),
    ...more,
  };
  const args = [await file('test.mjs', script.data['test.mjs']!)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

interface TestJob {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly [{ env: { name: string; value: string }[] }] };
    };
  };
}

async function registered(service: string, count: number): Promise<void> {
  await eventually(
    async () => assert.equal((await instances(consul, service)).filter(isPassing).length, count),
    { ...patience, what: `${count} instances of ${service}` },
  );
}

/** Takes a right away for as long as the result lives. */
async function without(
  right: Right,
  roles: readonly { path: string; role: Role }[],
): Promise<AsyncDisposable> {
  const { path, role } = roles.find(({ role: { metadata } }) => metadata.namespace === right.namespace)!;
  const rules = role.rules.flatMap((rule) =>
    rule.resources.flatMap((resource) => {
      const name = rule.apiGroups[0] === '' ? resource : `${resource}.${rule.apiGroups[0]}`;
      const verbs = rule.verbs.filter((verb) => name !== right.resource || verb !== right.verb);
      return verbs.length === 0 ? [] : [{ ...rule, resources: [resource], verbs }];
    }),
  );
  await kube.api.patchAs(path, { rules }, 'merge');
  return {
    async [Symbol.asyncDispose]() {
      await kube.api.patchAs(path, { rules: role.rules }, 'merge');
    },
  };
}

suite('installed cluster-wide', { skip: imageUnavailable }, () => {
  const namespace = 'kube-registrar';
  const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/kube-registrar`;
  let operator: ImageProcess;

  before(async () => {
    await install(namespace, { cluster: { name: 'wide' } });
    operator = await pod(namespace);
    await operator.start();
    await operator.ready();
  });
  after(() => operator?.[Symbol.asyncDispose]());

  test('its pods are admitted under the restricted Pod Security Standard', async () => {
    await eventually(
      async () => {
        const { items } = await kube.api.get<KubeList<Pod>>(`/api/v1/namespaces/${namespace}/pods`);
        assert.equal(items.length, 2);
      },
      { ...patience, what: 'the pods of the Deployment' },
    );
  });

  test('registers pods and Services', async () => {
    await registered('web', 3);
    await registered('search', 3);
  });

  test('runs as nobody, with no capability, in less than 128 MiB', async () => {
    assert.match(await operator.account('Uid'), /^65532\s+65532/);
    assert.match(await operator.account('CapEff'), /^0+$/);
    const peak = Number.parseInt(await operator.account('VmHWM'), 10) / 1024;
    assert.ok(peak < 128, `${peak.toFixed(0)} MiB at its peak`);
  });

  test('uses every right it has and asks for no other', async () => {
    await using standby = await pod(namespace);
    await standby.start();
    await assertAllUsed(namespace);
  });

  test('helm test finds nothing wrong, and names what is', async () => {
    const well = await helmTest(namespace, operator.url);
    assert.equal(well.code, 0, well.output);
    assert.equal(well.output.match(/^ok /gm)?.length, 4, well.output);
    const roles = await rolesOf(namespace);
    const lost = rightsOf(roles).find(({ verb, resource }) => verb === 'watch' && resource === 'nodes')!;
    await using _lacking = await without(lost, roles);
    const ill = await helmTest(namespace, 'http://127.0.0.1:9', {
      CONSUL_HTTP_ADDR: '',
      KUBE_REGISTRAR_CONSUL_ADDRESSES: 'http://127.0.0.1:9',
    });
    assert.equal(ill.code, 1);
    assert.match(ill.output, /FAIL \/readyz.*\n\s+http:\/\/127\.0\.0\.1:9 does not answer/);
    assert.match(ill.output, /FAIL rights in Kubernetes\n\s+watch nodes: not allowed/);
    assert.match(ill.output, /FAIL access to Consul\n.*127\.0\.0\.1:9/);
  });

  test('names each right it lacks, and removes nothing for the want of it', async () => {
    const roles = await rolesOf(namespace);
    for (const right of rightsOf(roles)) {
      // Only a standby looks at somebody's lease; only the first of all creates one.
      const besideLeader = right.resource.startsWith('leases') && ['get', 'watch'].includes(right.verb);
      if (!besideLeader) await operator.stop();
      if (right.verb === 'create') await kube.api.delete(leasePath);
      await using _lacking = await without(right, roles);
      await using lame = await pod(namespace);
      await lame.start();
      if (right.resource === 'pods/status') await addGatedPods('gated-in-vain');
      const named = new RegExp(`cannot ${right.verb} resource \\\\"${right.resource.split('.')[0]}\\\\"`);
      await eventually(
        async () => {
          await stir();
          assert.match(await lame.output(), named);
        },
        { timeoutMs: 15_000, intervalMs: 300, what: `${text(right)} is named in the log` },
      );
      await registered('web', 3);
      await registered('search', 3);
      if (!besideLeader) await operator.start();
    }
    await operator.ready();
  });

  test('an upgrade is a new configuration; an uninstallation leaves the registrations', async () => {
    await upgrade(namespace, { cluster: { name: 'wide' }, log: { format: 'text' } });
    await operator[Symbol.asyncDispose]();
    operator = await pod(namespace);
    await operator.start();
    await operator.ready();
    assert.doesNotMatch(await operator.output(), /^\{/m);
    assert.equal(await operator.stop(), 0);
    await helm('uninstall', 'kube-registrar', '--namespace', namespace, '--kubeconfig', kube.kubeconfigPath);
    assert.deepEqual(await rolesOf(namespace), []);
    await registered('web', 3);
  });
});

suite('installed for namespaces', { skip: imageUnavailable }, () => {
  const namespace = 'team';
  let operator: ImageProcess;

  before(async () => {
    const other = await Namespace.create(kube.api, 'other');
    await other.deploy({ name: 'hidden', replicas: 1, annotations: { service: 'hidden', port: 'http' } });
    await addBusy('search');
    await install(namespace, {
      cluster: { name: 'team', uid: 'team-uid' },
      kubernetes: { namespaces: ['shop', 'search'] },
    });
    operator = await pod(namespace);
    await operator.start();
    await operator.ready();
  });
  after(() => operator?.[Symbol.asyncDispose]());

  test('has no right outside them', async () => {
    const roles = await rolesOf(namespace);
    assert.deepEqual([...new Set(roles.map(({ role }) => role.metadata.namespace))].sort(), [
      'search',
      'shop',
      'team',
    ]);
  });

  test('registers what is in them and nothing else', async () => {
    await eventually(
      async () => {
        const ours = (await instances(consul, 'web')).filter(
          ({ Service }) => Service.Meta['kube-cluster'] === 'team',
        );
        assert.equal(ours.filter(isPassing).length, 3);
      },
      { ...patience, what: 'the pods of shop' },
    );
    assert.deepEqual(await instances(consul, 'hidden'), []);
  });

  test('uses every right it has and asks for no other', async () => {
    await using standby = await pod(namespace);
    await standby.start();
    await assertAllUsed(namespace);
  });
});
