import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pod, view } from '../../test/support/cluster-records.ts';
import { isProbe } from '../model/check.ts';
import { clusterUid } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import { desiredNode } from './desired.ts';
import { createHostList, hostListMistake } from './host-list.ts';

const options = {
  clusterName: 'demo',
  clusterUid: clusterUid('uid'),
  namespaced: false,
  probes: { deregisterCriticalAfterMs: 20_000 },
};

function found(record: Partial<PodRecord>, more: object = {}) {
  const node = desiredNode('n1', view({ pods: [pod({ node: 'n1', ...record })] }), { ...options, ...more });
  const instances = [...(node.entry?.instances.values() ?? [])];
  const probes = instances.flatMap(({ id, checks }) =>
    checks.filter(isProbe).map((check) => [check.id.slice(id.length + 1), check] as const),
  );
  return { node, instances, probes: Object.fromEntries(probes) };
}

const targets = (record: Partial<PodRecord>) =>
  Object.fromEntries(
    Object.entries(found(record).probes).map(([key, { definition }]) => [key, definition.target]),
  );

const ports = [
  { name: 'http', port: 8080, protocol: 'TCP' },
  { name: 'grpc', port: 9090, protocol: 'TCP', hostPort: 30_090 },
  { name: 'admin', port: 8081, protocol: 'TCP' },
];

describe('probes', () => {
  test('a path, a port by name and a port by number are the instance itself', () => {
    const annotations = {
      service: 'web',
      port: 'http',
      'check-http': '/up',
      'health-url': 'https://:admin/x?y=1',
      'check-tcp': '8081',
      'check-grpc': 'grpc/a.B',
    };
    assert.deepEqual(targets({ annotations, ports, ips: ['10.0.0.9'] }), {
      http: 'http://10.0.0.9:8080/up',
      'health-url': 'https://10.0.0.9:8081/x?y=1',
      tcp: '10.0.0.9:8081',
      grpc: '10.0.0.9:9090/a.B',
    });
  });

  test('an IPv6 address stands in brackets, and may be written out in any form', () => {
    const annotations = {
      service: 'web',
      port: 'http',
      'check-http': '/up',
      'health-url': 'http://[FD00:0::9]/x',
      'check-tcp': '10.0.0.9:8081',
    };
    assert.deepEqual(targets({ annotations, ports, ips: ['fd00::9', '10.0.0.9'] }), {
      http: 'http://[fd00::9]:8080/up',
      'health-url': 'http://[fd00::9]:8080/x',
      tcp: '10.0.0.9:8081',
    });
  });

  test("at the host's address, a port is the host port that leads to it", () => {
    const annotations = { service: 'web', port: 'grpc', address: 'host', 'check-grpc': 'grpc' };
    assert.deepEqual(targets({ annotations, ports, ips: ['10.0.0.9'], hostIps: ['192.0.2.1'] }), {
      grpc: '192.0.2.1:30090',
    });
  });

  test('timing is that of the annotations, or the usual one', () => {
    const usual = found({ annotations: { service: 'web', port: 'http', 'check-tcp': 'http' }, ports });
    assert.deepEqual(
      { ...usual.probes['tcp']?.definition, target: '' },
      { kind: 'tcp', target: '', intervalMs: 10_000, timeoutMs: 1_000, deregisterAfterMs: 20_000 },
    );
    const own = { 'check-interval': '3s', 'check-timeout': '2s', 'deregister-critical-after': '5m' };
    const asked = found({
      annotations: { service: 'web', port: 'http', 'check-tcp': 'http', ...own },
      ports,
    });
    assert.deepEqual(
      { ...asked.probes['tcp']?.definition, target: '' },
      { kind: 'tcp', target: '', intervalMs: 3_000, timeoutMs: 2_000, deregisterAfterMs: 300_000 },
    );
  });

  test('begin as readiness is, and critical where nobody asks for it', () => {
    const status = (record: Partial<PodRecord>, more: object = {}) =>
      found({
        annotations: { service: 'web', port: 'http', 'check-tcp': 'http', ...more },
        ports,
        ...record,
      }).probes['tcp']?.status;
    assert.equal(status({ ready: true }), 'passing');
    assert.equal(status({ ready: false }), 'critical');
    assert.equal(status({ ready: true }, { check: 'none' }), 'critical');
  });

  test('of a port that is not there are a mistake in their annotation', () => {
    const { node } = found({ annotations: { service: 'web', port: 'http', 'check-tcp': 'htp' }, ports });
    const [problem] = node.problems;
    assert.equal(problem?.field, 'check-tcp');
    assert.match(problem?.message ?? '', /port "htp" is not a container port; did you mean "http"\?/);
  });

  test('nobody does: they are left out', () => {
    const { probes: _, ...without } = options;
    const record = pod({
      node: 'n1',
      annotations: { service: 'web', port: 'http', 'check-tcp': 'http' },
      ports,
    });
    const { entry } = desiredNode('n1', view({ pods: [record] }), without);
    assert.ok([...(entry?.instances.values() ?? [])].every(({ checks }) => !checks.some(isProbe)));
  });

  test('follow no redirects where an agent runs them: only agents can be configured so', () => {
    const record = { annotations: { service: 'web', 'check-http': '/up', 'check-tcp': '8080' } };
    assert.equal(found(record).probes['http']?.definition.redirects, undefined);
    const byAgent = found(record, { agents: { ttlMs: 60_000 } });
    assert.equal(byAgent.probes['http']?.definition.redirects, false);
    assert.equal(byAgent.probes['tcp']?.definition.redirects, undefined);
  });
});

/** Problems as `reason field`, with nothing registered and what was registered kept; or undefined. */
function refusal(annotations: Readonly<Record<string, string>>, more: object = {}): string | undefined {
  const { node, instances } = found(
    { annotations: { service: 'web', port: 'http', ...annotations }, ports },
    more,
  );
  const errors = node.problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) {
    assert.equal(instances.length, 1);
    return undefined;
  }
  assert.deepEqual([instances.length, node.stale.length], [0, 1]);
  return errors.map(({ reason, field }) => `${reason} ${field}`).join();
}

describe('probes of other hosts', () => {
  const probeHosts = createHostList([
    '10.20.0.0/16',
    'fd00:20::/32',
    'db.example',
    '*.monitor.example',
    '0.0.0.0/0',
    '::/0',
  ]);
  const few = createHostList(['10.20.0.0/16', 'fd00:20::/32', 'db.example', '*.monitor.example']);

  for (const host of ['10.20.0.1', '192.0.2.7', '[fd00:20::1]', 'db.example', 'a.monitor.example']) {
    test(`${host} is refused, also where nobody probes`, () => {
      const denied = (field: string) => `AnnotationDenied ${field}`;
      for (const more of [{}, { probes: undefined }]) {
        assert.equal(refusal({ 'check-http': `http://${host}:80/x` }, more), denied('check-http'));
        assert.equal(refusal({ 'health-url': `https://${host}` }, more), denied('health-url'));
        assert.equal(refusal({ 'meta.health_url': `https://${host}` }, more), denied('meta.health_url'));
        assert.equal(refusal({ 'check-tcp': `${host}:80` }, more), denied('check-tcp'));
        assert.equal(refusal({ 'check-grpc': `${host}:80/a.B` }, more), denied('check-grpc'));
        const services = JSON.stringify([{ service: 'web', port: 'http', 'check-tcp': `${host}:80` }]);
        const { node } = found({ annotations: { services }, ports }, more);
        assert.deepEqual(
          node.problems.map(({ field }) => field),
          ['services[0].check-tcp'],
        );
      }
    });
  }

  test('are done where the configuration names them, and only those', () => {
    const annotations = {
      service: 'web',
      port: 'http',
      'check-http': 'http://DB.example/x?y',
      'health-url': 'https://a.monitor.example:8443',
      'check-tcp': '10.20.255.1:5432',
      'check-grpc': '[fd00:20::1]:9000/a.B',
    };
    const { probes } = found({ annotations, ports }, { probeHosts: few });
    assert.deepEqual(
      Object.values(probes)
        .map(({ definition }) => definition.target)
        .sort(),
      [
        '10.20.255.1:5432',
        '[fd00:20::1]:9000/a.B',
        'http://db.example/x?y',
        'https://a.monitor.example:8443/',
      ],
    );
    for (const host of ['10.21.0.1', '[fd00:21::1]', 'xdb.example', 'db.example.evil', 'monitor.example']) {
      assert.equal(
        refusal({ 'check-http': `http://${host}/` }, { probeHosts: few }),
        'AnnotationDenied check-http',
      );
    }
  });

  for (const host of [
    ...['169.254.169.254', '127.0.0.1', '127.1.2.3', '0.0.0.0', '224.0.0.1', '255.255.255.255'],
    ...[
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[fe80::1%25eth0]',
      '[ff02::1]',
      '[fd00:ec2::254]',
      '[FD00:EC2:0::254]',
    ],
    ...[
      '[::ffff:169.254.169.254]',
      '[::ffff:a9fe:a9fe]',
      '[::127.0.0.1]',
      '[64:ff9b::a9fe:a9fe]',
      '[2002:a9fe:a9fe::1]',
    ],
    ...[
      '2852039166',
      '0xa9fea9fe',
      '0xA9.0xFE.0xA9.0xFE',
      '0251.0376.0251.0376',
      '169.254.43518',
      '127.1',
      '010.20.0.1',
    ],
    ...[
      'localhost',
      'LOCALHOST',
      'a.localhost',
      'localhost.localdomain',
      'ip6-localhost',
      'metadata.google.internal',
    ],
    ...[
      '10.20.0.1.',
      'db.example.',
      'db..example',
      '１０.20.0.1',
      'db%2eexample',
      '168.63.129.16',
      '100.100.100.200',
    ],
    ...[
      'user@db.example',
      'user:pass@db.example',
      '10.20.0.1@169.254.169.254',
      '10.20.0.1\\@169.254.169.254',
    ],
  ]) {
    test(`${host} is never probed, whatever is allowed`, () => {
      const wrong = (field: string) => `InvalidAnnotation ${field}`;
      assert.equal(refusal({ 'check-http': `http://${host}/x` }, { probeHosts }), wrong('check-http'));
      assert.equal(refusal({ 'check-http': `https://${host}:80` }, { probeHosts }), wrong('check-http'));
      assert.equal(refusal({ 'health-url': `http://${host}?x` }, { probeHosts }), wrong('health-url'));
      assert.equal(
        refusal({ 'meta.health_url': `http://${host}/` }, { probeHosts }),
        wrong('meta.health_url'),
      );
      assert.equal(refusal({ 'check-tcp': `${host}:80` }, { probeHosts }), wrong('check-tcp'));
      assert.equal(refusal({ 'check-grpc': `${host}:80` }, { probeHosts }), wrong('check-grpc'));
    });
  }

  for (const url of [
    '',
    '?x',
    '#x',
    'unix:///var/run/docker.sock',
    'http:///x\\y',
    'file:///etc/passwd',
    '//10.0.0.1/x',
    'http:/x',
    'gopher://x',
    'http://a b/',
    'http://[::1/',
  ]) {
    test(`${url} is no URL of a probe`, () => {
      assert.equal(refusal({ 'check-http': url }, { probeHosts }), 'InvalidAnnotation check-http');
    });
  }
  for (const target of [
    'unix:/var/run/docker.sock',
    'unix:80',
    'dns:///db.example:80',
    'passthrough:///x',
    '/x',
  ]) {
    test(`${target} is no target of a gRPC or TCP probe`, () => {
      assert.match(refusal({ 'check-grpc': target }, { probeHosts: few }) ?? '', /check-grpc$/);
      assert.match(refusal({ 'check-tcp': target }, { probeHosts: few }) ?? '', /check-tcp$/);
    });
  }

  test('a port that the pod does not declare is refused at its own address, too', () => {
    for (const [field, value] of [
      ['check-tcp', '22'],
      ['check-tcp', '10.0.0.1:22'],
      ['check-http', 'http://:22/x'],
      ['health-url', 'http://10.0.0.1:22/x'],
      ['check-grpc', '22'],
    ] as const) {
      assert.equal(refusal({ [field]: value }), `InvalidAnnotation ${field}`, value);
    }
    assert.equal(refusal({ port: '9999', 'check-tcp': '9999' }), undefined, "the instance's own");
  });

  test('says what to write', () => {
    const { node } = found({
      annotations: { service: 'web', port: 'http', 'check-tcp': '10.0.0.7:22' },
      ports,
    });
    assert.equal(
      node.problems[0]?.message,
      'check-tcp "10.0.0.7" is not the address of the instance; write a path or a port, such as /healthz, ' +
        "https://:8443/healthz or 8443, or have the host named in registration.probeHosts of kube-registrar's configuration",
    );
  });
});

describe('the hosts of registration.probeHosts', () => {
  test('are addresses, CIDRs and names that may be probed at all', () => {
    for (const entry of [
      '10.0.0.1',
      '10.0.0.0/8',
      'fd00::/8',
      'fd00::1',
      'db.example',
      '*.example',
      '0.0.0.0/0',
      '::/0',
    ]) {
      assert.equal(hostListMistake(entry), undefined, entry);
    }
    for (const entry of [
      '',
      '*',
      '10.0.0.0/33',
      'fd00::/129',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '10.0.0',
      'x/8',
      'a b',
      '*.',
      '**.x',
      'http://x',
    ]) {
      assert.match(hostListMistake(entry) ?? '', /write|remove/, entry);
    }
    for (const entry of [
      '169.254.169.254',
      '169.254.0.0/16',
      '127.0.0.0/8',
      '::1',
      'fe80::/10',
      'localhost',
      '*.localhost',
    ]) {
      assert.match(hostListMistake(entry) ?? '', /never probed/, entry);
    }
  });
});
