/** The main job on real servers: from annotated pods and Services to instances that consumers find. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, suite, test } from 'node:test';
import { type HealthEntry, isPassing, readiness, states } from '../support/real/consul-reads.ts';
import type { KubeList } from '../support/real/kube-api.ts';
import type { Pod } from '../support/real/kubelet.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, isReady, type Namespace } from '../support/real/workloads.ts';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(() => stage?.[Symbol.asyncDispose]());

const addresses = (entries: readonly HealthEntry[]): string[] =>
  entries.map(({ Service }) => Service.Address).sort();
const podAddresses = (pods: readonly Pod[]): string[] => pods.map(({ status }) => status?.podIP ?? '').sort();

suite('pods', () => {
  test('20 annotated pods on 3 nodes are 20 passing instances, in HTTP and in DNS', async () => {
    const shop = await stage.namespace('shop');
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
    const entries = await stage.allPassing('web', 20);
    const pods = new Map((await shop.pods()).map((pod) => [pod.metadata.name, pod]));
    assert.equal(pods.size, 20);
    for (const { Node, Service, Checks } of entries) {
      const pod = pods.get(Service.Meta['kube-pod'] ?? '');
      assert.ok(pod, `${Service.ID} stands for a pod`);
      assert.equal(Node.Node, `prod-${pod.spec.nodeName}`);
      const host = stage.kubelet.nodes.find(({ name }) => name === pod.spec.nodeName);
      assert.ok(host, pod.spec.nodeName);
      assert.equal(Node.Address, host.address);
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
        'kube-pod-created': pod.metadata.creationTimestamp,
        'kube-pod-uid': pod.metadata.uid,
        'kube-region': host.region,
        'kube-zone': host.zone,
        protocol: 'http',
        team: 'shop',
      });
      const types = Checks.map(({ Type }) => Type).sort();
      assert.deepEqual(types, ['kubernetes-node', 'kubernetes-readiness']);
    }
    assert.equal(new Set(addresses(entries)).size, 20);
    assert.equal(new Set(entries.map(({ Node }) => Node.Node)).size, 3);

    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${stage.consul.dnsPort}`]);
    assert.deepEqual((await resolver.resolve4('web.service.consul')).sort(), addresses(entries));
    assert.deepEqual((await resolver.resolve4('public.web.service.consul')).sort(), addresses(entries));
    const records = await resolver.resolveSrv('web.service.consul');
    assert.deepEqual(new Set(records.map(({ port, weight }) => `${port} ${weight}`)), new Set(['8080 10']));
    const targets = await Promise.all(records.map(({ name }) => resolver.resolve4(name)));
    assert.deepEqual(targets.flat().sort(), addresses(entries));
  });

  test('readiness off is critical with the reason, and on is passing again', async () => {
    const ns = await stage.namespace('readiness');
    await ns.deploy({ name: 'api', replicas: 2, annotations: { service: 'api', port: 'http' } });
    const [first] = await stage.allPassing('api', 2);
    const pod = first!.Service.Meta['kube-pod']!;

    stage.kubelet.setUnready('readiness', pod, {
      reason: 'ProbeFailed',
      message: 'HTTP 503 from :8080/healthz',
    });
    const critical = await stage.eventually('the probe failure is in Consul', async () => {
      const entries = await stage.instances('api');
      assert.equal(entries.filter(isPassing).length, 1);
      return entries.find(({ Service }) => Service.ID === first!.Service.ID)!;
    });
    assert.equal(readiness(critical)?.Status, 'critical');
    assert.equal(readiness(critical)?.Output, 'ProbeFailed: HTTP 503 from :8080/healthz');
    assert.equal(critical.Service.ModifyIndex, first!.Service.ModifyIndex, 'only the check is written');

    stage.kubelet.setReady('readiness', pod);
    const again = (await stage.allPassing('api', 2)).find(({ Service }) => Service.ID === first!.Service.ID);
    assert.equal(again?.Service.ModifyIndex, first!.Service.ModifyIndex);
  });

  test('a rollout never shows fewer passing instances than Kubernetes has ready pods', async () => {
    const replicas = 12;
    const ns = await stage.namespace('rollout');
    await ns.deploy({
      name: 'cart',
      replicas,
      annotations: { service: 'cart', port: 'http', tags: 'v1' },
      strategy: { maxSurge: 4, maxUnavailable: 0 },
    });
    await stage.allPassing('cart', replicas);
    const old = new Set((await ns.pods()).map(({ metadata }) => metadata.uid));

    // With maxUnavailable 0, Kubernetes itself never has fewer ready pods than replicas; both are watched.
    const watching = new AbortController();
    const inConsul = new Fewest(passingCounts('cart', watching.signal), watching.signal);
    const inKubernetes = new Fewest(readyCounts(ns, watching.signal), watching.signal);
    for (const tag of ['v2', 'v3']) {
      const template = { metadata: { annotations: annotations({ tags: tag }) } };
      await ns.patchDeployment('cart', { spec: { template } });
      await stage.eventually('the rollout is in Consul', async () => {
        const entries = await stage.instances('cart');
        assert.deepEqual(new Set(entries.flatMap(({ Service }) => Service.Tags)), new Set([tag]));
        assert.equal(entries.filter(isPassing).length, replicas);
        assert.equal(entries.length, replicas);
      });
    }
    await stage.eventually('the rollout was watched', async () => assert.ok(inConsul.seen > 1));
    watching.abort();
    await Promise.all([inConsul.ended, inKubernetes.ended]);
    assert.deepEqual(addresses(await stage.instances('cart')), podAddresses(await ns.pods()));
    assert.ok((await ns.pods()).every(({ metadata }) => !old.has(metadata.uid)));
    assert.equal(inKubernetes.fewest, replicas, 'Kubernetes kept its promise');
    assert.ok(
      inConsul.fewest >= replicas,
      `Consul showed ${inConsul.fewest} passing instances of ${replicas}, in ${inConsul.seen} states`,
    );
  });

  test('scaled to zero, a deployment has no instances, and back up it has new ones', async () => {
    const ns = await stage.namespace('scale');
    await ns.deploy({ name: 'job', replicas: 5, annotations: { service: 'job', port: 'http' } });
    const before = await stage.allPassing('job', 5);
    await ns.scale('job', 0);
    await stage.gone('job');
    await ns.scale('job', 3);
    const now = await stage.allPassing('job', 3);
    const ids = new Set(before.map(({ Service }) => Service.ID));
    assert.ok(now.every(({ Service }) => !ids.has(Service.ID)));
  });

  test('a deleted namespace leaves nothing behind', async () => {
    const ns = await stage.namespace('passing-by');
    await ns.deploy({ name: 'tmp', replicas: 4, annotations: { service: 'tmp', port: 'http' } });
    await ns.addService('tmp-service', { service: 'true', port: 'web' }, { app: 'tmp' });
    await Promise.all([stage.allPassing('tmp', 4), stage.allPassing('tmp-service', 4)]);
    await ns.delete();
    await Promise.all([stage.gone('tmp'), stage.gone('tmp-service')]);
  });

  test('several services from one pod are several instances', async () => {
    const ns = await stage.namespace('several');
    const services = `
      - { service: ledger, port: http, protocol: grpc, tags: [primary, "zone-{node.zone}"] }
      - { service: ledger-metrics, port: admin, check: none }`;
    await ns.addPod('ledger-0', { services });
    const [ledger] = await stage.allPassing('ledger', 1);
    const [metrics] = await stage.allPassing('ledger-metrics', 1);
    assert.equal(ledger!.Service.Port, 8080);
    assert.equal(ledger!.Service.Tags.length, 2);
    assert.match(ledger!.Service.Tags[1]!, /^zone-zone-[abc]$/);
    assert.equal(metrics!.Service.Port, 9090);
    assert.equal(readiness(metrics!), undefined);
  });
});

suite('Services', () => {
  test("an annotated Service's endpoints follow ready, serving and terminating of its slice", async () => {
    const ns = await stage.namespace('slices');
    await ns.deploy({ name: 'search', replicas: 3 });
    await ns.addService('search', { service: 'true', port: 'web', tags: 'internal' }, { app: 'search' });
    const entries = await stage.allPassing('search', 3);
    for (const { Service } of entries) {
      assert.equal(Service.Port, 8080, 'the port behind the Service');
      assert.deepEqual(Service.Tags, ['internal']);
      assert.equal(Service.Meta['kube-service'], 'search');
    }
    const [first] = entries;
    stage.kubelet.setUnready('slices', first!.Service.Meta['kube-pod']!, {
      reason: 'Busy',
      message: 'warming up',
    });
    await stage.eventually('the probe failure is in Consul', async () => {
      const off = (await stage.instances('search')).filter((entry) => !isPassing(entry));
      assert.deepEqual(
        off.map((entry) => [entry.Service.ID, readiness(entry)?.Status, readiness(entry)?.Output]),
        [[first!.Service.ID, 'critical', 'Busy: warming up']],
      );
    });
    stage.kubelet.setReady('slices', first!.Service.Meta['kube-pod']!);
    await stage.allPassing('search', 3);

    // With pods that take their time to end, the slice says serving and terminating.
    stage.kubelet.pause();
    await ns.scale('search', 2);
    await stage.eventually('the ending pod is critical', async () => {
      const off = (await stage.instances('search')).filter((entry) => !isPassing(entry));
      assert.deepEqual(
        off.map((entry) => [readiness(entry)?.Status, readiness(entry)?.Output]),
        [['critical', 'Pod is terminating']],
      );
    });
    stage.kubelet.resume();
    await stage.allPassing('search', 2);
  });

  test('endpoints without pods are registered from slices written by hand', async () => {
    const ns = await stage.namespace('byhand');
    await ns.addService('db', { service: 'legacy-db', port: 'web', 'meta.owner': 'dba', drain: 'warning' });
    const slice = (conditions: readonly object[]) => ({
      metadata: { name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      ports: [{ name: 'web', port: 5432, protocol: 'TCP' }],
      endpoints: conditions.map((condition, i) => ({
        addresses: [`192.0.2.${i + 1}`],
        conditions: condition,
      })),
    });
    await stage.kube.api.post(ns.slicesPath, slice([{ ready: true }, {}, { ready: false }]));
    const statuses = (expected: Record<string, [string | undefined, string | undefined]>) =>
      stage.eventually('the statuses are in Consul', async () => {
        const entries = await stage.instances('legacy-db');
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
      });
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
    await stage.kube.api.put(
      `${ns.slicesPath}/db-1`,
      slice([
        { ready: true },
        { ready: false, serving: true, terminating: true },
        { ready: false, serving: false, terminating: true },
      ]),
    );
    await statuses({
      '192.0.2.1': ['passing', 'Endpoint is ready'],
      '192.0.2.2': ['warning', 'Endpoint is terminating'],
      '192.0.2.3': ['critical', 'Endpoint is terminating'],
    });
    await stage.kube.api.delete(`${ns.slicesPath}/db-1`);
    await stage.gone('legacy-db');
  });

  test('a pod reached by its own annotations and by a Service is one instance, as its own say', async () => {
    const ns = await stage.namespace('both');
    await ns.deploy({ name: 'mix', replicas: 2, annotations: { service: 'mix', port: 'http', tags: 'pod' } });
    await ns.addService('mix', { service: 'true', port: 'web', tags: 'service' }, { app: 'mix' });
    await ns.addService('mix-too', { service: 'true', port: 'web' }, { app: 'mix' });
    await stage.allPassing('mix-too', 2);
    await stage.eventually('the pods have their own tags', async () => {
      const entries = await stage.allPassing('mix', 2);
      assert.deepEqual(
        entries.map(({ Service }) => Service.Tags),
        [['pod'], ['pod']],
      );
    });
  });
});

/** The fewest of something in the states that were seen so far. */
class Fewest {
  fewest = Number.POSITIVE_INFINITY;
  seen = 0;
  /** Resolves after the signal's abort. */
  readonly ended: Promise<void>;

  constructor(counts: AsyncIterable<number>, signal: AbortSignal) {
    this.ended = this.#watch(counts).catch((error) => {
      if (!signal.aborted) throw error;
    });
    // Who awaits it still gets the error, only later.
    this.ended.catch(() => {});
  }

  async #watch(counts: AsyncIterable<number>): Promise<void> {
    for await (const count of counts) {
      this.fewest = Math.min(this.fewest, count);
      this.seen += 1;
    }
  }
}

/** Passing instances in each state of Consul. */
async function* passingCounts(service: string, signal: AbortSignal): AsyncGenerator<number> {
  for await (const state of states(stage.consul, service, signal)) yield state.filter(isPassing).length;
}

/** Ready pods after each event of the API server. */
async function* readyCounts(ns: Namespace, signal: AbortSignal): AsyncGenerator<number> {
  const { api } = stage.kube;
  const { items, metadata } = await api.get<KubeList<Pod>>(ns.podsPath);
  const pods = new Map(items.map((pod) => [pod.metadata.name, pod]));
  yield items.filter(isReady).length;
  for await (const { type, object } of api.watch<Pod>(ns.podsPath, metadata.resourceVersion, signal)) {
    if (type === 'BOOKMARK') continue;
    if (type === 'DELETED') pods.delete(object.metadata.name);
    else pods.set(object.metadata.name, object);
    yield [...pods.values()].filter(isReady).length;
  }
}
