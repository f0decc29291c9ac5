import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import fc from 'fast-check';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { silentLogger } from '../logging/logger.ts';
import { KubeApi } from '../sandbox/kube/kube-api.ts';
import { ClusterStores, type ClusterStoresOptions } from './cluster-stores.ts';

const annotations = { 'kube-registrar.io/service': 'web' };

const pod = (name: string, node: string, ip = '10.0.0.1'): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', annotations },
  spec: { containers: [{ name: 'app', image: 'app' }], nodeName: node },
  status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
});

const service = (annotated: boolean, name = 'web'): V1Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default', ...(annotated ? { annotations } : {}) },
  spec: { ports: [{ port: 80 }] },
});

/** A Service that is reached as a whole. */
const whole = (address: string, more: Readonly<Record<string, string>> = {}, ready = true): V1Service => ({
  ...service(true),
  metadata: {
    name: 'web',
    namespace: 'default',
    annotations: {
      ...annotations,
      'kube-registrar.io/address': address,
      ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`kube-registrar.io/${key}`, value])),
    },
  },
  spec: { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30080 }] },
  status: { loadBalancer: { ingress: ready ? [{ ip: '203.0.113.7' }] : [] } },
});

interface Target {
  readonly ip: string;
  readonly node?: string;
  readonly pod?: string;
  readonly ready?: boolean;
}

const slice = (targets: readonly Target[], name = 'web-x', port = 80): V1EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port, protocol: 'TCP' }],
  endpoints: targets.map(({ ip, node, pod, ready = true }) => ({
    addresses: [ip],
    conditions: { ready },
    ...(node ? { nodeName: node } : {}),
    ...(pod ? { targetRef: { kind: 'Pod', name: pod, namespace: 'default', uid: `uid-${pod}` } } : {}),
  })),
});

const kubeNode = (name: string, address: string): V1Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address }] },
});

/** The stores against the in-memory API server, synced. */
async function synced(options: Partial<ClusterStoresOptions> = {}, seed = 1) {
  const clock = new VirtualClock();
  const random = seeded(seed);
  const api = new KubeApi({ clock, random });
  const dirty: string[] = [];
  const times = new Set<number>();
  const stores = new ClusterStores({
    transport: api.transport(),
    clock,
    random,
    logger: silentLogger,
    annotationPrefix: 'kube-registrar.io/',
    onDirty: (node, at) => {
      dirty.push(node);
      times.add(at);
    },
    ...options,
  });
  const abort = new AbortController();
  void stores.reflectors.start(abort.signal);
  await clock.settle();
  return {
    clock,
    api,
    stores,
    times,
    /** Changes the cluster and says which nodes that made dirty. */
    async dirtiedBy(change: () => void): Promise<string[]> {
      dirty.length = 0;
      change();
      await clock.settle();
      return [...new Set(dirty)].sort();
    },
    async apply(...objects: readonly Applied[]): Promise<string[]> {
      return this.dirtiedBy(() => {
        for (const object of objects) apply(api, object);
      });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await stores.reflectors.start(abort.signal);
      assert.equal(clock.pending, 0, 'timers left behind');
    },
  };
}

type Applied = V1Pod | V1Service | V1EndpointSlice | V1Node;

const apply = (api: KubeApi, object: Applied) =>
  api.store.apply(object as unknown as Parameters<typeof api.store.apply>[0]);

const slices = 'endpointslices.discovery.k8s.io';

describe('ClusterStores: dirty nodes', () => {
  test('a pod makes its old and its new node dirty', async () => {
    await using it = await synced();
    assert.deepEqual(await it.apply(pod('a', 'node-1')), ['node-1']);
    assert.deepEqual(await it.apply(pod('a', 'node-1', '10.0.0.2')), ['node-1']);
    assert.deepEqual(await it.apply(pod('a', 'node-2')), ['node-1', 'node-2']);
    assert.deepEqual(await it.dirtiedBy(() => it.api.store.delete('pods', 'default', 'a')), ['node-2']);
  });

  test('the readiness of a pod that asks for nothing makes none dirty, but its address does', async () => {
    await using it = await synced();
    const plain = (name: string, isReady: boolean, ip = '10.0.0.1'): V1Pod => {
      const { metadata, status, ...rest } = pod(name, 'node-1', ip);
      const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
      return { ...rest, metadata: { ...metadata, annotations: {} }, status: { ...status, conditions } };
    };
    assert.deepEqual(await it.apply(plain('a', false)), ['node-1']);
    assert.deepEqual(await it.apply(plain('a', true)), []);
    assert.deepEqual(await it.apply(plain('a', true, '10.0.0.2')), ['node-1']);
    assert.deepEqual(await it.apply(pod('a', 'node-1', '10.0.0.2')), ['node-1'], 'it asks now');
    assert.deepEqual(await it.apply(plain('a', true, '10.0.0.2')), ['node-1'], 'it asked before');
    await it.apply(service(true), slice([{ ip: '10.0.0.2', node: 'node-2', pod: 'a' }]));
    assert.deepEqual(await it.apply(plain('a', false, '10.0.0.2')), ['node-1', 'node-2'], 'an endpoint asks');
  });

  test('an unscheduled pod makes none dirty', async () => {
    await using it = await synced();
    assert.deepEqual(await it.apply(pod('a', '')), []);
  });

  test('a change of nothing we keep makes none dirty', async () => {
    await using it = await synced();
    await it.apply(pod('a', 'node-1'), service(true), slice([{ ip: '10.0.0.1', node: 'node-1' }]));
    await it.apply(kubeNode('node-1', '192.168.0.1'));
    const touched = await it.dirtiedBy(() => {
      for (const [storage, namespace, name] of [
        ['pods', 'default', 'a'],
        ['services', 'default', 'web'],
        [slices, 'default', 'web-x'],
        ['nodes', undefined, 'node-1'],
      ] as const) {
        const object = it.api.store.get(storage, namespace, name)!;
        const metadata = {
          ...object.metadata,
          annotations: { ...object.metadata.annotations, heartbeat: 'x' },
        };
        apply(it.api, { ...object, metadata } as unknown as Applied);
      }
    });
    assert.deepEqual(touched, []);
    assert.equal(
      it.stores.pod('default', 'a')?.resourceVersion,
      it.api.store.get('pods', 'default', 'a')?.metadata.resourceVersion,
    );
  });

  test('a Service that gains or loses our annotations makes all nodes of its endpoints dirty', async () => {
    await using it = await synced();
    const targets = [
      { ip: '10.0.0.1', node: 'node-1' },
      { ip: '10.0.0.2', node: 'node-2' },
      { ip: '203.0.113.1' },
    ];
    assert.deepEqual(await it.apply(service(false), slice(targets)), []);
    assert.deepEqual(await it.apply(service(true)), ['', 'node-1', 'node-2']);
    assert.deepEqual(await it.apply(service(false)), ['', 'node-1', 'node-2']);
    assert.deepEqual([...it.stores.endpointsOnNode('node-1')], []);
    await it.apply(service(true));
    assert.deepEqual(await it.dirtiedBy(() => it.api.store.delete('services', 'default', 'web')), [
      '',
      'node-1',
      'node-2',
    ]);
  });

  test('a slice of an annotated Service makes the nodes dirty whose endpoints differ', async () => {
    await using it = await synced();
    await it.apply(service(true));
    const [one, two] = [
      { ip: '10.0.0.1', node: 'node-1' },
      { ip: '10.0.0.2', node: 'node-2' },
    ];
    assert.deepEqual(await it.apply(slice([one, two])), ['', 'node-1', 'node-2'], 'it has its first ones');
    assert.deepEqual(await it.apply(slice([one, { ip: '10.0.0.3', node: 'node-3' }])), ['node-2', 'node-3']);
    assert.deepEqual(await it.apply(slice([one, { ip: '10.0.0.3', node: 'node-3' }], 'web-x', 81)), [
      'node-1',
      'node-3',
    ]);
    assert.deepEqual(await it.dirtiedBy(() => it.api.store.delete(slices, 'default', 'web-x')), [
      '',
      'node-1',
      'node-3',
    ]);
  });

  test('endpoints that are as they were stay the same objects when their slice changes', async () => {
    await using it = await synced();
    const [one, two] = ['10.0.0.1', '10.0.0.2'].map((ip) => ({ ip, node: 'node-1' })) as [Target, Target];
    const endpoints = () => [...it.stores.endpointsOnNode('node-1')].map(({ endpoint }) => endpoint);
    await it.apply(service(true), slice([one, two]));
    const [first, second] = endpoints();
    await it.apply(slice([one, { ...two, ready: false }]));
    const [firstAgain, secondAgain] = endpoints();
    assert.equal(firstAgain, first);
    assert.notEqual(secondAgain, second);
    assert.equal(secondAgain!.ready, false);
    const [listed] = [...it.stores.slicesOfService('default', 'web')];
    assert.equal(listed!.endpoints[0], first, 'in memory once');
  });

  test('a pod that is gone is departed while a slice of an annotated Service lists it', async () => {
    await using it = await synced();
    const departed = () => it.stores.departedPod('default', 'a')?.ips;
    await it.apply(pod('a', 'node-1'), service(true), slice([{ ip: '10.0.0.1', node: 'node-1', pod: 'a' }]));
    assert.equal(departed(), undefined);
    await it.dirtiedBy(() => it.api.store.delete('pods', 'default', 'a'));
    assert.equal(departed()?.length, 1);
    await it.apply(slice([{ ip: '10.0.0.1', node: 'node-1', pod: 'a' }], 'web-x', 81));
    assert.equal(departed()?.length, 1);
    await it.apply(slice([]));
    assert.equal(departed(), undefined);
    await it.apply(pod('a', 'node-1'), slice([{ ip: '10.0.0.1', node: 'node-1', pod: 'a' }]));
    await it.dirtiedBy(() => it.api.store.delete('pods', 'default', 'a'));
    await it.apply(pod('a', 'node-1'));
    assert.equal(departed(), undefined, 'it is there again');
    await it.dirtiedBy(() => it.api.store.delete('pods', 'default', 'a'));
    await it.apply(service(false));
    assert.equal(departed(), undefined, 'nobody asks for it');
  });

  test('an annotated Service is unreached while it has no endpoints', async () => {
    await using it = await synced();
    const unreached = () => [...it.stores.unreachedServices()].map(({ name }) => name);
    assert.deepEqual(await it.apply(service(false)), []);
    assert.deepEqual(unreached(), []);
    assert.deepEqual(await it.apply(service(true)), ['']);
    assert.deepEqual(unreached(), ['web']);
    assert.deepEqual(await it.apply(slice([])), [], 'a slice without any changes nothing');
    await it.apply(slice([{ ip: '10.0.0.1', node: 'node-1' }]));
    assert.deepEqual(unreached(), []);
    await it.apply(slice([]));
    assert.deepEqual(unreached(), ['web']);
    await it.dirtiedBy(() => it.api.store.delete('services', 'default', 'web'));
    assert.deepEqual(unreached(), []);
  });

  test('a Service with a load balancer makes the endpoints without a node dirty as its address or readiness changes', async () => {
    await using it = await synced();
    const ready = { ip: '10.0.0.1', node: 'n1' };
    assert.deepEqual(await it.apply(whole('load-balancer', {}, false)), ['']);
    assert.deepEqual(await it.apply(whole('load-balancer')), [''], 'its status');
    assert.deepEqual(await it.apply(slice([{ ...ready, ready: false }])), ['', 'n1']);
    assert.equal(it.stores.readiness('default', 'web'), 'not-ready');
    assert.deepEqual(await it.apply(slice([ready])), ['', 'n1']);
    assert.deepEqual(
      await it.apply(slice([ready, { ip: '10.0.0.2', node: 'n2' }])),
      ['n2'],
      'it was ready before, and is',
    );
    assert.equal(it.stores.readiness('default', 'web'), 'ready');
    assert.deepEqual([...it.stores.servicesOnEveryNode()], []);
    assert.deepEqual(await it.apply(service(false)), ['', 'n1', 'n2']);
    assert.deepEqual([...it.stores.wholeServices()], []);
  });

  test('a Service on a port of every node makes all nodes dirty', async () => {
    await using it = await synced();
    await it.apply(kubeNode('n1', '192.0.2.1'), kubeNode('n2', '192.0.2.2'));
    const onNodes = whole('node-port', { 'node-port': 'nodes' });
    assert.deepEqual(await it.apply(onNodes), ['', 'n1', 'n2']);
    assert.deepEqual(await it.apply(slice([{ ip: '10.0.0.1', node: 'n1' }])), ['', 'n1', 'n2']);
    assert.deepEqual(await it.apply(slice([{ ip: '10.0.0.9', node: 'n1' }])), ['n1']);
    assert.deepEqual(await it.apply(whole('node-port')), ['', 'n1', 'n2'], 'it leaves the others');
    assert.deepEqual(await it.apply(slice([])), ['', 'n1']);
  });

  test('a slice of any other Service makes none dirty', async () => {
    await using it = await synced();
    await it.apply(service(false));
    assert.deepEqual(await it.apply(slice([{ ip: '10.0.0.1', node: 'node-1' }])), []);
    assert.equal([...it.stores.slicesOfService('default', 'web')].length, 1);
  });

  test('a pod makes the nodes dirty that endpoints of annotated Services name for it', async () => {
    await using it = await synced();
    await it.apply(service(true), slice([{ ip: '10.0.0.1', pod: 'a' }]));
    assert.deepEqual(await it.apply(pod('a', 'node-1')), ['', 'node-1']);
    await it.apply(service(false));
    assert.deepEqual(await it.apply(pod('a', 'node-1', '10.0.0.9')), ['node-1']);
  });

  test('a node makes itself dirty', async () => {
    await using it = await synced();
    assert.deepEqual(await it.apply(kubeNode('node-1', '192.168.0.1')), ['node-1']);
    assert.deepEqual(await it.apply(kubeNode('node-1', '192.168.0.2')), ['node-1']);
    assert.deepEqual(await it.dirtiedBy(() => it.api.store.delete('nodes', undefined, 'node-1')), ['node-1']);
  });

  test('come with the time the event was received', async () => {
    await using it = await synced();
    await it.clock.advance(5_000);
    it.times.clear();
    await it.apply(pod('a', 'node-1'));
    assert.deepEqual([...it.times], [5_000]);
  });
});

describe('ClusterStores: view', () => {
  test('endpointsOnNode() gives the endpoints of annotated Services with their slices', async () => {
    await using it = await synced();
    await it.apply(service(true), slice([{ ip: '10.0.0.1', node: 'node-1' }, { ip: '203.0.113.1' }]));
    const found = (node: string) =>
      [...it.stores.endpointsOnNode(node)].map(
        ({ slice, endpoint }) => `${slice.name} ${endpoint.addresses[0]}`,
      );
    assert.deepEqual(found('node-1'), ['web-x 10.0.0.1']);
    assert.deepEqual(found(''), ['web-x 203.0.113.1']);
    assert.deepEqual(found('node-2'), []);
  });

  test('a handler that subscribes to a store sees the indices up to date', async () => {
    await using it = await synced();
    let seen = 0;
    it.stores.pods.subscribe(() => {
      seen = [...it.stores.podsOnNode('node-1')].length;
    });
    await it.apply(pod('a', 'node-1'));
    assert.equal(seen, 1);
  });

  const objects = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('a', 'b'),
        fc.constantFrom('', 'n1', 'n2'),
        fc.constantFrom('10.0.0.1', '10.0.0.2'),
      )
      .map(([name, node, ip]) => pod(name, node, ip)),
    fc.boolean().map((annotated) => service(annotated)),
    fc
      .tuple(
        fc.constantFrom('load-balancer', 'node-port', 'pod'),
        fc.constantFrom({}, { 'node-port': 'nodes' }),
        fc.boolean(),
      )
      .map(([address, more, ready]) => whole(address, more, ready)),
    fc
      .tuple(
        fc.array(
          fc.record(
            {
              ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
              node: fc.constantFrom('n1', 'n2'),
              pod: fc.constantFrom('a', 'b'),
              ready: fc.boolean(),
            },
            { requiredKeys: ['ip'] },
          ),
          { maxLength: 3 },
        ),
        fc.constantFrom('web-x', 'web-y'),
        fc.constantFrom(80, 81),
      )
      .map(([targets, name, port]) => slice(targets, name, port)),
    fc
      .tuple(fc.constantFrom('n1', 'n2'), fc.constantFrom('1', '2'))
      .map(([name, address]) => kubeNode(name, address)),
  );
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: objects.map((object) => ({ kind: 'apply' as const, object })) },
      { weight: 1, arbitrary: objects.map((object) => ({ kind: 'delete' as const, object })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'relist' as const }) },
    ),
    { maxLength: 25 },
  );

  /** What the desired state of a node is computed from, without versions. */
  function inputsOf(stores: ClusterStores, node: string): string {
    const strip = (value: unknown) =>
      JSON.stringify(value, (key, inner) => (key === 'resourceVersion' ? undefined : inner));
    const endpoints = [...stores.endpointsOnNode(node)].map(({ slice: { name, ports, service }, endpoint }) =>
      strip([
        name,
        ports,
        service,
        endpoint,
        stores.pod('default', endpoint.podName),
        stores.service('default', service),
      ]),
    );
    // Nothing is computed for unscheduled pods: only endpoints live on the node without a name.
    const pods = node === '' ? [] : [...stores.podsOnNode(node)].map(strip).sort();
    const services = node === '' ? stores.wholeServices() : stores.servicesOnEveryNode();
    const asWhole = [...services].map((each) => strip([each, stores.readiness(each.namespace, each.name)]));
    // A node that does not exist is reached by nothing.
    const isThere = node === '' || stores.kubeNode(node) !== undefined;
    return strip([pods, endpoints.sort(), stores.kubeNode(node), isThere ? asWhole.sort() : []]);
  }

  test('every node whose inputs changed was made dirty, and the indices are those of a fresh start', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        await using it = await synced();
        const nodes = ['', 'n1', 'n2'];
        for (const step of steps) {
          const before = nodes.map((node) => inputsOf(it.stores, node));
          const dirty = await it.dirtiedBy(() => {
            switch (step.kind) {
              case 'apply':
                apply(it.api, step.object);
                break;
              case 'delete': {
                const { kind, metadata } = step.object;
                const storage = kind === 'EndpointSlice' ? slices : `${kind?.toLowerCase()}s`;
                it.api.store.delete(storage, metadata?.namespace, metadata?.name ?? '');
                break;
              }
              case 'relist':
                it.api.faults.compact();
                it.api.faults.cutWatches('end');
                break;
            }
          });
          const watching = () =>
            it.stores.reflectors.status().every(({ state }) => state.kind === 'watching');
          await it.clock.advanceUntil(watching);
          for (const [index, node] of nodes.entries()) {
            if (inputsOf(it.stores, node) !== before[index])
              assert.ok(dirty.includes(node), `${node} is not dirty`);
          }
        }
        await using fresh = await synced({ transport: it.api.transport(), clock: it.clock });
        for (const node of nodes) assert.equal(inputsOf(it.stores, node), inputsOf(fresh.stores, node));
      }),
      { numRuns: 60 },
    );
  });
});

describe('ClusterStores: start', () => {
  test('are synced only when every reflector is', async () => {
    await using it = await synced({}, 1);
    assert.deepEqual(it.stores.reflectors.pending, []);
    const clock = new VirtualClock();
    const api = new KubeApi({ clock, random: seeded(1) });
    api.faults.intercept = ({ path }) =>
      path.startsWith('/api/v1/services?') ? { kind: 'hang' } : undefined;
    await using other = await synced({ transport: api.transport(), clock });
    let resolved = false;
    void other.stores.reflectors.settled.then(() => {
      resolved = true;
    });
    await clock.advance(30_000);
    assert.deepEqual(
      other.stores.reflectors.status().map(({ resource, synced }) => [resource, synced]),
      [
        ['pods', true],
        ['services', false],
        ['endpointslices', true],
        ['nodes', true],
      ],
    );
    assert.notDeepEqual(other.stores.reflectors.pending, []);
    assert.equal(resolved, false);
    api.faults.intercept = undefined;
    await clock.advance(60_000);
    assert.deepEqual(other.stores.reflectors.pending, []);
    assert.equal(resolved, true);
  });

  test('namespaced mode watches the named namespaces and no nodes', async () => {
    await using it = await synced({ namespaces: ['one', 'two'] });
    assert.deepEqual(
      it.stores.reflectors.status().map(({ resource, namespace }) => `${namespace}/${resource}`),
      ['one/pods', 'one/services', 'one/endpointslices', 'two/pods', 'two/services', 'two/endpointslices'],
    );
    assert.deepEqual(it.stores.reflectors.pending, []);
    const inNamespace = (namespace: string) => ({
      ...pod('a', 'node-1'),
      metadata: { name: 'a', namespace },
    });
    await it.apply(inNamespace('one'), inNamespace('two'), inNamespace('three'));
    assert.equal(it.stores.pods.size, 2);
    assert.equal(it.stores.pod('three', 'a'), undefined);
  });

  test('a label selector reduces the pods, and one that stops matching is gone', async () => {
    await using it = await synced({ podLabelSelector: 'app=web' });
    const labelled = (app: string) => ({
      ...pod('a', 'node-1'),
      metadata: { name: 'a', namespace: 'default', labels: { app } },
    });
    await it.apply(labelled('web'));
    assert.equal(it.stores.pods.size, 1);
    assert.deepEqual(await it.apply(labelled('api')), ['node-1']);
    assert.equal(it.stores.pods.size, 0);
  });

  test('a pod that completes leaves nothing but how it ended', async () => {
    await using it = await synced();
    await it.apply(pod('a', 'node-1'));
    assert.deepEqual(await it.apply({ ...pod('a', 'node-1'), status: { phase: 'Succeeded' } }), ['node-1']);
    const { node, phase, labels, annotations, ports } = it.stores.pod('default', 'a')!;
    assert.deepEqual(
      { node, phase, labels, annotations, ports },
      {
        node: '',
        phase: 'Succeeded',
        labels: {},
        annotations: {},
        ports: [],
      },
    );
    assert.deepEqual([...it.stores.podsOnNode('node-1')], []);
  });
});
