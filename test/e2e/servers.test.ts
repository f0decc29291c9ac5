/** The ground the other end-to-end tests stand on: the real servers start, work together and leave nothing. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { requireServers } from '../servers/locate.ts';
import { programNames } from '../servers/programs.ts';
import { eventually } from '../support/eventually.ts';
import { startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { HttpError } from '../support/real/http.ts';
import { startKube } from '../support/real/kube.ts';
import type { KubeApi, KubeList, KubeObject } from '../support/real/kube-api.ts';
import { type Pod, startKubelet } from '../support/real/kubelet.ts';
import { ServerProcess } from '../support/real/process.ts';

const run = promisify(execFile);

/** Far more than anything here takes, so that a busy machine does not fail a test. */
const patience = { timeoutMs: 60_000 };

interface EndpointSlice extends KubeObject {
  endpoints: { nodeName: string; zone: string; conditions: { ready: boolean } }[] | null;
}

const slicesPath = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices';
const podsPath = '/api/v1/namespaces/shop/pods';

test('every program the tests run is at hand', async () => {
  await requireServers(programNames);
});

suite('the control plane', () => {
  test('runs a Deployment behind a Service, and forgets it with its namespace', async () => {
    await using kube = await startKube();
    await using kubelet = await startKubelet(kube.api);
    await createShop(kube.api, 3);

    await eventually(async () => assert.equal((await readyEndpoints(kube.api)).length, 3), patience);
    const endpoints = await readyEndpoints(kube.api);
    assert.deepEqual(
      new Set(endpoints.map(({ nodeName }) => nodeName)),
      new Set(['node-0', 'node-1', 'node-2']),
    );
    assert.deepEqual(new Set(endpoints.map(({ zone }) => zone)), new Set(['zone-a', 'zone-b', 'zone-c']));

    const [pod] = await pods(kube.api);
    kubelet.setUnready('shop', pod!.metadata.name, { reason: 'ProbeFailed', message: 'HTTP 503' });
    await eventually(async () => assert.equal((await readyEndpoints(kube.api)).length, 2), patience);
    const ready = (await kube.api.get<Pod>(`${podsPath}/${pod!.metadata.name}`)).status?.conditions?.find(
      ({ type }) => type === 'Ready',
    );
    assert.equal(ready?.status, 'False');
    assert.equal(ready?.message, 'HTTP 503');

    await kube.api.delete('/api/v1/namespaces/shop');
    await eventually(async () => (await kube.api.find('/api/v1/namespaces/shop')) === undefined, {
      ...patience,
      what: 'the namespace is gone',
    });
    assert.deepEqual(await pods(kube.api), []);
  });

  test('a readiness gate holds a pod back until its condition is True', async () => {
    await using kube = await startKube();
    await using _kubelet = await startKubelet(kube.api);
    await createShop(kube.api, 1, { readinessGates: [{ conditionType: 'example.org/registered' }] });
    const pod = await eventually(async () => {
      const [first] = await pods(kube.api);
      assert.equal(conditionOf(first, 'ContainersReady'), 'True');
      return first as Pod;
    }, patience);
    assert.equal(conditionOf(pod, 'Ready'), 'False');
    await kube.api.patchAs(`${podsPath}/${pod.metadata.name}/status`, {
      status: { conditions: [{ type: 'example.org/registered', status: 'True' }] },
    });
    await eventually(async () => assert.equal((await readyEndpoints(kube.api)).length, 1), patience);
  });

  test('lets a deleted pod go after the delay and reports its successor under the same name', async () => {
    await using kube = await startKube();
    await using _kubelet = await startKubelet(kube.api, { deletionDelayMs: 5_000 });
    const path = '/api/v1/namespaces/default/pods/db-0';
    const template = {
      metadata: { labels: { app: 'db' } },
      spec: { containers: [{ name: 'db', image: 'db' }] },
    };
    await kube.api.post('/apis/apps/v1/namespaces/default/statefulsets', {
      metadata: { name: 'db' },
      spec: { serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template },
    });
    const readyPod = async () => {
      const pod = await kube.api.get<Pod>(path);
      assert.equal(conditionOf(pod, 'Ready'), 'True');
      return pod;
    };
    const first = await eventually(readyPod, patience);
    await kube.api.delete(path);
    const deleted = await readyPod();
    assert.equal(deleted.metadata.uid, first.metadata.uid);
    assert.ok(deleted.metadata.deletionTimestamp);
    const second = await eventually(async () => {
      const pod = await readyPod();
      assert.notEqual(pod.metadata.uid, first.metadata.uid);
      return pod;
    }, patience);
    assert.notEqual(second.status?.podIP, first.status?.podIP);
  });

  test('enforces RBAC for users and ServiceAccounts and accepts their kubeconfigs', async () => {
    await using kube = await startKube({ users: { alice: ['developers'] } });
    const identities = [{ user: 'alice' }, { namespace: 'default', serviceAccount: 'default' }];
    for (const identity of identities as Parameters<typeof kube.apiFor>[0][]) {
      await using api = await kube.apiFor(identity);
      await assert.rejects(
        api.get('/api/v1/pods'),
        (error) => error instanceof HttpError && error.status === 403,
      );
      const kubeconfig = JSON.parse(await readFile(await kube.kubeconfigFor(identity), 'utf8'));
      assert.equal(kubeconfig.clusters[0].cluster.server, kube.url);
    }
  });

  test('survives a restart of the API server and goes back to an etcd snapshot', async (t) => {
    await using kube = await startKube();
    const snapshot = join(await scratchDir(t), 'etcd.db');
    await kube.snapshotEtcd(snapshot);
    await kube.api.post('/api/v1/namespaces', { metadata: { name: 'later' } });

    await kube.stopApiserver();
    await assert.rejects(kube.api.get('/readyz'));
    await kube.startApiserver();
    assert.ok(await kube.api.find('/api/v1/namespaces/later'));

    await kube.restoreEtcd(snapshot);
    assert.equal(await kube.api.find('/api/v1/namespaces/later'), undefined);
  });
});

suite('Consul', () => {
  test('shows what a transaction wrote through HTTP and DNS', async () => {
    await using consul = await startConsul();
    await consul.api.put('/v1/txn', [
      { Node: { Verb: 'set', Node: { Node: 'external-1', Address: '10.0.0.1' } } },
      {
        Service: {
          Verb: 'set',
          Node: 'external-1',
          Service: { ID: 'web-1', Service: 'web', Address: '10.64.0.1', Port: 80 },
        },
      },
    ]);
    const [instance] = await consul.api.get<{ Service: { Address: string } }[]>(
      '/v1/health/service/web?passing',
    );
    assert.equal(instance?.Service.Address, '10.64.0.1');
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${consul.dnsPort}`]);
    assert.deepEqual(await resolver.resolve4('web.service.consul'), ['10.64.0.1']);
  });

  test('of three servers with ACLs elects another leader when one is killed, and restores a snapshot', async (t) => {
    await using consul = await startConsul({ servers: 3, clientAgents: 1, acl: true });
    const snapshot = join(await scratchDir(t), 'consul.tgz');
    await consul.api.put('/v1/kv/key', 'before');
    await consul.saveSnapshot(snapshot);
    await consul.api.put('/v1/kv/key', 'after');
    await consul.restoreSnapshot(snapshot);
    const [client] = consul.clients;
    assert.equal(await client!.api.get('/v1/kv/key?raw'), 'before');

    const old = await consul.leader();
    await old.kill();
    await eventually(async () => assert.notEqual((await consul.leader()).name, old.name), patience);
    await eventually(() => client!.api.put('/v1/kv/key', 'again'), patience);
    await old.start();
    assert.equal(await old.api.get('/v1/kv/key?raw'), 'again');

    const anonymous = await fetch(`${consul.url}/v1/agent/self`);
    assert.equal(anonymous.status, 403);
  });
});

suite('servers as child processes', () => {
  test('die with a test run that is killed', async () => {
    await requireServers(['consul']);
    const launcher = new URL('../support/real/consul.ts', import.meta.url);
    const script = `
      const { startConsul } = await import(${JSON.stringify(launcher.href)});
      const consul = await startConsul();
      console.log(consul.url);
      setInterval(() => {}, 60_000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface(parent.stdout), 'line')) as [string];
    assert.equal((await fetch(`${url}/v1/status/leader`)).status, 200);
    parent.kill('SIGKILL');
    await eventually(() => assert.rejects(fetch(`${url}/v1/status/leader`)), {
      ...patience,
      what: 'Consul is gone',
    });
  });

  test('die when their watcher does', async (t) => {
    const logFile = join(await scratchDir(t), 'sleep.log');
    await using server = await ServerProcess.start({
      name: 'sleep',
      command: '/bin/sleep',
      args: ['600'],
      logFile,
    });
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,pgid=']);
    const group = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    const watcher = group.find(([pid, pgid]) => pgid === server.pid && pid !== server.pid)?.[0];
    assert.ok(watcher);
    process.kill(watcher, 'SIGKILL');
    await eventually(() => !server.running, patience);
  });

  test('that do not start say why, with the end of their log', async (t) => {
    const logFile = join(await scratchDir(t), 'failing.log');
    const args = ['-c', 'echo no such flag >&2; exit 3'];
    await assert.rejects(
      ServerProcess.start({ name: 'failing', command: '/bin/sh', args, logFile, ready: () => false }),
      /failing did not start: exited with code 3\nno such flag/,
    );
  });
});

async function scratchDir(t: TestContext): Promise<string> {
  const dir = await dataDir('scratch');
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function createShop(
  api: KubeApi,
  replicas: number,
  podSpec: Record<string, unknown> = {},
): Promise<void> {
  await api.post('/api/v1/namespaces', { metadata: { name: 'shop' } });
  const labels = { app: 'web' };
  const containers = [{ name: 'web', image: 'web', ports: [{ containerPort: 80 }] }];
  await api.post('/apis/apps/v1/namespaces/shop/deployments', {
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      // The namespace controller looks again after half of the grace period, 30 s by default.
      template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 1, ...podSpec } },
    },
  });
  await api.post('/api/v1/namespaces/shop/services', {
    metadata: { name: 'web' },
    spec: { selector: labels, ports: [{ port: 80 }] },
  });
}

async function readyEndpoints(api: KubeApi): Promise<NonNullable<EndpointSlice['endpoints']>> {
  const slices = await api.get<KubeList<EndpointSlice>>(slicesPath);
  return slices.items
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions.ready);
}

async function pods(api: KubeApi): Promise<Pod[]> {
  return (await api.get<KubeList<Pod>>(podsPath)).items;
}

function conditionOf(pod: Pod | undefined, wanted: string): string | undefined {
  return pod?.status?.conditions?.find(({ type }) => type === wanted)?.status;
}
