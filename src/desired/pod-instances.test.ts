import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kubeNode, options, pod, view } from '../../test/support/cluster-records.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { Instance } from '../model/instance.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import { desiredNode } from './desired.ts';
import { registeredGate } from './health.ts';

const desired = (record: PodRecord, nodes: readonly KubeNodeRecord[] = [kubeNode()]): DesiredNode =>
  desiredNode('n1', view({ pods: [record], nodes }), options);

const instancesOf = ({ entry }: DesiredNode): Instance[] => [...(entry?.instances.values() ?? [])];

/** The one instance of a pod without problems. */
function one(part: Partial<PodRecord>): Instance {
  const outcome = desired(pod(part));
  assert.deepEqual(outcome.problems, []);
  const instances = instancesOf(outcome);
  assert.equal(instances.length, 1);
  return instances[0]!;
}

const messages = ({ problems }: DesiredNode): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

describe('an annotated pod', () => {
  test('becomes an instance in canonical form', () => {
    const annotations = {
      service: 'web',
      tags: 'b,a',
      'meta.team': 'shop',
      weight: '10',
      'weight-warning': '2',
    };
    const id = 'shop.web-x2x7q.1f0c9a3e.web.8080';
    const createdAt = Date.UTC(2026, 0, 2, 3, 4, 5);
    const instance = one({ annotations, createdAt });
    assert.deepEqual(instance, {
      id,
      service: 'web',
      address: '10.0.0.1',
      port: 8080,
      tags: ['a', 'b'],
      meta: {
        'external-source': 'kubernetes',
        'kube-cluster': 'c1',
        'kube-namespace': 'shop',
        'kube-node': 'n1',
        'kube-pod': 'web-x2x7q',
        'kube-pod-created': '2026-01-02T03:04:05Z',
        'kube-pod-uid': '1f0c9a3e-0000-4000-8000-000000000001',
        'kube-region': 'r1',
        'kube-zone': 'z1',
        team: 'shop',
      },
      weights: { passing: 10, warning: 2 },
      taggedAddresses: {},
      checks: [
        {
          id: `${id}:readiness`,
          name: 'Kubernetes readiness',
          type: 'kubernetes-readiness',
          status: 'passing',
          output: 'Pod is ready',
        },
      ],
    });
    assert.deepEqual(Object.keys(instance.meta), Object.keys(instance.meta).toSorted());
  });

  test('is critical with the reason and message of its condition while not Ready', () => {
    const part = {
      ready: false,
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
    };
    assert.equal(one(part).checks[0]?.status, 'critical');
    assert.equal(one(part).checks[0]?.output, 'ContainersNotReady: containers with unready status: [app]');
    assert.equal(one({ ready: false }).checks[0]?.output, 'Pod is not ready');
  });

  test('with both address families is one instance with tagged addresses', () => {
    const instance = one({
      ips: ['fd00::1', '10.0.0.1'],
      annotations: { service: 'web', 'health-url': '/h' },
    });
    assert.equal(instance.address, 'fd00::1');
    assert.deepEqual(instance.taggedAddresses, {
      lan_ipv4: { address: '10.0.0.1', port: 8080 },
      lan_ipv6: { address: 'fd00::1', port: 8080 },
    });
    assert.equal(instance.meta['health_url'], 'http://[fd00::1]:8080/h');
  });

  test('carries protocol and health URL as meta', () => {
    const { meta } = one({ annotations: { service: 'web', protocol: 'http', 'health-url': 'https:///x' } });
    assert.equal(meta['protocol'], 'http');
    assert.equal(meta['health_url'], 'https://10.0.0.1:8080/x');
  });

  for (const [what, part] of [
    ['without an IP', { ips: [] }],
    ['completed', { phase: 'Succeeded' }],
    ['evicted', { phase: 'Failed' }],
    ['without annotations', { annotations: {} }],
    ['whose service is "false"', { annotations: { service: 'false' } }],
  ] as const) {
    test(`${what} is not registered`, () => {
      assert.deepEqual(desired(pod(part)), { name: 'c1-n1', entry: undefined, stale: [], problems: [] });
    });
  }

  test('has no check with check "none"', () => {
    assert.deepEqual(one({ ready: false, annotations: { service: 'web', check: 'none' } }).checks, []);
  });

  test('in maintenance has the check Consul itself would write', () => {
    assert.deepEqual(one({ annotations: { service: 'web', maintenance: 'disk' } }).checks[0], {
      id: '_service_maintenance:shop.web-x2x7q.1f0c9a3e.web.8080',
      name: 'Service Maintenance Mode',
      type: 'maintenance',
      status: 'critical',
      output: 'disk',
    });
  });
});

describe('a terminating pod', () => {
  const terminating = (annotations: Record<string, string>, part: Partial<PodRecord> = {}) =>
    desired(pod({ deleting: true, annotations: { service: 'web', ...annotations }, ...part }));
  const status = (outcome: DesiredNode) => instancesOf(outcome)[0]?.checks.map((check) => check.status);

  test('is critical until gone', () => {
    assert.deepEqual(status(terminating({})), ['critical']);
    assert.equal(instancesOf(terminating({}))[0]?.checks[0]?.output, 'Pod is terminating');
  });

  test('is warning when asked for, as long as it is ready', () => {
    assert.deepEqual(status(terminating({ drain: 'warning' })), ['warning']);
    assert.deepEqual(status(terminating({ drain: 'warning' }, { ready: false })), ['critical']);
  });

  test('is deregistered when asked for', () => {
    assert.equal(terminating({ drain: 'deregister' }).entry, undefined);
  });

  test('is drained also with check "none", because without a check it would pass', () => {
    assert.deepEqual(status(terminating({ check: 'none' })), ['critical']);
  });
});

describe('a pod with the registered gate', () => {
  const gate = { type: registeredGate, status: false };
  const notReady = {
    ready: false,
    reason: 'ReadinessGatesNotReady',
    message: `"${registeredGate}" is missing`,
  };

  test('passes before the gate does, so that neither waits for the other', () => {
    assert.equal(one({ ...notReady, gates: [gate] }).checks[0]?.status, 'passing');
  });

  test('waits for its containers', () => {
    const reason = { reason: 'ContainersNotReady', message: 'x' };
    const [check] = one({ ready: false, ...reason, containersReady: false, gates: [gate] }).checks;
    assert.deepEqual([check?.status, check?.output], ['critical', 'ContainersNotReady: x']);
  });

  test('waits for the other gates and names only them', () => {
    const gates = [gate, { type: 'lb/up', status: false }, { type: 'ok', status: true }];
    const [check] = one({ ...notReady, gates }).checks;
    assert.deepEqual(
      [check?.status, check?.output],
      ['critical', 'ReadinessGatesNotReady: waiting for lb/up'],
    );
  });

  test('other gates alone leave the condition Ready in charge', () => {
    assert.equal(one({ gates: [{ type: 'lb/up', status: false }] }).checks[0]?.status, 'passing');
  });
});

describe('the port of a pod', () => {
  const ports = [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'metrics', port: 9090, protocol: 'TCP' },
    { name: '', port: 5000, protocol: 'UDP' },
  ];
  const withPort = (port: string | undefined, some = ports) =>
    desired(
      pod({ ports: some, annotations: port === undefined ? { service: 'web' } : { service: 'web', port } }),
    );

  for (const [port, number] of [
    ['http', 8080],
    ['9090', 9090],
    ['5000', 5000],
    ['7', 7],
  ] as const) {
    test(`${port} is ${number}`, () => assert.equal(instancesOf(withPort(port))[0]?.port, number));
  }

  test('is the only one there is, under whatever protocols', () => {
    const dns = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ];
    assert.equal(instancesOf(withPort(undefined, dns))[0]?.port, 53);
  });

  for (const [port, some, message] of [
    ['htp', ports, 'port "htp" is not a container port; did you mean "http"?'],
    [
      'admin',
      ports,
      'port "admin" is not a container port; the pod has "http" (8080), "metrics" (9090), 5000',
    ],
    ['http', [], 'port "http" is not a container port; the pod declares none'],
    [undefined, [], 'port is missing, and the pod declares none; write its number'],
    [
      undefined,
      ports,
      'port is missing, and the pod has several; choose one of "http" (8080), "metrics" (9090), 5000',
    ],
  ] as const) {
    test(`${port ?? 'left out'}, with ${some.length} ports: ${message}`, () => {
      assert.deepEqual(messages(withPort(port, [...some])), [`error port: ${message}`]);
    });
  }
});

describe('the address of a pod', () => {
  const at = (address: string, part: Partial<PodRecord> = {}, nodes = [kubeNode()]) =>
    desired(pod({ annotations: { service: 'web', address }, ...part }), nodes);

  const mapped = [{ name: 'http', port: 8080, protocol: 'TCP', hostPort: 30_080 }];

  test('"host" is its first host IP, and the port that leads to the pod there', () => {
    const [byHostPort] = instancesOf(at('host', { ports: mapped }));
    assert.deepEqual([byHostPort?.address, byHostPort?.port], ['192.168.0.1', 30_080]);
    const [onHost] = instancesOf(at('host', { hostNetwork: true }));
    assert.deepEqual([onHost?.address, onHost?.port], ['192.168.0.1', 8080]);
    assert.equal(onHost?.id, byHostPort?.id);
    assert.equal(one({ ports: mapped }).port, 8080);
  });

  test('"node-external" is the ExternalIP of its node', () => {
    assert.equal(instancesOf(at('node-external', { ports: mapped }))[0]?.address, '203.0.113.1');
  });

  for (const address of ['host', 'node-external']) {
    test(`"${address}" is refused where nothing leads to the pod, and what is registered stays`, () => {
      const outcome = at(address);
      assert.deepEqual(messages(outcome), [
        `error address: nothing leads from address "${address}" to port 8080: the container port has no hostPort and the pod is not on the host's network; add one of them, or use address "pod"`,
      ]);
      assert.equal(outcome.problems[0]?.reason, 'RegistrationFailed');
      assert.deepEqual([instancesOf(outcome).length, outcome.stale.length], [0, 1]);
      const other = [...mapped, { name: 'admin', port: 9090, protocol: 'TCP' }];
      const annotations = { service: 'web', address, port: 'admin' };
      assert.equal(instancesOf(at(address, { ports: other, annotations })).length, 0);
    });
  }

  test('"node-external" without one is a problem, and what is registered stays', () => {
    const outcome = at('node-external', {}, [kubeNode({ externalIps: [] })]);
    assert.deepEqual(messages(outcome), [
      'error address: node "n1" has no address of type ExternalIP; use address "pod" or "host"',
    ]);
    assert.equal(outcome.stale.length, 1);
  });

  test('"host" and "node-external" say what they lack', () => {
    assert.deepEqual(messages(at('host', { hostIps: [] }, [])), [
      'error address: the address of node "n1" is unknown; use address "pod"',
    ]);
    const record = pod({ annotations: { service: 'web', address: 'node-external' } });
    const outcome = desiredNode('n1', view({ pods: [record] }), { ...options, namespaced: true });
    assert.deepEqual(messages(outcome), [
      'error address: address "node-external" needs cluster-wide rights to read nodes; use "pod"',
    ]);
  });
});

describe('several services of one pod', () => {
  const ports = [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'metrics', port: 9090, protocol: 'TCP' },
  ];
  const list = (services: string, part: Partial<PodRecord> = {}) =>
    desired(pod({ ports, annotations: { services }, ...part }));
  const ids = (outcome: DesiredNode) => instancesOf(outcome).map(({ id }) => id);

  test('are instances of their own, also under one name', () => {
    const outcome = list(
      '[{service: web, port: http}, {service: web, port: metrics}, {service: ops, port: metrics}]',
    );
    assert.deepEqual(outcome.problems, []);
    assert.deepEqual(ids(outcome), [
      'shop.web-x2x7q.1f0c9a3e.ops.9090',
      'shop.web-x2x7q.1f0c9a3e.web.8080',
      'shop.web-x2x7q.1f0c9a3e.web.9090',
    ]);
  });

  test('keep their ids when another is added', () => {
    const before = ids(list('[{service: web, port: http}]'));
    const after = ids(
      list('[{service: a, port: 1}, {service: web, port: metrics}, {service: web, port: http}]'),
    );
    assert.ok(after.includes(before[0]!));
  });

  test('asked for twice are registered once, and the second is reported', () => {
    const outcome = list('[{service: web, port: http, tags: a}, {service: web, port: 8080, tags: b}]');
    assert.deepEqual(
      instancesOf(outcome).map(({ tags }) => tags),
      [['a']],
    );
    assert.deepEqual(messages(outcome), [
      'error services[1].service: service "web" on port 8080 is requested twice; remove one',
    ]);
  });

  test('leave a wrong one as it was registered, by name, and the others untouched', () => {
    const outcome = list('[{service: web, port: http}, {service: ops, port: metrisc}]');
    assert.deepEqual(ids(outcome), ['shop.web-x2x7q.1f0c9a3e.web.8080']);
    assert.deepEqual(messages(outcome), [
      'error services[1].port: port "metrisc" is not a container port; did you mean "metrics"?',
    ]);
    assert.deepEqual(outcome.stale, [
      {
        namespace: 'shop',
        podUid: '1f0c9a3e-0000-4000-8000-000000000001',
        kubeService: '',
        service: 'ops',
        check: { status: 'passing', output: 'Pod is ready' },
      },
    ]);
  });
});

describe('a pod with wrong annotations', () => {
  const wrong = (part: Partial<PodRecord>, annotations: Record<string, string> = {}) =>
    desired(pod({ annotations: { service: 'a_b', ...annotations }, ...part }));

  test('keeps whatever it has registered when not even the name is readable', () => {
    const { stale, entry, problems } = wrong({});
    assert.equal(stale[0]?.service, '');
    assert.equal(entry?.instances.size, 0);
    assert.deepEqual(problems[0]?.object, {
      kind: 'Pod',
      namespace: 'shop',
      name: 'web-x2x7q',
      uid: '1f0c9a3e-0000-4000-8000-000000000001',
    });
  });

  test('goes on to follow its health and drain', () => {
    assert.equal(wrong({ ready: false, reason: 'R' }).stale[0]?.check?.output, 'R');
    assert.equal(wrong({ deleting: true }).stale[0]?.check?.status, 'critical');
    assert.equal(wrong({}, { check: 'none' }).stale[0]?.check, undefined);
    assert.deepEqual(wrong({ deleting: true }, { drain: 'deregister' }).stale, []);
  });

  test('keeps nothing once it is finished', () => {
    assert.deepEqual(wrong({ phase: 'Failed' }).stale, []);
    assert.deepEqual(wrong({ ips: [] }).stale, []);
  });
});
