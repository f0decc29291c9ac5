import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Endpoint } from '@kubernetes/client-node';
import { podObject } from '../../../test/support/kube-objects.ts';
import { InternPool } from './intern-pool.ts';
import { endpointSliceProjection } from './project-endpoint-slice.ts';
import { kubeNodeProjection } from './project-kube-node.ts';
import { namespaceProjection } from './project-namespace.ts';
import { podProjection } from './project-pod.ts';
import { type KeptLabels, serviceProjection } from './project-service.ts';
import { sameApartFromVersion } from './same-record.ts';

const prefix = 'kube-registrar.io/';
const created = { creationTimestamp: new Date(0) };

describe('podProjection()', () => {
  const project = podProjection(prefix, new InternPool());
  const pod = podObject(
    'web-1',
    '42',
    {
      labels: { app: 'web' },
      annotations: { 'kube-registrar.io/service': 'web', 'kube-registrar.io/meta.team': 'a', other: 'x' },
    },
    {
      spec: {
        nodeName: 'node-1',
        containers: [
          { name: 'app', ports: [{ name: 'http', containerPort: 8080 }] },
          { name: 'dns', ports: [{ containerPort: 53, protocol: 'UDP' }] },
        ],
        readinessGates: [{ conditionType: 'example.com/lb' }, { conditionType: 'example.com/none' }],
      },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
        hostIP: '192.168.0.1',
        hostIPs: [{ ip: '192.168.0.1' }],
        conditions: [
          { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'unready: [dns]' },
          { type: 'ContainersReady', status: 'True' },
          { type: 'example.com/lb', status: 'True' },
        ],
      },
    },
  );

  test('keeps what PodRecord promises', () => {
    const { uid, namespace, name, resourceVersion, node, ips, hostIps, phase } = project(pod);
    assert.deepEqual(
      { uid, namespace, name, resourceVersion, node, ips, hostIps, phase },
      {
        uid: 'uid-web-1',
        namespace: 'default',
        name: 'web-1',
        resourceVersion: '42',
        node: 'node-1',
        ips: ['10.0.0.1', 'fd00::1'],
        hostIps: ['192.168.0.1'],
        phase: 'Running',
      },
    );
    assert.deepEqual(project(pod).labels, { app: 'web' });
    assert.deepEqual(project(pod).annotations, { service: 'web', 'meta.team': 'a' });
    assert.deepEqual(project(pod).ports, [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: '', port: 53, protocol: 'UDP' },
    ]);
    assert.deepEqual(project(pod).gates, [
      { type: 'example.com/lb', status: true },
      { type: 'example.com/none', status: false },
    ]);
  });

  test('keeps readiness, and why a pod is not ready', () => {
    const record = project(pod);
    assert.deepEqual([record.ready, record.containersReady], [false, true]);
    assert.deepEqual([record.reason, record.message], ['ContainersNotReady', 'unready: [dns]']);
    const ready = project({
      ...pod,
      status: { conditions: [{ type: 'Ready', status: 'True', reason: 'x', message: 'y' }] },
    });
    assert.deepEqual([ready.ready, ready.reason, ready.message], [true, '', '']);
  });

  test('knows deletion and the host network, each by itself', () => {
    const plain = project(pod);
    assert.deepEqual([plain.deleting, plain.hostNetwork], [false, false]);
    const deleting = project({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(0) } });
    assert.deepEqual([deleting.deleting, deleting.hostNetwork], [true, false]);
    const onHost = project({ ...pod, spec: { containers: [], hostNetwork: true } });
    assert.deepEqual([onHost.deleting, onHost.hostNetwork], [false, true]);
  });

  test('counts the ports of sidecars, not those of other init containers', () => {
    const record = project({
      ...pod,
      spec: {
        containers: [],
        initContainers: [
          { name: 'migrate', ports: [{ containerPort: 1 }] },
          { name: 'proxy', restartPolicy: 'Always', ports: [{ containerPort: 2 }] },
        ],
      },
    });
    assert.deepEqual(
      record.ports.map(({ port }) => port),
      [2],
    );
  });

  test('falls back to podIP and hostIP of old servers', () => {
    const record = project({ ...pod, status: { podIP: '10.0.0.1', hostIP: '192.168.0.1' } });
    assert.deepEqual([record.ips, record.hostIps], [['10.0.0.1'], ['192.168.0.1']]);
  });

  test('makes a record of a pod that has nothing yet', () => {
    const record = project(podObject('new', 1));
    assert.deepEqual([record.node, record.ips, record.ports, record.ready], ['', [], [], false]);
  });

  test('shares what is equal between pods', () => {
    const [a, b] = [project(pod), project(structuredClone(pod))];
    assert.equal(a.labels, b.labels);
    assert.equal(a.annotations, b.annotations);
    assert.equal(a.ports, b.ports);
  });
});

describe('serviceProjection()', () => {
  test('keeps a bounded number of addresses, each of a bounded length', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `${'x'.repeat(10_000)}${index}`);
    const record = serviceProjection(
      prefix,
      new InternPool(),
    )({
      spec: { type: 'ExternalName', externalName: many[0]!, clusterIPs: many, externalIPs: many },
      status: { loadBalancer: { ingress: many.map((hostname) => ({ hostname, ipMode: hostname })) } },
    });
    assert.ok(JSON.stringify(record).length < 48_000);
    assert.equal(record.loadBalancer.length, 33, 'one more than are looked at');
  });

  test('keeps ports and our annotations', () => {
    const record = serviceProjection(
      prefix,
      new InternPool(),
    )({
      metadata: {
        ...created,
        name: 'web',
        namespace: 'default',
        uid: 'u',
        resourceVersion: '3',
        annotations: { 'kube-registrar.io/service': 'true', other: 'x' },
      },
      spec: {
        type: 'LoadBalancer',
        clusterIPs: ['10.96.0.7', 'fd00::7'],
        externalIPs: ['198.51.100.7'],
        externalName: 'left.over.example',
        externalTrafficPolicy: 'Local',
        selector: { app: 'web' },
        ports: [
          { port: 80, nodePort: 30080 },
          { name: 'dns', port: 53, protocol: 'UDP' },
        ],
      },
      status: {
        loadBalancer: {
          ingress: [{ ip: '203.0.113.7', ipMode: 'VIP' }, { hostname: 'lb.example' }, { ip: '' }],
        },
      },
    });
    assert.deepEqual(record, {
      uid: 'u',
      namespace: 'default',
      name: 'web',
      resourceVersion: '3',
      deleting: false,
      type: 'LoadBalancer',
      ports: [
        { name: '', port: 80, protocol: 'TCP', nodePort: 30080 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
      clusterIPs: ['10.96.0.7', 'fd00::7'],
      externalIPs: ['198.51.100.7'],
      loadBalancer: [
        { host: '203.0.113.7', ipMode: 'VIP' },
        { host: 'lb.example', ipMode: '' },
      ],
      externalName: '',
      localTraffic: true,
      selects: true,
      labels: {},
      annotations: { service: 'true' },
    });
  });
});

describe('what is registered by default', () => {
  const workloadOf = (metadata: object): string | undefined =>
    podProjection(
      prefix,
      new InternPool(),
      [],
      true,
    )({ metadata: { ...created, name: 'web-1', ...metadata } }).workload;
  const owned = (kind: string, name: string, labels = {}) =>
    workloadOf({ labels, ownerReferences: [{ kind, name, controller: true }] });

  test('a pod keeps the name of what controls it', () => {
    assert.equal(owned('ReplicaSet', 'shop-web-6d5f', { 'pod-template-hash': '6d5f' }), 'shop-web');
    assert.equal(owned('ReplicaSet', 'by-hand'), 'by-hand');
    assert.equal(owned('StatefulSet', 'db'), 'db');
    assert.equal(owned('DaemonSet', 'proxy'), 'proxy');
    assert.equal(workloadOf({}), 'web-1', 'nothing controls it');
  });

  test('a pod of a Job, or of a node itself, has no workload', () => {
    assert.equal(owned('Job', 'migrate-1'), '');
    assert.equal(owned('Node', 'node-1'), '');
  });

  test('nothing is kept where it is not asked for', () => {
    const pod = { metadata: { ...created, name: 'web-1' } };
    assert.equal(podProjection(prefix, new InternPool())(pod).workload, '');
    const service = { metadata: { ...created, name: 'web', labels: { app: 'web' } } };
    assert.deepEqual(serviceProjection(prefix, new InternPool())(service).labels, {});
    const labels = (kept: KeptLabels) =>
      serviceProjection(prefix, new InternPool(), [], kept)(service).labels;
    assert.deepEqual(labels({ selector: 'app in (web),!tier' }), { app: 'web' });
    assert.deepEqual(labels({ uses: (key) => key === 'app' }), { app: 'web' });
    assert.deepEqual(labels({ selector: 'tier', uses: (key) => key !== 'app' }), {});
  });

  test('of a Namespace, the labels of the selector and our annotations are kept', () => {
    const namespace = {
      metadata: {
        ...created,
        name: 'shop',
        uid: 'u',
        resourceVersion: '7',
        labels: { consul: 'yes', team: 'a' },
        annotations: { 'kube-registrar.io/tags': 'a', other: 'x' },
      },
    };
    assert.deepEqual(namespaceProjection(prefix, new InternPool(), 'consul=yes')(namespace), {
      uid: 'u',
      name: 'shop',
      resourceVersion: '7',
      labels: { consul: 'yes' },
      annotations: { tags: 'a' },
    });
    assert.deepEqual(namespaceProjection(prefix, new InternPool(), undefined)(namespace).labels, {});
  });
});

describe('kubeNodeProjection()', () => {
  const project = kubeNodeProjection(new InternPool());

  test('keeps addresses by type, readiness with its reason, zone and region', () => {
    const record = project({
      metadata: {
        name: 'node-1',
        uid: 'u',
        resourceVersion: '3',
        labels: { 'topology.kubernetes.io/zone': 'z', 'topology.kubernetes.io/region': 'r' },
      },
      status: {
        addresses: [
          { type: 'Hostname', address: 'node-1' },
          { type: 'InternalIP', address: '192.168.0.1' },
          { type: 'ExternalIP', address: '203.0.113.1' },
          { type: 'InternalIP', address: 'fd00::1' },
        ],
        conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'no network' }],
      },
    });
    assert.deepEqual(record, {
      uid: 'u',
      name: 'node-1',
      resourceVersion: '3',
      internalIps: ['192.168.0.1', 'fd00::1'],
      externalIps: ['203.0.113.1'],
      ready: 'False',
      reason: 'KubeletNotReady',
      message: 'no network',
      zone: 'z',
      region: 'r',
    });
  });

  test('a node without the condition Ready is Unknown', () => {
    assert.equal(project({ metadata: { name: 'n' } }).ready, 'Unknown');
  });
});

describe('endpointSliceProjection()', () => {
  const project = endpointSliceProjection(new InternPool());
  const slice = (endpoints: V1Endpoint[]) =>
    project({
      metadata: {
        name: 'web-x',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'web' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }, { name: 'any' }],
      endpoints,
    });

  test('keeps the endpoint with its node, zone and pod', () => {
    const record = slice([
      {
        addresses: ['10.0.0.1'],
        nodeName: 'node-1',
        zone: 'z',
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', name: 'web-1', uid: 'u' },
      },
      { addresses: ['10.0.0.9'], targetRef: { kind: 'Node', name: 'x', uid: 'y' } },
    ]);
    assert.equal(record.service, 'web');
    assert.deepEqual(record.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
    assert.deepEqual(record.endpoints, [
      {
        addresses: ['10.0.0.1'],
        node: 'node-1',
        zone: 'z',
        ready: true,
        serving: true,
        terminating: false,
        podName: 'web-1',
        podUid: 'u',
      },
      {
        addresses: ['10.0.0.9'],
        node: '',
        zone: '',
        ready: true,
        serving: true,
        terminating: false,
        podName: '',
        podUid: '',
      },
    ]);
  });

  test('absent conditions: ready is true, serving is as ready, terminating is false', () => {
    const flags = (conditions: object) => {
      const [endpoint] = slice([{ addresses: [], conditions }]).endpoints;
      return [endpoint?.ready, endpoint?.serving, endpoint?.terminating];
    };
    assert.deepEqual(flags({}), [true, true, false]);
    assert.deepEqual(flags({ ready: false }), [false, false, false]);
    assert.deepEqual(flags({ ready: false, serving: true, terminating: true }), [false, true, true]);
  });

  test('another endpoint is another record, though endpoints are only made when they are read', () => {
    const [one, same, other] = ['10.0.0.1', '10.0.0.1', '10.0.0.2'].map((address) =>
      slice([{ addresses: [address] }]),
    );
    assert.equal(sameApartFromVersion(one!, same!), true);
    assert.equal(sameApartFromVersion(one!, other!), false);
    // Having been read makes no difference.
    assert.equal(other!.endpoints.length, 1);
    assert.equal(sameApartFromVersion(one!, same!), true);
    assert.equal(sameApartFromVersion(other!, one!), false);
  });

  test('reading the endpoints twice gives the same objects', () => {
    const record = slice([{ addresses: ['10.0.0.1'] }]);
    assert.equal(record.endpoints, record.endpoints);
  });
});
