import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  endpoint,
  kubeNode,
  options,
  pod,
  type Records,
  service,
  slice,
  view,
} from '../../test/support/cluster-records.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { ServiceRecord } from '../model/service.ts';
import { createDesired, desiredNode } from './desired.ts';
import { createHostList } from './host-list.ts';
import type { DesiredOptions } from './options.ts';

const lb = (part: Partial<ServiceRecord> = {}): ServiceRecord =>
  service({
    type: 'LoadBalancer',
    ports: [{ name: 'api', port: 443, protocol: 'TCP', nodePort: 30_443 }],
    loadBalancer: [{ host: '203.0.113.7', ipMode: 'VIP' }],
    annotations: { service: 'true', address: 'load-balancer' },
    ...part,
  });

const asking = (address: string, more: Readonly<Record<string, string>> = {}) => ({
  annotations: { service: 'true', address, ...more },
});

interface Case extends Records {
  readonly node?: string;
  readonly more?: Partial<DesiredOptions>;
}

function desired(one: ServiceRecord, { node = '', more = {}, ...records }: Case = {}): DesiredNode {
  const whole = { services: [one], slices: [slice()], pods: [pod({ annotations: {} })], ...records };
  return desiredNode(node, view(whole), { ...options, ...more });
}

const instancesOf = ({ entry }: DesiredNode): Instance[] => [...(entry?.instances.values() ?? [])];
const places = (node: DesiredNode): string[] =>
  instancesOf(node).map(({ address, port, checks }) => `${address}:${port} ${checks[0]?.status}`);
const messages = ({ problems }: DesiredNode): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);
const outputs = (node: DesiredNode): string[] =>
  instancesOf(node).flatMap(({ checks }) => checks.map(({ output }) => output));

const notReady = slice({ endpoints: [endpoint({ ready: false, serving: false })] });

describe('a Service with address "load-balancer"', () => {
  test('is registered at each address of its status, and its endpoints are not', () => {
    const both = lb({
      loadBalancer: [
        { host: '203.0.113.7', ipMode: 'Proxy' },
        { host: 'LB-1.Example', ipMode: '' },
      ],
    });
    const node = desired(both);
    assert.deepEqual(messages(node), []);
    assert.deepEqual(places(node), ['203.0.113.7:443 passing', 'lb-1.example:443 passing']);
    const [first, second] = instancesOf(node);
    assert.equal(node.name, 'c1-endpoints');
    assert.equal(first!.meta['kube-service'], 'search');
    assert.equal(first!.meta['kube-address'], 'load-balancer');
    assert.equal(first!.meta['kube-ip-mode'], 'Proxy');
    assert.equal(second!.meta['kube-ip-mode'], undefined);
    assert.equal(first!.meta['kube-node'], undefined);
    assert.equal(desired(both, { node: 'n1' }).entry, undefined);
  });

  test('is critical with the reason while no endpoint is ready', () => {
    assert.deepEqual(outputs(desired(lb())), ['An endpoint of the Service is ready']);
    const bad = desired(lb(), { slices: [notReady] });
    assert.deepEqual(places(bad), ['203.0.113.7:443 critical']);
    assert.deepEqual(outputs(bad), ['No endpoint of the Service is ready']);
    assert.deepEqual(outputs(desired(lb(), { slices: [] })), ['There is no endpoint of the Service']);
    const stopping = slice({ endpoints: [endpoint({ ready: false, terminating: true })] });
    assert.deepEqual(outputs(desired(lb(), { slices: [stopping] })), [
      'Every endpoint of the Service is terminating',
    ]);
    assert.deepEqual(places(desired(lb(asking('load-balancer', { check: 'none' })), { slices: [] })), [
      '203.0.113.7:443 undefined',
    ]);
  });

  test('with publishNotReadyAddresses is critical all the same while nothing serves', () => {
    const published = slice({ endpoints: [endpoint({ ready: true, serving: false })] });
    assert.deepEqual(places(desired(lb(), { slices: [published] })), ['203.0.113.7:443 critical']);
  });

  test('without an entry is not registered, and says so', () => {
    const node = desired(lb({ loadBalancer: [] }));
    assert.deepEqual(places(node), []);
    assert.deepEqual(node.stale, [], 'an address that was taken away does not stay');
    assert.deepEqual(messages(node), [
      'warning address: the load balancer has no address yet; it is registered as soon as its provider writes one to status.loadBalancer',
    ]);
  });

  test('leaves out what others wrote that is no address to register', () => {
    const hosts = ['127.0.0.1', '169.254.169.254', 'localhost', 'a b', '::ffff:10.0.0.1', '203.0.113.8'];
    const node = desired(lb({ loadBalancer: hosts.map((host) => ({ host, ipMode: '' })) }));
    assert.deepEqual(places(node), ['203.0.113.8:443 passing']);
    assert.equal(messages(node).filter((each) => each.startsWith('warning address: ')).length, 5);
  });

  test('takes 32 addresses and says when there are more', () => {
    const many = Array.from({ length: 33 }, (_, index) => ({ host: `203.0.113.${index + 1}`, ipMode: '' }));
    const node = desired(lb({ loadBalancer: many }));
    assert.equal(places(node).length, 32);
    assert.deepEqual(messages(node), [
      'warning address: the Service has more than 32 addresses; the others are ignored',
    ]);
  });

  test('of another type is refused, and what is registered stays', () => {
    const node = desired(service(asking('load-balancer')));
    assert.deepEqual(messages(node), [
      'error address: address "load-balancer" needs a Service of type LoadBalancer, and it is of type ClusterIP',
    ]);
    assert.equal(node.stale.length, 1);
  });

  test('keeps what is registered while its annotations are wrong', () => {
    const node = desired(lb(asking('load-balancer', { port: 'htp' })), { slices: [notReady] });
    assert.deepEqual(places(node), []);
    assert.deepEqual(node.stale, [
      {
        namespace: 'shop',
        podUid: '',
        kubeService: 'search',
        service: 'search',
        check: { status: 'critical', output: 'No endpoint of the Service is ready' },
      },
    ]);
    const typo = desired(lb(asking('load-balancr')));
    assert.match(messages(typo)[0]!, /did you mean "load-balancer"/);
    assert.equal(typo.stale.length, 1);
  });

  test('that is being deleted is not registered', () => {
    assert.deepEqual(places(desired(lb({ deleting: true }))), []);
  });

  test('cannot be registered with an agent', () => {
    const node = desired(lb(), { more: { agents: { ttlMs: 1_000 } } });
    assert.equal(node.entry, undefined);
    assert.match(messages(node)[0]!, /"load-balancer" belongs to no node, so no agent can register it/);
  });

  test('is registered with every port that is asked for', () => {
    const ports = [
      { name: 'api', port: 443, protocol: 'TCP' },
      { name: 'admin', port: 8443, protocol: 'TCP' },
    ];
    const node = desired(lb({ ports, ...asking('load-balancer', { port: '*' }) }));
    assert.deepEqual(
      instancesOf(node).map(({ service: name, port }) => `${name}:${port}`),
      ['search-admin:8443', 'search-api:443'],
    );
  });

  test('takes a port of its own by name or number, and a list of services', () => {
    const ports = [
      { name: 'api', port: 443, protocol: 'TCP' },
      { name: 'admin', port: 8443, protocol: 'TCP' },
    ];
    assert.deepEqual(places(desired(lb({ ports, ...asking('load-balancer', { port: 'admin' }) }))), [
      '203.0.113.7:8443 passing',
    ]);
    const services =
      '[{service: web, port: api, address: load-balancer}, {service: "{pod.name}", port: admin}]';
    const list = lb({ ports, annotations: { services } });
    assert.deepEqual(places(desired(list)), ['203.0.113.7:443 passing']);
    assert.deepEqual(messages(desired(list)), [], 'what endpoints register is no affair of the whole');
    const adminToo = slice({ ports: [{ name: 'admin', port: 9201, protocol: 'TCP' }] });
    assert.deepEqual(
      instancesOf(desired(list, { node: 'n1', slices: [adminToo] })).map((each) => each.service),
      ['web-x2x7q'],
    );
  });
});

describe('a Service with its own addresses', () => {
  test('is registered by its external IPs', () => {
    const externalIPs = ['198.51.100.7', 'FD00::1', '127.0.0.1'];
    const node = desired(service({ externalIPs, ...asking('external-ips') }));
    assert.deepEqual(places(node), ['198.51.100.7:80 passing', 'fd00::1:80 passing']);
    assert.match(messages(node)[0]!, /"127.0.0.1" is a loopback address, which is never registered/);
    assert.match(messages(desired(service(asking('external-ips'))))[0]!, /has no externalIPs/);
  });

  test('is registered once by its cluster IPs', () => {
    const dual = service({ clusterIPs: ['10.96.0.7', 'fd00::7'], ...asking('cluster-ip') });
    const [only, ...others] = instancesOf(desired(dual));
    assert.deepEqual(others, []);
    assert.equal(only!.address, '10.96.0.7');
    assert.deepEqual(only!.taggedAddresses['lan_ipv6'], { address: 'fd00::7', port: 80 });
    const headless = desired(service({ clusterIPs: ['None'], ...asking('cluster-ip') }));
    assert.match(messages(headless)[0]!, /^error address: the Service is headless/);
  });

  test('of type ExternalName is registered by that name, whose health is not known', () => {
    const named = service({
      type: 'ExternalName',
      externalName: 'DB.example.',
      clusterIPs: [],
      selects: false,
    });
    const node = desired(named, { slices: [] });
    assert.deepEqual(places(node), ['db.example:80 passing']);
    assert.deepEqual(outputs(node), ['Kubernetes does not know what is behind it']);
    const local = desired({ ...named, externalName: 'localhost' }, { slices: [] });
    assert.match(messages(local)[0]!, /externalName "localhost" is a name of the loopback address/);
    const portless = { ...named, ports: [], annotations: { service: 'true', port: '5432' } };
    assert.deepEqual(places(desired(portless, { slices: [] })), ['db.example:5432 passing']);
  });

  test('is not probed where a tenant chose the address, unless the configuration allows it', () => {
    const probed = service({
      externalIPs: ['198.51.100.7'],
      ...asking('external-ips', { 'check-http': '/x' }),
    });
    const denied = desired(probed);
    assert.deepEqual(places(denied), []);
    assert.match(messages(denied)[0]!, /^error check-http: .*registration.probeHosts/);
    const probeHosts = createHostList(['198.51.100.0/24']);
    assert.equal(instancesOf(desired(probed, { more: { probeHosts } })).length, 1);
    const own = lb(asking('load-balancer', { 'check-http': '/x' }));
    assert.equal(instancesOf(desired(own)).length, 1);
  });
});

describe('a Service with an address written out', () => {
  const literalAddresses = createHostList(['203.0.113.0/24', '*.lb.example']);
  const more = { literalAddresses };

  test('is registered there where the configuration allows it', () => {
    assert.deepEqual(places(desired(service(asking('203.0.113.7')), { more })), ['203.0.113.7:80 passing']);
    assert.deepEqual(places(desired(service(asking('a.LB.example')), { more })), ['a.lb.example:80 passing']);
    assert.deepEqual(places(desired(service(asking('a.lb.example')), { more, slices: [] })), [
      'a.lb.example:80 critical',
    ]);
  });

  for (const address of ['203.0.114.7', 'lb.example', 'a.lb.example.org']) {
    test(`${address} is denied to every namespace`, () => {
      const node = desired(service(asking(address)), { more });
      assert.deepEqual(places(node), []);
      assert.match(messages(node)[0]!, /^error address: address .*registration.literalAddresses/);
    });
  }

  test('is denied by default', () => {
    assert.deepEqual(places(desired(service(asking('203.0.113.7')))), []);
  });

  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '::1',
    'fe80::1',
    '0.0.0.0',
    'a.localhost',
    '2130706433.',
  ]) {
    test(`${address} is never registered, whatever is allowed`, () => {
      const all = createHostList(['0.0.0.0/0', '::/0', '*.localhost']);
      const node = desired(service(asking(address)), { more: { literalAddresses: all } });
      assert.deepEqual(places(node), []);
      assert.equal(node.problems.length, 1);
    });
  }
});

describe('a Service with address "auto"', () => {
  const auto = asking('auto');
  const rows: readonly [string, ServiceRecord, readonly string[], readonly string[]][] = [
    ['external IPs', lb({ ...auto, externalIPs: ['198.51.100.7'] }), ['198.51.100.7:443 passing'], []],
    ['its load balancer', lb(auto), ['203.0.113.7:443 passing'], []],
    [
      'node ports',
      service({
        ...auto,
        type: 'NodePort',
        ports: [{ name: 'api', port: 80, protocol: 'TCP', nodePort: 30_080 }],
      }),
      [],
      ['192.168.0.1:30080 passing'],
    ],
    ['endpoints', service(auto), [], ['10.0.0.1:9200 passing']],
    [
      'endpoints when it is headless',
      service({ ...auto, clusterIPs: ['None'] }),
      [],
      ['10.0.0.1:9200 passing'],
    ],
  ];
  for (const [what, record, whole, onNode] of rows) {
    test(`is registered by ${what}`, () => {
      assert.deepEqual(places(desired(record)), whole);
      assert.deepEqual(places(desired(record, { node: 'n1' })), onNode);
    });
  }
});

describe('a Service with address "node-port"', () => {
  const ports = [{ name: 'api', port: 80, protocol: 'TCP', nodePort: 30_080 }];
  const np = (more: Readonly<Record<string, string>> = {}, part: Partial<ServiceRecord> = {}) =>
    service({ type: 'NodePort', ports, ...asking('node-port', more), ...part });
  const two = [
    kubeNode(),
    kubeNode({ name: 'n2', internalIps: ['192.168.0.2', 'fd00::2'], externalIps: [] }),
  ];
  const onNode = (record: ServiceRecord, node: string, records: Records = {}) =>
    places(desired(record, { node, nodes: two, ...records }));

  test('is registered on each node that has an endpoint, once, as ready as those are', () => {
    const twice = slice({
      endpoints: [
        endpoint({ ready: false, serving: false }),
        endpoint({ addresses: ['10.0.0.2'], podName: 'b', podUid: 'b' }),
      ],
    });
    assert.deepEqual(onNode(np(), 'n1', { slices: [twice] }), ['192.168.0.1:30080 passing']);
    assert.deepEqual(onNode(np(), 'n1', { slices: [notReady] }), ['192.168.0.1:30080 critical']);
    assert.deepEqual(onNode(np(), 'n2'), []);
    assert.deepEqual(places(desired(np())), [], 'it belongs to a node');
    const instance = instancesOf(desired(np(), { node: 'n1' }))[0]!;
    assert.equal(instance.id, 'shop.search.n1.192-168-0-1.search.30080');
    assert.equal(instance.meta['kube-node'], 'n1');
    assert.equal(instance.meta['kube-address'], 'node-port');
  });

  test('on all nodes is as ready as all endpoints together', () => {
    const all = np({ 'node-port': 'nodes' });
    assert.deepEqual(onNode(all, 'n2'), ['192.168.0.2:30080 passing']);
    assert.deepEqual(onNode(all, 'n2', { slices: [notReady] }), ['192.168.0.2:30080 critical']);
    assert.deepEqual(onNode(all, 'n2', { slices: [] }), ['192.168.0.2:30080 critical']);
    const [second] = instancesOf(desired(all, { node: 'n2', nodes: two }));
    assert.deepEqual(second!.taggedAddresses['lan_ipv6'], { address: 'fd00::2', port: 30_080 });
  });

  test('with externalTrafficPolicy Local is on the nodes that have an endpoint only', () => {
    const local = np({ 'node-port': 'nodes' }, { localTraffic: true });
    assert.deepEqual(onNode(local, 'n1'), ['192.168.0.1:30080 passing']);
    assert.deepEqual(onNode(local, 'n1', { slices: [notReady] }), ['192.168.0.1:30080 critical']);
    assert.deepEqual(onNode(local, 'n2'), []);
  });

  test('has the kind of address that it wants', () => {
    const all = (kind: string) => np({ 'node-port': 'nodes', 'node-address': kind });
    assert.deepEqual(onNode(all('external'), 'n1'), ['203.0.113.1:30080 passing']);
    assert.deepEqual(onNode(all('external-first'), 'n1'), ['203.0.113.1:30080 passing']);
    assert.deepEqual(onNode(all('external-first'), 'n2'), ['192.168.0.2:30080 passing']);
    const both = ['192.168.0.1:30080 passing', '203.0.113.1:30080 passing'];
    assert.deepEqual(onNode(all('both'), 'n1').toSorted(), both);
    assert.deepEqual(onNode(all('both'), 'n2'), ['192.168.0.2:30080 passing'], 'it has no other');
    const none = desired(all('external'), { node: 'n2', nodes: two });
    assert.deepEqual(messages(none), [
      'error address: node "n2" has no address of type ExternalIP; choose node-address "external-first" or "internal"',
    ]);
    assert.equal(none.stale.length, 1);
  });

  test('needs a node port and the right to read nodes, and says so without endpoints, too', () => {
    const without = service(asking('node-port'));
    for (const records of [{ node: 'n1' }, { slices: [] }]) {
      assert.match(messages(desired(without, records))[0]!, /port 80 has no nodePort.* of type ClusterIP/);
      const namespaced = desired(np(), { ...records, more: { namespaced: true } });
      assert.match(messages(namespaced)[0]!, /needs cluster-wide rights to read nodes/);
    }
  });

  test('is remembered until its endpoints or its node change', () => {
    const compute = createDesired(options);
    const record = np({ 'node-port': 'nodes' });
    const of = (records: Records) =>
      [...compute('n2', view({ services: [record], nodes: two, ...records })).entry!.instances.values()][0];
    const first = of({ slices: [slice()] });
    assert.equal(of({ slices: [slice({ resourceVersion: '2' })] }), first);
    assert.notEqual(of({ slices: [notReady] }), first);
  });
});

describe('a pod', () => {
  for (const address of ['load-balancer', 'node-port', 'auto', '203.0.113.7']) {
    test(`cannot have address ${address}`, () => {
      const asked = pod({ annotations: { service: 'web', address } });
      const node = desiredNode('n1', view({ pods: [asked] }), options);
      assert.match(messages(node)[0]!, /works only on a Service; on a pod write pod, host, node-external/);
    });
  }
});
