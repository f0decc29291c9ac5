import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';

type Ingress = readonly { readonly ip?: string; readonly hostname?: string }[];

interface ServiceFields {
  readonly name?: string;
  readonly type?: string;
  readonly ingress?: Ingress;
  readonly spec?: object;
}

function putService(
  cluster: SmallCluster,
  annotations: Readonly<Record<string, string>>,
  { name = 'web', type = 'LoadBalancer', ingress = [{ ip: '203.0.113.7' }], spec = {} }: ServiceFields = {},
): void {
  cluster.kube.addNamespace('default');
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'default',
      annotations: Object.fromEntries(
        Object.entries({ service: 'true', ...annotations }).map(([key, value]) => [
          `kube-registrar.io/${key}`,
          value,
        ]),
      ),
    },
    spec: {
      type,
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30_080 }],
      ...spec,
    },
    status: { loadBalancer: { ingress } },
  });
}

interface PodObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly status: { readonly conditions: readonly { readonly type: string }[] };
}

interface Backend {
  readonly name: string;
  readonly node: string;
  readonly ip: string;
  readonly ready?: boolean;
}

const backends: readonly Backend[] = [
  { name: 'web-0', node: 'n1', ip: '10.1.0.1' },
  { name: 'web-1', node: 'n2', ip: '10.1.0.2' },
];

/** Pods without annotations of their own, and the slice that lists them. */
function putBackends(cluster: SmallCluster, list: readonly Backend[] = backends, service = 'web'): void {
  for (const { name, node, ip, ready = true } of list) cluster.putPod(name, {}, { node, ip, ready });
  putSlice(cluster, list, service);
}

function putSlice(cluster: SmallCluster, list: readonly Backend[], service = 'web'): void {
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-x`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: list.map(({ name, node, ip, ready = true }) => ({
      addresses: [ip],
      nodeName: node,
      conditions: { ready, serving: ready },
      targetRef: { kind: 'Pod', name, namespace: 'default', uid: uidOf(cluster, name) },
    })),
  });
}

const uidOf = (cluster: SmallCluster, pod: string): string =>
  cluster.kube.store.get('pods', 'default', pod)!.metadata.uid!;

const lb = { address: 'load-balancer' };
const none = 'kubernetes-endpoints';
const onPods = ['kubernetes-n1/10.1.0.1', 'kubernetes-n2/10.1.0.2'];
const onNodes = ['kubernetes-n1/10.0.0.1', 'kubernetes-n2/10.0.0.2'];
const onBalancer = [`${none}/203.0.113.7`];

describe('a Service with a load balancer', () => {
  test('comes when its provider writes an address, follows its endpoints, and goes with the Service', async () => {
    const cluster = new SmallCluster();
    putBackends(cluster);
    putService(cluster, lb, { ingress: [] });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    putService(cluster, lb);
    await cluster.clock.advance(100);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    putBackends(
      cluster,
      backends.map((each) => ({ ...each, ready: false })),
    );
    await cluster.clock.advance(2_000);
    assert.deepEqual(cluster.passing('web'), []);
    const output = cluster.consul.outsider.checks(none).map(({ Output }) => Output);
    assert.deepEqual(output, ['No endpoint of the Service is ready']);
    putBackends(cluster);
    await cluster.clock.advance(100);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    cluster.kube.store.delete('services', 'default', 'web');
    await cluster.clock.advance(500);
    assert.deepEqual(cluster.consul.outsider.services(none), []);
    await operator.stop();
  });

  test('keeps its old address until the new one is there, and loses it once a second read confirms the removal', async () => {
    const cluster = new SmallCluster();
    putBackends(cluster);
    putService(cluster, lb);
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    putService(cluster, lb, { ingress: [{ ip: '203.0.113.8' }] });
    await cluster.clock.advance(100);
    assert.deepEqual(cluster.passing('web'), [`${none}/203.0.113.7`, `${none}/203.0.113.8`]);
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), [`${none}/203.0.113.8`]);
    putService(cluster, lb, { ingress: [] });
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), []);
    await operator.stop();
  });

  test('stays when the addresses of too many come back one by one', async () => {
    const cluster = new SmallCluster();
    const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
    const put = (name: string, ingress: Ingress) =>
      putService(cluster, lb, { name, ingress, spec: { selector: null } });
    for (const [index, name] of names.entries()) put(name, [{ ip: `203.0.113.${index + 1}` }]);
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    for (const name of names) put(name, []);
    await cluster.clock.advance(10_000);
    for (const [index, name] of names.entries()) {
      put(name, [{ ip: `203.0.113.${index + 1}` }]);
      await cluster.clock.advance(50);
      assert.equal(cluster.consul.outsider.services(none).length, 20, `${index + 1} are back`);
    }
    await cluster.clock.advance(60_000);
    assert.equal(cluster.consul.outsider.services(none).length, 20);
    await operator.stop();
  });

  test('stays when the addresses of too many are taken away at once, and goes in the end', async () => {
    const cluster = new SmallCluster();
    const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
    const put = (ingress?: Ingress) => {
      for (const [index, name] of names.entries())
        putService(cluster, lb, {
          name,
          ingress: ingress ?? [{ ip: `203.0.113.${index + 1}` }],
          spec: { selector: null },
        });
    };
    put();
    const registered = () => cluster.consul.outsider.services(none).length;
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    assert.equal(registered(), 20);
    put([]);
    await cluster.clock.advance(60_000);
    assert.equal(registered(), 20, 'a provider lost the status of all');
    assert.ok(operator.log.some(({ fields }) => fields['reason'] === 'RemovalHeld'));
    put();
    await cluster.clock.advance(60_000);
    put([]);
    // While nobody writes, the API server is not believed to be well.
    for (let step = 0; step < 30; step += 1) {
      cluster.kube.addNamespace(`step-${step}`);
      await cluster.clock.advance(10_000);
    }
    assert.equal(registered(), 0);
    await operator.stop();
  });
});

describe('a Service with a load balancer, while its pods are called not ready', () => {
  /** As the node controller does: Ready becomes False without a reason, the containers' condition stays. */
  function cutOff(cluster: SmallCluster, nodes: readonly string[], isCut: boolean): void {
    for (const node of nodes)
      cluster.addNode(node, node === 'n1' ? '10.0.0.1' : '10.0.0.2', isCut ? 'Unknown' : 'True');
    for (const { name } of backends.filter((each) => nodes.includes(each.node))) {
      const pod = cluster.kube.store.get('pods', 'default', name)! as unknown as PodObject;
      const conditions = pod.status.conditions.map(({ type }) => ({
        type,
        status: type === 'Ready' && isCut ? 'False' : 'True',
      }));
      cluster.kube.store.apply({ ...pod, status: { ...pod.status, conditions } });
    }
    putSlice(
      cluster,
      backends.map((each) => ({ ...each, ready: !(isCut && nodes.includes(each.node)) })),
    );
  }

  async function running() {
    const cluster = new SmallCluster();
    putBackends(cluster);
    putService(cluster, lb);
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    return { cluster, operator };
  }

  test('passes on when many nodes are, for as long as that may be held, and says so', async () => {
    const { cluster, operator } = await running();
    cutOff(cluster, ['n1', 'n2'], true);
    await cluster.clock.advance(14 * 60_000);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    const held = operator.log.filter(({ fields }) => fields['because'] === 'panic');
    assert.equal(held.length, 1);
    cutOff(cluster, ['n1', 'n2'], false);
    await cluster.clock.advance(60_000);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    await operator.stop();
  });

  test('fails in the end', async () => {
    const { cluster, operator } = await running();
    cutOff(cluster, ['n1', 'n2'], true);
    await cluster.clock.advance(16 * 60_000);
    assert.deepEqual(cluster.passing('web'), []);
    await operator.stop();
  });

  test('fails when its pods say so themselves', async () => {
    const { cluster, operator } = await running();
    cutOff(cluster, ['n1', 'n2'], true);
    await cluster.clock.advance(60_000);
    putBackends(
      cluster,
      backends.map((each) => ({ ...each, ready: false })),
    );
    await cluster.clock.advance(15_000);
    assert.deepEqual(cluster.passing('web'), []);
    await operator.stop();
  });
});

describe('a Service on node ports', () => {
  test('is registered without any EndpointSlice, as soon as slices may be read', async () => {
    const cluster = new SmallCluster();
    putService(cluster, { address: 'node-port', 'node-port': 'nodes' }, { spec: { selector: null } });
    cluster.kube.faults.intercept = ({ path }) =>
      path.startsWith('/apis/discovery.k8s.io/')
        ? {
            kind: 'answer',
            status: 403,
            body: JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden' }),
          }
        : undefined;
    const operator = cluster.start();
    await cluster.clock.advance(5_000);
    const registered = () =>
      ['kubernetes-n1', 'kubernetes-n2'].flatMap((node) => cluster.consul.outsider.services(node));
    assert.deepEqual(registered(), []);
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(60_000);
    assert.equal(registered().length, 2);
    await operator.stop();
  });

  test('leaves a node that is gone', async () => {
    const cluster = new SmallCluster();
    putBackends(cluster, backends.slice(0, 1));
    putService(cluster, { address: 'node-port', 'node-port': 'nodes' });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), onNodes);
    cluster.kube.store.delete('nodes', undefined, 'n2');
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), onNodes.slice(0, 1));
    await operator.stop();
  });
});

describe('a Service whose address changes', () => {
  const kinds: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
    ['pods', {}, onPods],
    ['load balancer', lb, onBalancer],
    ['node ports', { address: 'node-port' }, onNodes],
    ['external IPs', { address: 'external-ips' }, [`${none}/198.51.100.7`]],
  ];
  const spec = { externalIPs: ['198.51.100.7'] };
  for (const [from, before, old] of kinds) {
    for (const [to, after, now] of kinds.filter(([name]) => name !== from)) {
      test(`is registered at every moment when it moves from ${from} to ${to}`, async () => {
        const cluster = new SmallCluster();
        putBackends(cluster);
        putService(cluster, before, { spec });
        const operator = cluster.start();
        await cluster.clock.advance(1_000);
        assert.deepEqual(cluster.passing('web'), old);
        const seen: string[][] = [];
        cluster.consul.intercept = () => void seen.push(cluster.passing('web'));
        putService(cluster, after, { spec });
        await cluster.clock.advance(2_000);
        assert.deepEqual(cluster.passing('web'), now);
        const hasAll = (list: readonly string[], all: readonly string[]) =>
          all.every((each) => list.includes(each));
        assert.ok(
          seen.every((list) => hasAll(list, old) || hasAll(list, now)),
          'all of the old or all of the new',
        );
        await operator.stop();
      });
    }
  }

  test('stays as it was until the new one can be registered, and follows its pods meanwhile', async () => {
    const cluster = new SmallCluster();
    putBackends(cluster);
    putService(cluster, {}, { ingress: [] });
    let operator = cluster.start();
    await cluster.clock.advance(1_000);
    putService(cluster, lb, { ingress: [] });
    await cluster.clock.advance(60_000);
    assert.deepEqual(cluster.passing('web'), onPods, 'the balancer has no address yet');
    cluster.putPod('web-0', {}, { node: 'n1', ip: '10.1.0.1', ready: false });
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), onPods.slice(1));
    await operator.stop();
    operator = cluster.start();
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), onPods.slice(1), 'after a restart as well');
    putService(cluster, lb);
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing('web'), onBalancer);
    await operator.stop();
  });

  test('leaves its balancer when another address has it too, and node ports that no endpoint is behind', async () => {
    const cluster = new SmallCluster();
    const put = (...reaches: string[]) => {
      const services = reaches.map((address) => `{service: web, port: http, address: ${address}}`);
      const spec = { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] };
      putService(cluster, { services: `[${services.join(', ')}]` }, { spec });
    };
    put('load-balancer', 'cluster-ip');
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    const addresses = () => cluster.consul.outsider.services(none).map(({ Address }) => Address);
    assert.deepEqual(addresses().sort(), ['10.96.0.1', '203.0.113.7']);
    put('node-port', 'cluster-ip');
    await cluster.clock.advance(1_000);
    assert.deepEqual(addresses(), ['10.96.0.1']);
    await operator.stop();
  });

  test('leaves its balancer when its pods register themselves, or opt out', async () => {
    for (const own of [{ service: 'web' }, { service: 'false' }]) {
      const cluster = new SmallCluster();
      putBackends(cluster);
      for (const { name, node, ip } of backends) cluster.putPod(name, own, { node, ip });
      putService(cluster, lb);
      const operator = cluster.start();
      await cluster.clock.advance(1_000);
      putService(cluster, {});
      await cluster.clock.advance(2_000);
      assert.deepEqual(cluster.passing('web'), own.service === 'web' ? onPods : []);
      await operator.stop();
    }
  });

  const mistakes: readonly (readonly [string, Readonly<Record<string, string>>, ServiceFields])[] = [
    ['a value that is not known', { address: 'node-port', 'node-port': 'all' }, {}],
    ['a port that it does not have', { address: 'node-port', port: 'htp' }, {}],
    ['node ports that it does not have', { address: 'node-port' }, { type: 'ClusterIP' }],
    ['pods at a port that it does not have', { address: 'pod', port: 'htp' }, {}],
  ];
  for (const [what, annotations, { type = 'LoadBalancer' }] of mistakes) {
    test(`stays where it is when it asks for ${what}, though it has no endpoints`, async () => {
      const cluster = new SmallCluster();
      putService(cluster, lb, { spec: { selector: null } });
      const operator = cluster.start();
      await cluster.clock.advance(1_000);
      assert.deepEqual(cluster.passing('web'), onBalancer);
      const spec = { selector: null, ports: [{ name: 'http', port: 80 }] };
      putService(cluster, annotations, type === 'ClusterIP' ? { type, spec } : { spec: { selector: null } });
      await cluster.clock.advance(60_000);
      assert.deepEqual(cluster.passing('web'), onBalancer);
      await operator.stop();
    });
  }

  test('is removed at once when the Service is deleted meanwhile', async () => {
    const cluster = new SmallCluster();
    putBackends(cluster);
    putService(cluster, {}, { ingress: [] });
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    putService(cluster, lb, { ingress: [] });
    await cluster.clock.advance(1_000);
    cluster.kube.store.delete('services', 'default', 'web');
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    await operator.stop();
  });
});
