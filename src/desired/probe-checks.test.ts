import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pod, view } from '../../test/support/cluster-records.ts';
import { isProbe } from '../model/check.ts';
import { clusterUid } from '../model/keys.ts';
import type { PodRecord } from '../model/pod.ts';
import { desiredNode } from './desired.ts';

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
];

describe('probes', () => {
  test('a path, a port by name and a port by number are the instance itself', () => {
    const annotations = {
      service: 'web',
      port: 'http',
      'check-http': '/up',
      'health-url': 'https://other.example/x',
      'check-tcp': '8081',
      'check-grpc': 'grpc/a.B',
    };
    assert.deepEqual(targets({ annotations, ports, ips: ['10.0.0.9'] }), {
      http: 'http://10.0.0.9:8080/up',
      'health-url': 'https://other.example/x',
      tcp: '10.0.0.9:8081',
      grpc: '10.0.0.9:9090/a.B',
    });
  });

  test('an IPv6 address stands in brackets, and a host of its own stays', () => {
    const annotations = { service: 'web', port: 'http', 'check-http': '/up', 'check-tcp': 'db.example:5432' };
    assert.deepEqual(targets({ annotations, ports, ips: ['fd00::9'] }), {
      http: 'http://[fd00::9]:8080/up',
      tcp: 'db.example:5432',
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
});
