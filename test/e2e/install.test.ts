/**
 * The chart installed by the real helm into a real API server, and the operator in its image with exactly what a
 * pod of it gets: token, rights and configuration. Every right is used; each one missing is named, and costs no
 * registration; cluster-wide and confined to namespaces.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { AuditLog } from '../support/real/audit.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type ImageProcess, imageUnavailable } from '../support/real/image.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList } from '../support/real/kube-api.ts';
import { type Kubelet, type Pod, startKubelet } from '../support/real/kubelet.ts';
import { Release, type Right, rightText } from '../support/real/release.ts';
import { annotations, Namespace } from '../support/real/workloads.ts';

const patience = { timeoutMs: 60_000 };

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
  await shop.addService('front', { service: 'true', port: 'web' }, { app: 'web' });
  const search = await addBusy('search');
  await search.deploy({ name: 'index', replicas: 2, annotations: { service: 'index', port: 'http' } });
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

async function install(namespace: string, config: Readonly<Record<string, unknown>>): Promise<Release> {
  return Release.install(kube, namespace, {
    config: { leaderElection: { enabled: true }, consul: { addresses: [consul.url] }, ...config },
    // "healthy under a 128 MiB limit at small scale"
    resources: { limits: { memory: '128Mi' } },
  });
}

/** Every right was used, and nothing was asked for beyond them. */
async function assertAllUsed(release: Release): Promise<void> {
  await addGatedPods(`gated-in-${release.namespace}`);
  const rights = await release.rights();
  await eventually(
    async () => {
      await stir();
      const asked = await audit.requestsOf(release.namespace, release.name);
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
      assert.deepEqual(unused.map(rightText), [], 'granted and never used');
      const refused = asked.filter(({ code }) => code === 403);
      assert.deepEqual(refused.map(rightText), [], 'asked for and not granted');
    },
    { ...patience, intervalMs: 300, what: 'every right is used' },
  );
}

const expected: Readonly<Record<string, number>> = { web: 3, front: 3, index: 2 };

/** Instances of a cluster, with the index of Consul's log at which each came. Waits until all of them pass. */
async function registered(cluster: string): Promise<Record<string, number>> {
  return eventually(
    async () => {
      const since: Record<string, number> = {};
      for (const [service, count] of Object.entries(expected)) {
        const ours = (await instances(consul, service)).filter(
          ({ Service }) => Service.Meta['kube-cluster'] === cluster,
        );
        assert.equal(ours.filter(isPassing).length, count, service);
        assert.equal(ours.length, count, service);
        for (const { Service } of ours) since[Service.ID] = Service.CreateIndex;
      }
      return since;
    },
    { ...patience, what: `the instances of cluster ${cluster}` },
  );
}

/** How the log calls the lack of a right. */
function lackOf({ verb, resource, namespace }: Right): RegExp {
  const [kind] = resource.split('.');
  const where = namespace === undefined ? '' : `.*in the namespace \\\\"${namespace}\\\\"`;
  return new RegExp(`cannot ${verb} resource \\\\"${kind}\\\\"${where}`);
}

/** Runs an operator without each right in turn. What is registered stays, each instance the one that it was. */
async function assertEachNamed(release: Release, operator: ImageProcess, cluster: string): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces';
  const before = await registered(cluster);
  for (const [index, right] of (await release.rights()).entries()) {
    // Only a standby looks at somebody's lease; only the first of all creates one.
    const ofLeases = right.resource.startsWith('leases');
    const besideLeader = ofLeases && ['get', 'watch'].includes(right.verb);
    if (!besideLeader) await operator.stop();
    if (ofLeases && right.verb === 'create') {
      await kube.api.delete(`${leases}/${release.namespace}/leases/${release.name}`);
    }
    await using _lacking = await release.without(right);
    await using lame = await release.operator();
    await lame.start();
    if (right.resource === 'pods/status') await addGatedPods(`in-vain-${release.namespace}-${index}`);
    await eventually(
      async () => {
        await stir();
        assert.match(await lame.output(), lackOf(right));
      },
      { ...patience, intervalMs: 300, what: `${rightText(right)} is named in the log` },
    );
    assert.deepEqual(await registered(cluster), before, rightText(right));
    if (!besideLeader) await operator.start();
  }
  await operator.ready();
  assert.deepEqual(await registered(cluster), before);
}

suite('installed cluster-wide', { skip: imageUnavailable }, () => {
  let release: Release;
  let operator: ImageProcess;

  before(async () => {
    release = await install('kube-registrar', { cluster: { name: 'wide' } });
    operator = await release.operator();
    await operator.start();
    await operator.ready();
  });
  after(() => operator?.[Symbol.asyncDispose]());

  test('its pods are admitted under the restricted Pod Security Standard', async () => {
    await eventually(
      async () => {
        const { items } = await kube.api.get<KubeList<Pod>>(`/api/v1/namespaces/${release.namespace}/pods`);
        assert.equal(items.length, 2);
      },
      { ...patience, what: 'the pods of the Deployment' },
    );
  });

  test('registers pods and Services', async () => {
    await registered('wide');
  });

  test('runs as nobody, with no capability, and read-only', async () => {
    assert.match(await operator.account('Uid'), /^65532\s+65532/);
    assert.match(await operator.account('CapEff'), /^0+$/);
  });

  test('opens its socket for `release` in the one directory it may write', async () => {
    assert.match(await operator.output(), /"reason":"Connecting"/);
    assert.doesNotMatch(await operator.output(), /LocalSocketUnavailable/);
  });

  test('is healthy within a limit of 128 MiB', async (t) => {
    const mebi = 2 ** 20;
    const resident = (Number.parseInt(await operator.account('VmHWM'), 10) * 1_024) / mebi;
    // Resident counts files that are mapped and shared, such as Node itself; the limit does not.
    const charged = operator.limit === undefined ? undefined : (await operator.limit.peakBytes()) / mebi;
    t.diagnostic(
      `at its peak ${resident.toFixed(0)} MiB resident, ${charged?.toFixed(0) ?? '?'} MiB charged`,
    );
    assert.ok((charged ?? resident) < 128);
    assert.equal((await operator.limit?.kills()) ?? 0, 0);
    await operator.ready();
  });

  test('uses every right it has and asks for no other', async () => {
    await using standby = await release.operator();
    await standby.start();
    await assertAllUsed(release);
  });

  test('names each right it lacks, and removes nothing for the want of it', async () => {
    await assertEachNamed(release, operator, 'wide');
  });
});

suite('installed for namespaces', { skip: imageUnavailable }, () => {
  let release: Release;
  let operator: ImageProcess;

  before(async () => {
    const other = await Namespace.create(kube.api, 'other');
    await other.deploy({ name: 'hidden', replicas: 1, annotations: { service: 'hidden', port: 'http' } });
    release = await install('team', {
      cluster: { name: 'team', uid: 'team-uid' },
      kubernetes: { namespaces: ['shop', 'search'] },
    });
    operator = await release.operator();
    await operator.start();
    await operator.ready();
  });
  after(() => operator?.[Symbol.asyncDispose]());

  test('has no right outside them', async () => {
    const where = new Set((await release.rights()).map(({ namespace }) => namespace));
    assert.deepEqual([...where].sort(), ['search', 'shop', 'team']);
  });

  test('registers what is in them and nothing else', async () => {
    await registered('team');
    const hidden = await instances(consul, 'hidden');
    assert.ok(hidden.every(({ Service }) => Service.Meta['kube-cluster'] !== 'team'));
  });

  test('uses every right it has and asks for no other', async () => {
    await using standby = await release.operator();
    await standby.start();
    await assertAllUsed(release);
  });

  test('names each right it lacks, and removes nothing for the want of it', async () => {
    await assertEachNamed(release, operator, 'team');
  });
});
