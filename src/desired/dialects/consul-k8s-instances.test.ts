import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Service } from '@kubernetes/client-node';
import { options, pod, service, slice, view } from '../../../test/support/cluster-records.ts';
import { desiredNode } from '../desired.ts';
import { keptAnnotations } from '../kept-annotations.ts';
import { mostUserKeys } from '../meta.ts';
import type { DesiredOptions } from '../options.ts';
import { consulK8sDialect, consulK8sId } from './consul-k8s.ts';
import { translatedService } from './dialect.ts';

const settings = {
  default: true,
  k8sAllowNamespaces: ['*'],
  k8sDenyNamespaces: [],
  consulPrefix: '',
  addK8SNamespaceSuffix: true,
  syncClusterIPServices: true,
  syncLoadBalancerEndpoints: false,
  nodePortSyncType: 'ExternalFirst' as const,
  k8sTag: 'k8s',
  ids: true,
  meta: true,
};
const ports = [
  { name: 'api', port: 80, targetPort: 9200 },
  { name: 'admin', port: 81, targetPort: 9300 },
];
const both = [
  { name: 'admin', port: 9300, protocol: 'TCP' },
  { name: 'api', port: 9200, protocol: 'TCP' },
];

/** The annotations of a Service, as its record keeps them. */
function kept(annotations: Readonly<Record<string, string>>, from = settings) {
  const whole: V1Service = { metadata: { namespace: 'shop', name: 'search', annotations }, spec: { ports } };
  return keptAnnotations(
    'kube-registrar.io/',
    annotations,
    translatedService([consulK8sDialect(from)], whole),
  );
}

function desired(
  annotations: Readonly<Record<string, string>>,
  from = settings,
  more: Partial<DesiredOptions> = {},
) {
  const services = [
    service({
      ports: ports.map(({ name, port }) => ({ name, port, protocol: 'TCP' })),
      annotations: kept(annotations, from),
    }),
  ];
  const pods = [pod({ annotations: {}, createdAt: 1 })];
  const all = view({ services, slices: [slice({ ports: both })], pods });
  const { entry, problems } = desiredNode('n1', all, { ...options, consulK8s: from, ...more });
  return { instances: [...(entry?.instances.values() ?? [])], problems };
}

describe('an instance that consul-k8s registers, too', () => {
  test('has their name, id, tag and meta, and the port that the slice lists first', () => {
    const { instances, problems } = desired({});
    assert.deepEqual(problems, []);
    const [instance] = instances;
    assert.deepEqual(
      [instance?.service, instance?.id, instance?.address, instance?.port, instance?.tags],
      ['search-shop', consulK8sId('search-shop', '10.0.0.1'), '10.0.0.1', 9300, ['k8s']],
    );
    const { meta = {} } = instance ?? {};
    assert.deepEqual(Object.fromEntries(Object.entries(meta).filter(([key]) => !key.startsWith('kube-'))), {
      'external-k8s-node-name': 'n1',
      'external-k8s-ns': 'shop',
      'external-k8s-ref-kind': 'Pod',
      'external-k8s-ref-name': 'web-x2x7q',
      'external-k8s-topology-zone': 'z1',
      'external-source': 'kubernetes',
      'port-admin': '81',
      'port-api': '80',
    });
  });

  test('prefers annotations of kube-registrar: field by field, they win over those of consul-k8s', () => {
    const { instances } = desired({
      'consul.hashicorp.com/service-name': 'theirs',
      'consul.hashicorp.com/service-port': 'api',
      'consul.hashicorp.com/service-tags': 'a',
      'kube-registrar.io/tags': 'b',
      'kube-registrar.io/id-scheme': 'kube-registrar',
    });
    assert.deepEqual(
      instances.map(({ service, id, port, tags }) => [service, id, port, tags]),
      [['theirs', 'shop.web-x2x7q.1f0c9a3e.theirs.9200', 9200, ['b']]],
    );
  });

  test('is registered where ours stands beside one of theirs that cannot be followed', () => {
    const theirs = {
      'consul.hashicorp.com/service-port': '80',
      'consul.hashicorp.com/service-name': 'not_dns',
    };
    assert.equal(desired({ ...theirs, 'kube-registrar.io/port': 'api' }).instances.length, 0);
    const { instances, problems } = desired({
      ...theirs,
      'kube-registrar.io/port': 'api',
      'kube-registrar.io/service': 'search',
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      instances.map(({ service, port }) => [service, port]),
      [['search', 9200]],
    );
  });

  test('is not there where our annotation switches the Service off', () => {
    assert.deepEqual(desired({ 'kube-registrar.io/service': 'false' }), { instances: [], problems: [] });
  });

  test('is refused, with the reason at their annotation, where they cannot be followed', () => {
    const { instances, problems } = desired({ 'consul.hashicorp.com/service-port': '80' });
    assert.deepEqual(instances, []);
    assert.deepEqual(
      problems.map(({ field, message }) => [field, message]),
      [
        [
          'consul.hashicorp.com/service-port',
          'service-port "80" is registered by consul-k8s unchanged, but no port of the Service has it as its targetPort; write the name of a port',
        ],
      ],
    );
  });

  test('needs its port named where ids are ours, because the first is any of them', () => {
    const { problems } = desired({}, { ...settings, ids: false });
    assert.match(problems[0]?.message ?? '', /^port is missing, and the Service has several/);
  });

  test('has no more meta keys than Consul takes', () => {
    const many = Array.from({ length: mostUserKeys - 2 }, (_, index) => [
      `consul.hashicorp.com/service-meta-k${index}`,
      'x',
    ]);
    const [instance] = desired(Object.fromEntries(many), settings, { agents: { ttlMs: 1_000 } }).instances;
    assert.equal(Object.keys(instance?.meta ?? {}).length, 64);
  });

  test('is for clusters that have been asked to follow consul-k8s', () => {
    const services = [service({ annotations: { service: 'true', 'id-scheme': 'consul-k8s' } })];
    const { entry, problems } = desiredNode('n1', view({ services, slices: [slice()] }), options);
    assert.equal(entry?.instances.size, 0);
    assert.deepEqual(
      problems.map(({ reason, field }) => [reason, field]),
      [['AnnotationDenied', 'id-scheme']],
    );
  });
});
