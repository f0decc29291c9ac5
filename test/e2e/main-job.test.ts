/** The main job on real servers: from annotated pods and Services to instances that consumers find. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import {
  countedWrites,
  type HealthEntry,
  instances,
  isPassing,
  passing,
  readiness,
  states,
} from '../support/real/consul-reads.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import type { KubeList } from '../support/real/kube-api.ts';
import { type Kubelet, type Pod, startKubelet } from '../support/real/kubelet.ts';
import {
  installRbac,
  type OperatorProcess,
  operatorIdentity,
  startOperator,
} from '../support/real/operator.ts';
import { annotations, isReady, Namespace } from '../support/real/workloads.ts';

/** Far more than anything here takes, so that a busy machine does not fail a test. */
const patience = { timeoutMs: 60_000 };

let kube: Kube;
let consul: Consul;
let kubelet: Kubelet;
let operator: OperatorProcess;

before(async () => {
  [kube, consul] = await Promise.all([
    startKube(),
    startConsul({ serverConfig: { ...countedWrites, dns_config: { enable_truncate: true } } }),
  ]);
  await installRbac(kube);
  kubelet = await startKubelet(kube.api);
  operator = await startOperator({
    config: {
      cluster: { name: 'prod' },
      kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
      consul: { addresses: [consul.url] },
    },
  });
  await operator.ready();
});

after(async () => {
  await operator?.[Symbol.asyncDispose]();
  await kubelet?.stop();
  await Promise.all([kube?.stop(), consul?.stop()]);
});

const addresses = (entries: readonly HealthEntry[]): string[] =>
  entries.map(({ Service }) => Service.Address).sort();
const podAddresses = (pods: readonly Pod[]): string[] => pods.map(({ status }) => status?.podIP ?? '').sort();

/** Waits until exactly `count` instances are there and all of them pass. */
function allPassing(service: string, count: number): Promise<HealthEntry[]> {
  return eventually(
    async () => {
      const entries = await instances(consul, service);
      assert.equal(entries.filter(isPassing).length, count);
      assert.equal(entries.length, count);
      return entries;
    },
    { ...patience, what: `${service}: ${count} passing instances` },
  );
}

function gone(service: string): Promise<unknown> {
  return eventually(async () => assert.deepEqual(await instances(consul, service), []), {
    ...patience,
    what: `${service} is gone`,
  });
}

suite('pods', () => {
  test('20 annotated pods on 3 nodes are 20 passing instances, in HTTP and in DNS', async () => {
    const shop = await Namespace.create(kube.api, 'shop');
    await shop.deploy({
      name: 'web',
      replicas: 20,
      labels: { version: 'v1' },
      annotations: {
        service: 'web',
        port: 'http',
        tags: '{pod.label.version}, public',
        'meta.team': 'shop',
        protocol: 'http',
        weight: '10',
        'weight-warning': '2',
      },
    });
    const entries = await allPassing('web', 20);
    const pods = new Map((await shop.pods()).map((pod) => [pod.metadata.name, pod]));
    assert.equal(pods.size, 20);
    for (const { Node, Service, Checks } of entries) {
      const pod = pods.get(Service.Meta['kube-pod'] ?? '');
      assert.ok(pod, `${Service.ID} stands for a pod`);
      assert.equal(Node.Node, `prod-${pod.spec.nodeName}`);
      assert.equal(Node.Address, kubelet.nodes.find(({ name }) => name === pod.spec.nodeName)?.address);
      assert.equal(Service.Address, pod.status?.podIP);
      assert.equal(Service.Port, 8080);
      assert.deepEqual(Service.Tags, ['public', 'v1']);
      assert.deepEqual(Service.Weights, { Passing: 10, Warning: 2 });
      assert.deepEqual(Service.Meta, {
        'external-source': 'kubernetes',
        'kube-cluster': 'prod',
        'kube-namespace': 'shop',
        'kube-node': pod.spec.nodeName,
        'kube-pod': pod.metadata.name,
        'kube-pod-uid': pod.metadata.uid,
        protocol: 'http',
        team: 'shop',
      });
      const types = Checks.map(({ Type }) => Type).sort();
      assert.deepEqual(types, ['kubernetes-node', 'kubernetes-readiness']);
    }
    assert.equal(new Set(addresses(entries)).size, 20);
    assert.equal(new Set(entries.map(({ Node }) => Node.Node)).size, 3);

    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${consul.dnsPort}`]);
    assert.deepEqual((await resolver.resolve4('web.service.consul')).sort(), addresses(entries));
    assert.deepEqual((await resolver.resolve4('public.web.service.consul')).sort(), addresses(entries));
    const records = await resolver.resolveSrv('web.service.consul');
    assert.deepEqual(new Set(records.map(({ port, weight }) => `${port} ${weight}`)), new Set(['8080 10']));
    const targets = await Promise.all(records.map(({ name }) => resolver.resolve4(name)));
    assert.deepEqual(targets.flat().sort(), addresses(entries));
  });

  test('readiness off is critical with the reason, and on is passing again', async () => {
    const ns = await Namespace.create(kube.api, 'readiness');
    await ns.deploy({ name: 'api', replicas: 2, annotations: { service: 'api', port: 'http' } });
    const [first] = await allPassing('api', 2);
    const pod = first!.Service.Meta['kube-pod']!;

    kubelet.setUnready('readiness', pod, { reason: 'ProbeFailed', message: 'HTTP 503 from :8080/healthz' });
    const critical = await eventually(async () => {
      const entries = await instances(consul, 'api');
      assert.equal(entries.filter(isPassing).length, 1);
      return entries.find(({ Service }) => Service.ID === first!.Service.ID)!;
    }, patience);
    assert.equal(readiness(critical)?.Status, 'critical');
    assert.equal(readiness(critical)?.Output, 'ProbeFailed: HTTP 503 from :8080/healthz');
    assert.equal(critical.Service.ModifyIndex, first!.Service.ModifyIndex, 'only the check is written');

    kubelet.setReady('readiness', pod);
    const again = (await allPassing('api', 2)).find(({ Service }) => Service.ID === first!.Service.ID);
    assert.equal(again?.Service.ModifyIndex, first!.Service.ModifyIndex);
  });

  test('a rollout never shows fewer passing instances than Kubernetes has ready pods', async () => {
    const replicas = 12;
    const ns = await Namespace.create(kube.api, 'rollout');
    await ns.deploy({
      name: 'cart',
      replicas,
      annotations: { service: 'cart', port: 'http', tags: 'v1' },
      strategy: { maxSurge: 4, maxUnavailable: 0 },
    });
    await allPassing('cart', replicas);
    const old = new Set((await ns.pods()).map(({ metadata }) => metadata.uid));

    // With maxUnavailable 0, Kubernetes itself never has fewer ready pods than replicas; both are watched.
    const watching = new AbortController();
    const inConsul = fewestPassing('cart', watching.signal);
    const inKubernetes = fewestReady(ns, watching.signal);
    for (const tag of ['v2', 'v3']) {
      const template = { metadata: { annotations: annotations({ tags: tag }) } };
      await ns.patchDeployment('cart', { spec: { template } });
      await eventually(async () => {
        const entries = await instances(consul, 'cart');
        assert.deepEqual(new Set(entries.flatMap(({ Service }) => Service.Tags)), new Set([tag]));
        assert.equal(entries.filter(isPassing).length, replicas);
        assert.equal(entries.length, replicas);
      }, patience);
    }
    watching.abort();
    assert.deepEqual(addresses(await passing(consul, 'cart')), podAddresses(await ns.pods()));
    assert.ok((await ns.pods()).every(({ metadata }) => !old.has(metadata.uid)));
    assert.equal((await inKubernetes).fewest, replicas, 'Kubernetes kept its promise');
    const { fewest, seen } = await inConsul;
    assert.ok(seen > 4, `${seen} states of Consul were seen`);
    assert.ok(fewest >= replicas, `Consul showed ${fewest} passing instances of ${replicas}`);
  });

  test('scaled to zero, a deployment has no instances, and back up it has new ones', async () => {
    const ns = await Namespace.create(kube.api, 'scale');
    await ns.deploy({ name: 'job', replicas: 5, annotations: { service: 'job', port: 'http' } });
    const before = await allPassing('job', 5);
    await ns.scale('job', 0);
    await gone('job');
    await ns.scale('job', 3);
    const now = await allPassing('job', 3);
    const ids = new Set(before.map(({ Service }) => Service.ID));
    assert.ok(now.every(({ Service }) => !ids.has(Service.ID)));
  });

  test('a deleted namespace leaves nothing behind', async () => {
    const ns = await Namespace.create(kube.api, 'passing-by');
    await ns.deploy({ name: 'tmp', replicas: 4, annotations: { service: 'tmp', port: 'http' } });
    await ns.addService('tmp-service', { service: 'true', port: 'web' }, { app: 'tmp' });
    await Promise.all([allPassing('tmp', 4), allPassing('tmp-service', 4)]);
    await ns.delete();
    await Promise.all([gone('tmp'), gone('tmp-service')]);
  });

  test('several services from one pod are several instances', async () => {
    const ns = await Namespace.create(kube.api, 'several');
    const services = `
      - { service: ledger, port: http, protocol: grpc, tags: [primary, "zone-{node.zone}"] }
      - { service: ledger-metrics, port: admin, check: none }`;
    await ns.addPod('ledger-0', { services });
    const [ledger] = await allPassing('ledger', 1);
    const [metrics] = await allPassing('ledger-metrics', 1);
    assert.equal(ledger!.Service.Port, 8080);
    assert.equal(ledger!.Service.Tags.length, 2);
    assert.match(ledger!.Service.Tags[1]!, /^zone-zone-[abc]$/);
    assert.equal(metrics!.Service.Port, 9090);
    assert.equal(readiness(metrics!), undefined);
  });
});

suite('Services', () => {
  test("an annotated Service's endpoints follow ready, serving and terminating of its slice", async () => {
    const ns = await Namespace.create(kube.api, 'slices');
    await ns.deploy({ name: 'search', replicas: 3 });
    await ns.addService('search', { service: 'true', port: 'web', tags: 'internal' }, { app: 'search' });
    const entries = await allPassing('search', 3);
    for (const { Service } of entries) {
      assert.equal(Service.Port, 8080, 'the port behind the Service');
      assert.deepEqual(Service.Tags, ['internal']);
      assert.equal(Service.Meta['kube-service'], 'search');
    }
    const [first] = entries;
    kubelet.setUnready('slices', first!.Service.Meta['kube-pod']!, { reason: 'Busy', message: 'warming up' });
    await eventually(async () => {
      const off = (await instances(consul, 'search')).filter((entry) => !isPassing(entry));
      assert.deepEqual(
        off.map((entry) => [entry.Service.ID, readiness(entry)?.Status, readiness(entry)?.Output]),
        [[first!.Service.ID, 'critical', 'Busy: warming up']],
      );
    }, patience);
    kubelet.setReady('slices', first!.Service.Meta['kube-pod']!);
    await allPassing('search', 3);

    // With pods that take their time to end, the slice says serving and terminating.
    kubelet.pause();
    await ns.scale('search', 2);
    await eventually(async () => {
      const off = (await instances(consul, 'search')).filter((entry) => !isPassing(entry));
      assert.deepEqual(
        off.map((entry) => [readiness(entry)?.Status, readiness(entry)?.Output]),
        [['critical', 'Pod is terminating']],
      );
    }, patience);
    kubelet.resume();
    await allPassing('search', 2);
  });

  test('endpoints without pods are registered from slices written by hand', async () => {
    const ns = await Namespace.create(kube.api, 'byhand');
    await ns.addService('db', { service: 'legacy-db', port: 'web', 'meta.owner': 'dba' });
    const slice = (conditions: readonly object[]) => ({
      metadata: { name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      ports: [{ name: 'web', port: 5432, protocol: 'TCP' }],
      endpoints: conditions.map((condition, i) => ({
        addresses: [`192.0.2.${i + 1}`],
        conditions: condition,
      })),
    });
    await kube.api.post(ns.slicesPath, slice([{ ready: true }, {}, { ready: false }]));
    const statuses = (expected: Record<string, [string | undefined, string | undefined]>) =>
      eventually(async () => {
        const entries = await instances(consul, 'legacy-db');
        assert.deepEqual(
          Object.fromEntries(
            entries.map((entry) => [
              entry.Service.Address,
              [readiness(entry)?.Status, readiness(entry)?.Output],
            ]),
          ),
          expected,
        );
        return entries;
      }, patience);
    const entries = await statuses({
      '192.0.2.1': ['passing', 'Endpoint is ready'],
      // The API says: nil is to be taken as true.
      '192.0.2.2': ['passing', 'Endpoint is ready'],
      '192.0.2.3': ['critical', 'Endpoint is not ready'],
    });
    for (const { Node, Service } of entries) {
      assert.equal(Node.Node, 'prod-endpoints');
      assert.equal(Service.Port, 5432);
      assert.equal(Service.Meta['owner'], 'dba');
      assert.equal(Service.Meta['kube-pod'], undefined);
    }
    await kube.api.put(
      `${ns.slicesPath}/db-1`,
      slice([{ ready: true }, { ready: false, serving: true, terminating: true }]),
    );
    await statuses({
      '192.0.2.1': ['passing', 'Endpoint is ready'],
      '192.0.2.2': ['critical', 'Endpoint is terminating'],
    });
    await kube.api.delete(`${ns.slicesPath}/db-1`);
    await gone('legacy-db');
  });

  test('a pod reached by its own annotations and by a Service is one instance, as its own say', async () => {
    const ns = await Namespace.create(kube.api, 'both');
    await ns.deploy({ name: 'mix', replicas: 2, annotations: { service: 'mix', port: 'http', tags: 'pod' } });
    await ns.addService('mix', { service: 'true', port: 'web', tags: 'service' }, { app: 'mix' });
    await ns.addService('mix-too', { service: 'true', port: 'web' }, { app: 'mix' });
    await allPassing('mix-too', 2);
    const entries = await allPassing('mix', 2);
    assert.deepEqual(
      entries.map(({ Service }) => Service.Tags),
      [['pod'], ['pod']],
    );
  });
});

/** The fewest passing instances any state of Consul shows until the signal aborts. */
async function fewestPassing(
  service: string,
  signal: AbortSignal,
): Promise<{ fewest: number; seen: number }> {
  let fewest = Number.POSITIVE_INFINITY;
  let seen = 0;
  try {
    for await (const state of states(consul, service, signal)) {
      fewest = Math.min(fewest, state.filter(isPassing).length);
      seen += 1;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { fewest, seen };
}

/** The fewest ready pods the API server tells of until the signal aborts. */
async function fewestReady(ns: Namespace, signal: AbortSignal): Promise<{ fewest: number }> {
  const list = await kube.api.get<KubeList<Pod>>(ns.podsPath);
  const pods = new Map(list.items.map((pod) => [pod.metadata.name, pod]));
  const ready = () => [...pods.values()].filter(isReady).length;
  let fewest = ready();
  try {
    for await (const { type, object } of kube.api.watch<Pod>(
      ns.podsPath,
      list.metadata.resourceVersion,
      signal,
    )) {
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') pods.delete(object.metadata.name);
      else pods.set(object.metadata.name, object);
      fewest = Math.min(fewest, ready());
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { fewest };
}
