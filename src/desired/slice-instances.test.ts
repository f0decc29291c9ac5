import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bareEndpoint,
  endpoint,
  options,
  pod,
  type Records,
  service,
  slice,
  view,
} from '../../test/support/cluster-records.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Endpoint } from '../model/endpoint-slice.ts';
import type { Instance } from '../model/instance.ts';
import type { PodRecord } from '../model/pod.ts';
import { createClaims } from './claims.ts';
import { desiredNode } from './desired.ts';
import { registeredGate } from './health.ts';

const bare = { annotations: {} };

const desired = (records: Records, node = 'n1'): DesiredNode =>
  desiredNode(node, view({ services: [service()], slices: [slice()], ...records }), options);

const instancesOf = ({ entry }: DesiredNode): Instance[] => [...(entry?.instances.values() ?? [])];

function one(records: Records, node?: string): Instance {
  const outcome = desired(records, node);
  assert.deepEqual(outcome.problems, []);
  const instances = instancesOf(outcome);
  assert.equal(instances.length, 1);
  return instances[0]!;
}

const withEndpoint = (part: Partial<Endpoint>): Records => ({
  slices: [slice({ endpoints: [endpoint(part)] })],
});

const messages = ({ problems }: DesiredNode): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

describe('an endpoint of an annotated Service', () => {
  test('becomes an instance with the port of its slice', () => {
    const instance = one({ pods: [pod(bare)] });
    assert.equal(instance.id, 'shop.web-x2x7q.1f0c9a3e.search.9200');
    assert.equal(instance.service, 'search');
    assert.deepEqual([instance.address, instance.port], ['10.0.0.1', 9200]);
    assert.equal(instance.meta['kube-service'], 'search');
    assert.equal(instance.meta['kube-pod'], 'web-x2x7q');
    assert.equal(instance.meta['kube-pod-uid'], '1f0c9a3e-0000-4000-8000-000000000001');
    assert.deepEqual(
      instance.checks.map(({ status, output }) => [status, output]),
      [['passing', 'Pod is ready']],
    );
  });

  test('needs no pod in the stores', () => {
    assert.equal(one({}).id, one({ pods: [pod(bare)] }).id);
  });

  test('without a pod and a node lives on the endpoints node', () => {
    const slices = [slice({ endpoints: [bareEndpoint({ addresses: ['172.16.0.9'] })] })];
    const outcome = desired({ slices }, '');
    assert.equal(outcome.name, 'c1-endpoints');
    const [instance] = instancesOf(outcome);
    assert.equal(instance?.id, 'shop.search.172-16-0-9.search.9200');
    assert.deepEqual(instance?.meta, {
      'external-source': 'kubernetes',
      'kube-cluster': 'c1',
      'kube-namespace': 'shop',
      'kube-service': 'search',
    });
    assert.deepEqual(outcome.entry?.checks, []);
    assert.deepEqual(outcome.entry?.meta, {
      'external-node': 'true',
      'external-probe': 'false',
      'kube-cluster-uid': options.clusterUid,
      'managed-by': 'kube-registrar',
    });
  });

  const conditions: [Partial<Endpoint>, string, string][] = [
    [{}, 'passing', 'Endpoint is ready'],
    [{ ready: false, serving: false }, 'critical', 'Endpoint is not ready'],
    [{ ready: false, serving: true, terminating: true }, 'critical', 'Endpoint is terminating'],
    [{ ready: false, serving: false, terminating: true }, 'critical', 'Endpoint is terminating'],
  ];
  for (const [part, status, output] of conditions) {
    test(`with ${JSON.stringify(part)} is ${status}`, () => {
      const [check] = one(withEndpoint(part)).checks;
      assert.deepEqual([check?.status, check?.output], [status, output]);
    });
  }

  test('that is not ready tells why its pod is not', () => {
    const pods = [pod({ ...bare, ready: false, reason: 'ContainersNotReady', message: 'm' })];
    const [check] = one({ pods, ...withEndpoint({ ready: false, serving: false }) }).checks;
    assert.deepEqual([check?.status, check?.output], ['critical', 'ContainersNotReady: m']);
  });

  test('drains as the Service says, warning only while it still serves', () => {
    const status = (drain: string, serving: boolean) =>
      instancesOf(
        desired({
          services: [service({ annotations: { service: 'true', drain } })],
          ...withEndpoint({ ready: false, serving, terminating: true }),
        }),
      )[0]?.checks[0]?.status;
    assert.equal(status('warning', true), 'warning');
    assert.equal(status('warning', false), 'critical');
    assert.equal(status('critical', true), 'critical');
    assert.equal(status('deregister', true), undefined);
  });

  test('drains as soon as its pod is seen terminating, before the slice says so', () => {
    assert.equal(one({ pods: [pod({ ...bare, deleting: true })] }).checks[0]?.output, 'Pod is terminating');
  });

  test('whose pod is finished is not registered', () => {
    assert.equal(desired({ pods: [pod({ ...bare, phase: 'Failed' })] }).entry, undefined);
  });

  test('takes nothing from another pod under its name', () => {
    const other = pod({
      ...bare,
      uid: '2f0c9a3e-0000-4000-8000-000000000002',
      deleting: true,
      labels: { v: '2' },
    });
    const services = [service({ annotations: { service: 'true', tags: 'v{pod.label.v}' } })];
    const outcome = desired({ pods: [other], services });
    const [instance] = instancesOf(outcome);
    assert.equal(instance?.checks[0]?.status, 'passing');
    assert.deepEqual(instance?.tags, ['v']);
    assert.equal(instance?.id, 'shop.web-x2x7q.1f0c9a3e.search.9200');
  });

  test('fills placeholders from its pod, and the zone from the slice when the node has none', () => {
    const services = [service({ annotations: { service: '{pod.label.app}', tags: '{node.zone}' } })];
    const instance = one({ pods: [pod(bare)], services, nodes: [] });
    assert.equal(instance.service, 'web');
    assert.deepEqual(instance.tags, ['z1']);
  });

  test('whose pod carries the registered gate passes before the slice is ready', () => {
    const gates = [{ type: registeredGate, status: false }];
    const pods = [pod({ ...bare, ready: false, reason: 'ReadinessGatesNotReady', gates })];
    assert.equal(
      one({ pods, ...withEndpoint({ ready: false, serving: false }) }).checks[0]?.status,
      'passing',
    );
  });

  test('of a Service that is gone, going or not annotated is not registered', () => {
    for (const services of [[], [service({ deleting: true })], [service({ annotations: {} })]]) {
      assert.equal(desired({ services }).entry, undefined);
    }
  });

  test('takes the host port of its pod with address "host"', () => {
    const services = [service({ annotations: { service: 'true', address: 'host' } })];
    const ports = [{ name: 'api', port: 9200, protocol: 'TCP', hostPort: 30_092 }];
    const mapped = one({ services, pods: [pod({ ...bare, ports })] });
    assert.deepEqual([mapped.address, mapped.port], ['192.168.0.1', 30_092]);
    for (const pods of [[], [pod({ ...bare, ports: [{ name: 'api', port: 9200, protocol: 'TCP' }] })]]) {
      const { entry, problems, stale } = desired({ services, pods });
      assert.deepEqual([entry?.instances.size, stale.length], [0, 1]);
      assert.deepEqual(
        problems.map(({ reason, field }) => [reason, field]),
        [['RegistrationFailed', 'address']],
      );
    }
  });

  test('without a node cannot have the address of one', () => {
    const services = [service({ annotations: { service: 'true', address: 'host' } })];
    const outcome = desired({ services, slices: [slice({ endpoints: [bareEndpoint()] })] }, '');
    assert.deepEqual(messages(outcome), [
      'error address: address "host" needs a Kubernetes node, but the endpoint has none; use "pod"',
    ]);
  });
});

describe('with publishNotReadyAddresses', () => {
  const published = withEndpoint({ ready: true, serving: false });

  test('an endpoint that is not ready is critical, and its pod says why', () => {
    const pods = [pod({ ...bare, ready: false, reason: 'ContainersNotReady', message: 'probe failed' })];
    const [check] = one({ pods, ...published }).checks;
    assert.deepEqual([check?.status, check?.output], ['critical', 'ContainersNotReady: probe failed']);
    const [unknown] = one(published).checks;
    assert.deepEqual([unknown?.status, unknown?.output], ['critical', 'Endpoint is not ready']);
  });

  test('also where the slice calls it serving', () => {
    const pods = [pod({ ...bare, ready: false })];
    assert.equal(one({ pods }).checks[0]?.status, 'critical');
  });

  test('a terminating one drains like any other', () => {
    const services = [service({ annotations: { service: 'true', drain: 'warning' } })];
    const of = (serving: boolean) =>
      one({ services, ...withEndpoint({ ready: true, serving, terminating: true }) }).checks[0]?.status;
    assert.deepEqual([of(true), of(false)], ['warning', 'critical']);
  });
});

describe('a pod whose service is "false"', () => {
  test('is kept out of the annotated Services in front of it, without a word', () => {
    const services = [service({ annotations: { service: 'true', port: 'htp' } })];
    for (const value of ['false', ' FALSE ']) {
      const { entry, stale, problems } = desired({
        services,
        pods: [pod({ annotations: { service: value } })],
      });
      assert.deepEqual([entry, stale, problems], [undefined, [], []]);
    }
  });

  test('may still ask with a list of its own', () => {
    const annotations = { service: 'false', services: '[{ service: own }]' };
    assert.equal(one({ pods: [pod({ annotations })] }).service, 'own');
  });
});

describe('a Service without endpoints', () => {
  const without = (annotations: Readonly<Record<string, string>>, more: object = {}) =>
    desiredNode('', view({ services: [service({ annotations })], slices: [slice({ endpoints: [] })] }), {
      ...options,
      ...more,
    });

  test('has the mistakes in its annotations reported', () => {
    const outcome = without({ service: 'true', port: 'htp', weight: '0', tag: 'x' });
    assert.deepEqual([outcome.entry, outcome.stale], [undefined, []]);
    assert.deepEqual(
      outcome.problems.map(({ object, reason, field }) => [object.kind, object.name, reason, field]),
      [
        ['Service', 'search', 'InvalidAnnotation', 'tag'],
        ['Service', 'search', 'InvalidAnnotation', 'weight'],
      ],
    );
    assert.match(
      messages(without({ service: 'true', port: 'htp' })).join(),
      /"htp" is not a port of the Service/,
    );
  });

  test('has what it may not do reported', () => {
    const claims = createClaims([], ['search']);
    assert.deepEqual(
      without({ service: 'true', 'check-tcp': 'db.example:80' }, { claims }).problems.map(
        ({ reason }) => reason,
      ),
      ['ServiceNameDenied'],
    );
    assert.match(
      messages(without({ service: 'true', 'check-tcp': 'db.example:80' })).join(),
      /not the address/,
    );
  });

  test('has nothing reported that only its endpoints decide', () => {
    for (const annotations of [
      { service: 'true' },
      { service: '{pod.label.app}', port: 'api', tags: '{node.zone},{pod.name}' },
      { service: 'true', address: 'host', 'check-tcp': '9000', 'check-http': 'http://:8081/up' },
      { service: 'true', address: 'node-external' },
      { service: 'false' },
    ]) {
      const { problems } = without(annotations);
      assert.deepEqual(
        problems.filter(({ severity }) => severity === 'error'),
        [],
      );
    }
  });

  test('says the same as with endpoints, once', () => {
    const annotations = { service: 'true', port: 'htp' };
    const services = [service({ annotations })];
    assert.deepEqual(without(annotations).problems, desired({ services }).problems);
    assert.deepEqual(desired({ services }, '').problems, []);
  });

  test('has nothing reported while it is deleted', () => {
    const services = [service({ annotations: { service: 'true', port: 'htp' }, deleting: true })];
    assert.deepEqual(desiredNode('', view({ services }), options).problems, []);
  });
});

describe('the same endpoint in several slices', () => {
  const v6 = (part: Partial<Endpoint> = {}) =>
    slice({
      name: 'search-v6',
      uid: 'slice-uid-2',
      addressType: 'IPv6',
      endpoints: [endpoint({ addresses: ['fd00::1'], ...part })],
    });

  test('of both families is one instance, the primary pod IP first', () => {
    const instance = one({ pods: [pod({ ...bare, ips: ['fd00::1', '10.0.0.1'] })], slices: [slice(), v6()] });
    assert.equal(instance.address, 'fd00::1');
    assert.deepEqual(instance.taggedAddresses, {
      lan_ipv4: { address: '10.0.0.1', port: 9200 },
      lan_ipv6: { address: 'fd00::1', port: 9200 },
    });
  });

  test('of both families has IPv4 first while the pod is not known', () => {
    assert.equal(one({ slices: [v6(), slice()] }).address, '10.0.0.1');
  });

  test('has only the families of the Service', () => {
    const instance = one({ pods: [pod({ ...bare, ips: ['10.0.0.1', 'fd00::1'] })] });
    assert.deepEqual(instance.taggedAddresses, {});
  });

  test('while it is moved is one instance, and the better word counts', () => {
    const moved = slice({
      name: 'search-b',
      uid: 'slice-uid-3',
      endpoints: [endpoint({ ready: false, serving: false })],
    });
    assert.equal(one({ slices: [moved, slice()] }).checks[0]?.status, 'passing');
    const bareMoved = [
      slice({ endpoints: [bareEndpoint()] }),
      slice({ name: 'b', endpoints: [bareEndpoint()] }),
    ];
    assert.equal(one({ slices: bareMoved }, '').address, '10.0.0.1');
  });

  test('while the target port changes has one port', () => {
    const later = slice({ name: 'search-zz', ports: [{ name: 'api', port: 9300, protocol: 'TCP' }] });
    assert.equal(one({ slices: [later, slice()] }).port, 9200);
  });
});

describe('the port of a Service', () => {
  const ports = [
    { name: 'api', port: 80, protocol: 'TCP' },
    { name: 'admin', port: 81, protocol: 'TCP' },
  ];
  const slices = [
    slice({
      ports: [
        { name: 'admin', port: 9300, protocol: 'TCP' },
        { name: 'api', port: 9200, protocol: 'TCP' },
      ],
    }),
  ];
  const withPort = (port: string | undefined, some = ports) =>
    desired({
      slices,
      services: [
        service({
          ports: some,
          annotations: port === undefined ? { service: 'true' } : { service: 'true', port },
        }),
      ],
    });

  for (const [port, number] of [
    ['api', 9200],
    ['admin', 9300],
    ['81', 9300],
  ] as const) {
    test(`${port} is ${number} behind it`, () => assert.equal(instancesOf(withPort(port))[0]?.port, number));
  }

  test('is the only one there is, also without a name', () => {
    const unnamed = { name: '', port: 5353, protocol: 'UDP' };
    const records = {
      services: [service({ ports: [{ ...unnamed, port: 53 }] })],
      slices: [slice({ ports: [unnamed] })],
    };
    assert.equal(one(records).port, 5353);
  });

  test('may be any number on a headless Service without ports', () => {
    const services = [service({ ports: [], annotations: { service: 'true', port: '7000' } })];
    assert.equal(one({ services, slices: [slice({ ports: [] })] }).port, 7000);
  });

  for (const [port, message] of [
    ['apy', 'port "apy" is not a port of the Service; did you mean "api"?'],
    ['9200', 'port "9200" is not a port of the Service; the Service has "api" (80), "admin" (81)'],
    [undefined, 'port is missing, and the Service has several; choose one of "api" (80), "admin" (81)'],
  ] as const) {
    test(`${port ?? 'left out'}: ${message}`, () => {
      assert.deepEqual(messages(withPort(port)), [`error port: ${message}`]);
    });
  }

  test('that no slice has yet leaves what is registered as it is', () => {
    const outcome = desired({ slices: [slice({ ports: [] })] });
    assert.deepEqual(messages(outcome), ['error port: no EndpointSlice has the port "api" yet']);
    assert.deepEqual(outcome.stale, [
      {
        namespace: 'shop',
        podUid: '1f0c9a3e-0000-4000-8000-000000000001',
        kubeService: 'search',
        service: 'search',
        check: { status: 'passing', output: 'Endpoint is ready' },
      },
    ]);
  });
});

describe('wrong annotations of a Service', () => {
  const services = [service({ annotations: { service: 'true', port: '0' } })];

  test('are reported once, however many endpoints there are', () => {
    const endpoints = Array.from({ length: 5 }, (_, index) =>
      endpoint({ addresses: [`10.0.0.${index}`], podName: `p${index}`, podUid: `uid-${index}` }),
    );
    const outcome = desired({ services, slices: [slice({ endpoints })] });
    assert.equal(outcome.problems.length, 1);
    assert.equal(outcome.problems[0]?.object.kind, 'Service');
    assert.equal(outcome.stale.length, 5);
  });

  test('leave endpoints without a pod alone, whose health cannot be distinguished', () => {
    const endpoints = [bareEndpoint(), bareEndpoint({ addresses: ['10.0.0.2'], ready: false })];
    const { stale } = desired({ services, slices: [slice({ endpoints })] }, '');
    assert.deepEqual(stale, [
      { namespace: 'shop', podUid: '', kubeService: 'search', service: 'search', check: undefined },
    ]);
  });

  test('say that FQDN slices are not registered', () => {
    const fqdn = slice({ addressType: 'FQDN', endpoints: [endpoint({ addresses: ['db.example.com'] })] });
    const outcome = desired({ slices: [fqdn] });
    assert.equal(outcome.entry, undefined);
    assert.deepEqual(messages(outcome), [
      'warning : EndpointSlice "search-abcde" has addressType FQDN; only endpoints with IPv4 and IPv6 addresses are registered',
    ]);
    assert.equal(outcome.problems[0]?.object.kind, 'EndpointSlice');
  });
});

describe('a pod reached both ways', () => {
  const both = (podAnnotations: PodRecord['annotations']) =>
    desired({ pods: [pod({ annotations: podAnnotations })] });

  test('is registered once a name, as its own annotations say', () => {
    const instances = instancesOf(both({ service: 'search', tags: 'own' }));
    assert.deepEqual(
      instances.map(({ id, tags, port }) => [id, tags, port]),
      [['shop.web-x2x7q.1f0c9a3e.search.8080', ['own'], 8080]],
    );
  });

  test('is registered under both names when they differ', () => {
    assert.deepEqual(
      instancesOf(both({ service: 'web' })).map(({ service }) => service),
      ['search', 'web'],
    );
  });

  test('is not registered through the Service while its own annotations for the name are wrong', () => {
    const outcome = both({ service: 'search', port: 'htp' });
    assert.equal(outcome.entry?.instances.size, 0);
    assert.deepEqual(
      outcome.stale.map(({ kubeService, service }) => [kubeService, service]),
      [['', 'search']],
    );
  });

  test('keeps its id when the annotations move from the Service to the pod', () => {
    const viaService = one({ pods: [pod(bare)] }).id;
    const own = desired({
      pods: [pod({ annotations: { service: 'search', port: '9200' } })],
      services: [],
      slices: [],
    });
    assert.deepEqual(
      instancesOf(own).map(({ id }) => id),
      [viaService],
    );
  });
});

describe('two Services', () => {
  test('that ask for the same instance get it once, and the other gets a problem', () => {
    const services = [
      service(),
      service({ name: 'zearch', uid: 'service-uid-2', annotations: { service: 'search' } }),
    ];
    const slices = [slice(), slice({ name: 'zearch-1', service: 'zearch' })];
    const outcome = desired({ services, slices });
    assert.deepEqual(
      instancesOf(outcome).map(({ meta }) => meta['kube-service']),
      ['search'],
    );
    assert.deepEqual(messages(outcome), [
      'warning service: Service shop/search already registers the same endpoints as "search" on port 9200; remove the annotation from one of them',
    ]);
    assert.equal(outcome.problems[0]?.object.uid, 'service-uid-2');
  });
});

describe('two endpoints', () => {
  test('that are well at one address under one name are a conflict', () => {
    const slices = [
      slice(),
      slice({ name: 'b', endpoints: [endpoint({ podName: 'other', podUid: '3f0c9a3e-' })] }),
    ];
    const outcome = desired({ slices });
    assert.equal(outcome.entry?.instances.size, 2);
    assert.deepEqual(messages(outcome), [
      'warning port: Service shop/search is registered as "search" at the same address, 10.0.0.1 port 9200',
    ]);
  });
});
