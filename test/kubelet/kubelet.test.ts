/**
 * The chart and the operator's image on real nodes: kubelets, containerd, runc and CNI. What a workload's probes, its
 * owner and its node do to it has to be in Consul, and the operator's own pods have to live by what the chart says.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { operatorImage } from '../support/node/build-image.ts';
import {
  type Cluster,
  consulAddress,
  isReady,
  type PodStatus,
  patience,
  podSpec,
  startCluster,
} from '../support/node/cluster.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import type { KubeList, KubeObject } from '../support/real/kube-api.ts';
import { Release } from '../support/real/release.ts';
import { vanishedPods } from './vanished.ts';

const namespace = 'registrar';
const values = {
  'config.cluster.name': 'test',
  'config.consul.addresses': [consulAddress],
  'cleanup.onUninstall': true,
  terminationGracePeriodSeconds: 5,
};
/** Serves the file `ok`, and ends when asked to. */
const web = 'touch /tmp/ok; trap "exit 0" TERM; httpd -f -p 8080 -h /tmp & wait';
const httpGet = { httpGet: { path: '/ok', port: 'http' }, periodSeconds: 1, failureThreshold: 1 };
const appsPath = '/apis/apps/v1/namespaces/default';

let cluster: Cluster;
let release: Release;

before(async () => {
  cluster = await startCluster(await operatorImage(AbortSignal.timeout(300_000)));
  release = await Release.install(cluster.kube, namespace, values);
});

after(() => cluster?.[Symbol.asyncDispose]());

async function operatorPods(): Promise<PodStatus[]> {
  const selector = 'app.kubernetes.io/name=kube-registrar';
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`;
  return (await cluster.kube.api.get<KubeList<PodStatus>>(path)).items;
}

/** Both replicas of the operator run and are ready, and no other pod of it is left. */
function operatorReady(): Promise<PodStatus[]> {
  return eventually(
    async () => {
      const pods = await operatorPods();
      return pods.length === 2 && pods.every(isReady) && pods;
    },
    { ...patience, what: 'two pods of the operator are ready' },
  );
}

test('helm install brings up two replicas', async (t) => {
  await operatorReady();
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=type=Warning`;
  const { items } = await cluster.kube.api.get<KubeList<KubeObject & { message: string }>>(path);
  // On a machine that is busy a probe may come before the program listens.
  for (const { message } of items) t.diagnostic(`warning: ${message}`);
});

test('helm test passes as a Job on a node', async () => {
  await release.helm('test', release.name, '--timeout', '120s');
});

test('an instance follows the httpGet, tcp and exec probes of its pod', async () => {
  const probes = {
    http: { command: web, readinessProbe: httpGet },
    tcp: {
      command:
        'trap "exit 0" TERM; touch /tmp/ok; while sleep 0.1; do [ -e /tmp/ok ] && nc -l -p 8080 </dev/null; done',
      readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
    },
    exec: {
      command: web,
      readinessProbe: { exec: { command: ['test', '-e', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 },
    },
  };
  await Promise.all(
    Object.entries(probes).map(async ([name, container]) => {
      await cluster.addPod(name, podSpec(container));
      const { Service } = await cluster.one(name, true);
      assert.equal(Service.Address, (await cluster.pod(name)).status.podIP);
      for (let flip = 0; flip < 2; flip++) {
        await cluster.exec(name, 'rm /tmp/ok');
        await cluster.one(name, false);
        await cluster.exec(name, 'touch /tmp/ok');
        await cluster.one(name, true);
      }
    }),
  );
});

test('a rolling update costs no request, and never leaves fewer instances than replicas', async () => {
  const template = {
    metadata: {
      labels: { app: 'shop' },
      annotations: { 'kube-registrar.io/service': 'shop', 'kube-registrar.io/port': 'http' },
    },
    spec: podSpec({
      command: web,
      readinessProbe: httpGet,
      lifecycle: { preStop: { sleep: { seconds: 3 } } },
    }),
  };
  await cluster.kube.api.post(`${appsPath}/deployments`, {
    metadata: { name: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'shop' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template,
    },
  });
  const passing = async () => (await instances(cluster.consul, 'shop')).filter(isPassing);
  await eventually(async () => (await passing()).length === 2, { ...patience, what: 'two instances pass' });
  const first = (await passing()).map(({ Service }) => Service.ID);
  const seen = { requests: 0, failed: [] as string[], fewest: 2 };
  const done = new AbortController();
  const client = (async () => {
    while (!done.signal.aborted) {
      const found = await passing();
      seen.fewest = Math.min(seen.fewest, found.length);
      for (const { Service } of found) {
        seen.requests++;
        const url = `http://${Service.Address}:${Service.Port}/ok`;
        const answer = await fetch(url, { headers: { connection: 'close' } }).catch((error: Error) => error);
        if (!(answer instanceof Response) || !answer.ok) seen.failed.push(`${url}: ${String(answer)}`);
        else await answer.text();
      }
      await delay(20);
    }
  })();
  await cluster.kube.api.patchAs(`${appsPath}/deployments/shop`, {
    spec: { template: { metadata: { labels: { round: '2' } } } },
  });
  await eventually(
    async () => {
      const all = await instances(cluster.consul, 'shop');
      return (
        all.length === 2 && all.every(isPassing) && all.every(({ Service }) => !first.includes(Service.ID))
      );
    },
    { ...patience, what: 'two new instances and no other' },
  );
  done.abort();
  await client;
  assert.deepEqual(seen.failed, []);
  assert.ok(seen.requests > 50, `${seen.requests} requests`);
  assert.equal(seen.fewest, 2);
});

test('a deleted pod is taken out at once, also while preStop runs, and goes with its container', async () => {
  const lifecycle = { preStop: { sleep: { seconds: 4 } } };
  await cluster.addPod('leaving', podSpec({ command: web, readinessProbe: httpGet, lifecycle }));
  await cluster.one('leaving', true);
  const [node, { metadata }] = [await cluster.nodeOf('leaving'), await cluster.pod('leaving')];
  await cluster.kube.api.delete(cluster.podPath('leaving'));
  await cluster.one('leaving', false);
  assert.equal((await node.containers(metadata.uid)).length, 1, 'its container still runs');
  await cluster.gone('leaving');
});

test('a killed container is out until it runs again', async () => {
  const readinessProbe = { ...httpGet, initialDelaySeconds: 3 };
  await cluster.addPod('killed', podSpec({ command: web, readinessProbe }));
  const { Service } = await cluster.one('killed', true);
  const [node, { metadata }] = [await cluster.nodeOf('killed'), await cluster.pod('killed')];
  for (const id of await node.containers(metadata.uid)) await node.killContainer(id);
  await cluster.one('killed', false);
  assert.equal((await cluster.one('killed', true)).Service.ID, Service.ID);
  assert.equal((await cluster.pod('killed')).status.containerStatuses?.[0]?.restartCount, 1);
});

test('an evicted pod goes, and the pod of a Job when it completes', async () => {
  await cluster.addPod('evicted', podSpec({ command: web, readinessProbe: httpGet }));
  await cluster.one('evicted', true);
  const annotations = { 'kube-registrar.io/service': 'batch', 'kube-registrar.io/port': 'http' };
  await cluster.kube.api.post('/apis/batch/v1/namespaces/default/jobs', {
    metadata: { name: 'batch' },
    spec: {
      template: {
        metadata: { annotations },
        spec: podSpec({ command: 'sleep 5' }, { restartPolicy: 'Never' }),
      },
    },
  });
  await cluster.one('batch', true);
  await cluster.kube.api.post(`${cluster.podPath('evicted')}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'evicted' },
  });
  await Promise.all([cluster.gone('evicted'), cluster.gone('batch')]);
});

test('a pod in its node’s network is registered at the address of the node', async () => {
  await cluster.addPod('host', podSpec({ command: web }, { hostNetwork: true }));
  const { Service } = await cluster.one('host', true);
  assert.equal(Service.Address, (await cluster.nodeOf('host')).address);
  await cluster.kube.api.delete(cluster.podPath('host'));
});

test('a pod of a StatefulSet comes back under its name, at its new address', async () => {
  const annotations = { 'kube-registrar.io/service': 'db', 'kube-registrar.io/port': 'http' };
  await cluster.kube.api.post(`${appsPath}/statefulsets`, {
    metadata: { name: 'db' },
    spec: {
      replicas: 1,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' }, annotations },
        spec: podSpec({ command: web, readinessProbe: httpGet }),
      },
    },
  });
  const first = await cluster.one('db', true);
  await cluster.kube.api.delete(cluster.podPath('db-0'));
  const second = await eventually(
    async () => {
      const [found, ...more] = await instances(cluster.consul, 'db');
      return (
        found !== undefined &&
        more.length === 0 &&
        isPassing(found) &&
        found.Service.Address !== first.Service.Address &&
        found
      );
    },
    { ...patience, what: 'one instance at a new address' },
  );
  assert.equal(second.Service.Address, (await cluster.pod('db-0')).status.podIP);
});

test('a readiness gate opens when Consul has the pod', async () => {
  const readinessGates = [{ conditionType: 'kube-registrar.io/registered' }];
  await cluster.addPod('gated', podSpec({ command: web, readinessProbe: httpGet }, { readinessGates }));
  await cluster.one('gated', true);
  await eventually(async () => isReady(await cluster.pod('gated')), {
    ...patience,
    what: 'the pod is Ready',
  });
});

test('a node whose kubelet is away for a while keeps its instances', async () => {
  const [, node] = cluster.nodes;
  const nodeSelector = { 'kubernetes.io/hostname': node!.name };
  await cluster.addPod('stays', podSpec({ command: web }, { nodeSelector }));
  const { Service } = await cluster.one('stays', true);
  await node!.kubelet.kill();
  await eventually(async () => !(await node!.isReady()), { ...patience, what: 'the node is not Ready' });
  await eventually(async () => !isReady(await cluster.pod('stays')), { ...patience, what: 'nor is its pod' });
  assert.equal((await instances(cluster.consul, 'stays')).length, 1);
  await node!.kubelet.start();
  assert.equal((await cluster.one('stays', true)).Service.ID, Service.ID);
});

vanishedPods(() => cluster);

test('helm upgrade and rollback replace the pods, and the instances are there after each', async () => {
  const before = (await operatorReady()).map(({ metadata }) => metadata.uid);
  const others = async (earlier: readonly (string | undefined)[]) => {
    await eventually(
      async () => {
        const pods = await operatorPods();
        return (
          pods.length === 2 &&
          pods.every(isReady) &&
          pods.every(({ metadata }) => !earlier.includes(metadata.uid))
        );
      },
      { ...patience, what: 'two new pods of the operator are ready' },
    );
    return (await operatorPods()).map(({ metadata }) => metadata.uid);
  };
  await release.upgrade({ ...values, 'config.log.level': 'debug' });
  const upgraded = await others(before);
  await cluster.one('http', true);
  await release.helm('rollback', release.name, '1');
  await others(upgraded);
  await cluster.one('http', true);
  await cluster.addPod('afterwards', podSpec({ command: web, readinessProbe: httpGet }));
  await cluster.one('afterwards', true);
});

test('helm uninstall with clean-up leaves nothing in Consul', async () => {
  await release.helm('uninstall', release.name, '--timeout', '180s', '--wait');
  const services = await cluster.consul.api.get<Record<string, unknown>>('/v1/catalog/services');
  assert.deepEqual(Object.keys(services), ['consul']);
  const nodes = await cluster.consul.api.get<{ Node: string }[]>('/v1/catalog/nodes');
  assert.equal(nodes.length, 1, 'only Consul’s own');
});
