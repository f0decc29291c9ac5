import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  condition,
  gatewayObject,
  gatewayStatus,
  ingressObject,
  ingressStatus,
  routeObject,
  routeStatus,
} from '../../../test/support/route-objects.ts';
import { mostOfRoute, type RouteKind } from '../../model/route.ts';
import { InternPool } from './intern-pool.ts';
import { gatewayProjection } from './project-gateway.ts';
import { routeProjection } from './project-route.ts';

const project = (kind: RouteKind, object: object, usesLabel?: (key: string) => boolean) =>
  routeProjection(kind, 'kube-registrar.io/', new InternPool(), usesLabel)(object);

describe('the record of an Ingress', () => {
  test('has its hosts, paths, TLS and addresses', () => {
    const written = ingressObject({ service: 'web' }, { tls: true });
    const record = project('Ingress', { ...written, status: ingressStatus('203.0.113.7', 'lb.example') });
    assert.deepEqual(record.hosts, ['shop.example']);
    assert.deepEqual(record.paths, ['/']);
    assert.deepEqual(record.tlsHosts, ['shop.example']);
    assert.deepEqual(record.addresses, ['203.0.113.7', 'lb.example']);
    assert.deepEqual(record.annotations, { service: 'web' });
  });

  test('is for every host with a rule without a host, or with no rule at all', () => {
    const { spec } = ingressObject({ service: 'web' });
    const annotated = { metadata: { annotations: { 'kube-registrar.io/service': 'web' } } };
    assert.deepEqual(project('Ingress', { ...annotated, spec: { rules: [...spec.rules, {}] } }).hosts, []);
    assert.deepEqual(project('Ingress', { ...annotated, spec: { defaultBackend: {}, tls: [{}] } }).tlsHosts, [
      '',
    ]);
  });

  test('keeps of what a tenant writes as much as is used, and nothing without annotations', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `h${index}.example`);
    const record = project('Ingress', ingressObject({ service: 'web' }, { hosts: names }));
    assert.equal(record.hosts.length, mostOfRoute + 1);
    const bare = project('Ingress', {
      ...ingressObject({}, { hosts: names }),
      status: ingressStatus('203.0.113.7'),
    });
    assert.deepEqual([bare.hosts, bare.addresses], [[], []]);
  });
});

describe('the labels of a record', () => {
  const labelled = (object: { metadata: object }, labels: Readonly<Record<string, string>>) => ({
    ...object,
    metadata: { ...object.metadata, labels },
  });

  test('are those that rules use, on annotated objects', () => {
    const labels = { team: 'a', app: 'b' };
    const uses = (key: string) => key === 'team';
    for (const [kind, object] of [
      ['Ingress', ingressObject({ service: 'web' })],
      ['HTTPRoute', routeObject({ service: 'web' })],
    ] as const) {
      assert.deepEqual(project(kind, labelled(object, labels), uses).labels, { team: 'a' });
      assert.deepEqual(project(kind, labelled(object, labels)).labels, {});
    }
    assert.deepEqual(project('Ingress', labelled(ingressObject({}), labels), uses).labels, {});
  });

  test('are among the first 128', () => {
    const labels = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`l${index}`, '']));
    const record = project('Ingress', labelled(ingressObject({ service: 'web' }), labels), () => true);
    assert.equal(Object.keys(record.labels).length, 128);
  });
});

describe('the record of a route', () => {
  test('has the parents that are Gateways, and whether each has accepted it', () => {
    const written = routeObject(
      { service: 'web' },
      {
        parents: [{ name: 'edge' }, { name: 'edge', namespace: 'infra', sectionName: 'https' }],
      },
    );
    const service = { group: '', kind: 'Service', name: 'web' };
    const record = project('HTTPRoute', {
      ...written,
      spec: { ...written.spec, parentRefs: [...written.spec.parentRefs, service] },
      status: {
        parents: [
          ...routeStatus([{ name: 'edge', namespace: 'default' }]).parents,
          ...routeStatus(
            [{ name: 'edge', namespace: 'infra', sectionName: 'https' }],
            condition('Accepted', 'False', 'NotAllowedByListeners', 'no'),
          ).parents,
        ],
      },
    });
    assert.deepEqual(record.parents, [
      { namespace: 'default', name: 'edge', listener: '', port: 0, accepted: true, message: 'Accepted' },
      {
        namespace: 'infra',
        name: 'edge',
        listener: 'https',
        port: 0,
        accepted: false,
        message: 'NotAllowedByListeners: no',
      },
    ]);
    assert.deepEqual(record.paths, ['/cart']);
  });

  test('does not take the acceptance of one parent for that of another', () => {
    const written = routeObject({ service: 'web' }, { parents: [{ name: 'edge', sectionName: 'https' }] });
    const accepted = (ref: { name: string; namespace?: string; sectionName?: string }) =>
      project('HTTPRoute', { ...written, status: routeStatus([ref]) }).parents.map((each) => each.accepted);
    assert.deepEqual(accepted({ name: 'edge', sectionName: 'https' }), [true]);
    for (const other of [
      { name: 'edge' },
      { name: 'edge', sectionName: 'http' },
      { name: 'edge', namespace: 'infra', sectionName: 'https' },
      { name: 'other', sectionName: 'https' },
    ]) {
      assert.deepEqual(accepted(other), [false], JSON.stringify(other));
    }
  });

  test('of GRPC has its methods as paths', () => {
    const record = project('GRPCRoute', routeObject({ service: 'web' }, { kind: 'GRPCRoute' }));
    assert.deepEqual(record.paths, ['/shop.v1.Cart/']);
  });
});

test('the record of a Gateway has its addresses, listeners and conditions', () => {
  const record = gatewayProjection(new InternPool())({
    ...gatewayObject({ from: 'Same' }),
    status: {
      ...gatewayStatus(['203.0.113.9']),
      addresses: [
        { type: 'IPAddress', value: '203.0.113.9' },
        { type: 'Hostname', value: 'lb.example' },
        { type: 'example.com/NamedAddress', value: 'left' },
      ],
    },
  });
  assert.deepEqual(record.addresses, ['203.0.113.9', 'lb.example']);
  assert.deepEqual(
    record.listeners.map(({ name, port, protocol, ownNamespaceOnly }) => [
      name,
      port,
      protocol,
      ownNamespaceOnly,
    ]),
    [
      ['http', 80, 'HTTP', true],
      ['https', 443, 'HTTPS', true],
    ],
  );
  assert.equal(record.programmed.status, 'True');
  assert.equal(gatewayProjection(new InternPool())({}).programmed.status, 'Unknown');
});
