import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Service, V1ServiceSpec } from '@kubernetes/client-node';
import { type ConsulK8sOptions, consulK8sDialect, consulK8sId, consulK8sMeta } from './consul-k8s.ts';
import type { Translated } from './dialect.ts';

const defaults: ConsulK8sOptions = {
  default: true,
  k8sAllowNamespaces: ['*'],
  k8sDenyNamespaces: ['kube-system'],
  consulPrefix: '',
  addK8SNamespaceSuffix: true,
  syncClusterIPServices: true,
  syncLoadBalancerEndpoints: false,
  nodePortSyncType: 'ExternalFirst',
  k8sTag: 'k8s',
  ids: true,
  meta: true,
};
const plain = { k8sTag: '', ids: false, meta: false };
const http: V1ServiceSpec = { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: 8080 }] };

interface Given {
  readonly namespace?: string;
  readonly spec?: V1ServiceSpec;
  /** Without their prefix. */
  readonly annotations?: Readonly<Record<string, string>>;
}

function translate(
  { namespace = 'shop', spec = http, annotations = {} }: Given,
  options: Partial<ConsulK8sOptions> = {},
) {
  const entries = Object.entries(annotations).map(([name, value]) => [`consul.hashicorp.com/${name}`, value]);
  const service: V1Service = {
    metadata: { name: 'web', namespace, annotations: Object.fromEntries(entries) },
    spec,
  };
  const found = consulK8sDialect({ ...defaults, ...options }).ofService?.(service);
  return found && texts(found);
}

/** What is not followed, as its reason. */
const texts = (found: Translated): Record<string, string> =>
  Object.fromEntries(
    Object.entries(found).map(([name, value]) => [name, typeof value === 'string' ? value : value.why]),
  );

const service = (annotations: Readonly<Record<string, string>>, options: Partial<ConsulK8sOptions> = {}) =>
  translate({ annotations }, { ...plain, ...options })?.['service'];

describe('the dialect of consul-k8s', () => {
  test('registers a Service without annotations by its name and namespace, with their tag, ids and meta', () => {
    assert.deepEqual(translate({}), {
      service: 'web-shop',
      tags: 'k8s',
      'id-scheme': 'consul-k8s',
      'meta.port-http': '80',
    });
    assert.deepEqual(translate({}, plain), { service: 'web-shop' });
  });

  test('asks in their order: denied, allowed, type, annotation, default', () => {
    const yes = { 'service-sync': 'true' };
    assert.deepEqual(translate({ namespace: 'kube-system', annotations: yes }), {});
    assert.deepEqual(translate({ annotations: yes }, { k8sAllowNamespaces: ['other'] }), {});
    assert.deepEqual(translate({ annotations: yes }, { syncClusterIPServices: false }), {});
    assert.equal(service(yes, { default: false }), 'web-shop');
    assert.equal(service({ 'service-sync': 'F' }), undefined);
    assert.equal(service({}, { default: false }), undefined);
    assert.equal(service({ 'service-sync': 'yes' }), 'web-shop', 'what Go does not read is the default');
    assert.equal(service({ 'service-sync': 'yes' }, { default: false }), undefined);
    assert.deepEqual(translate({ spec: { type: 'ExternalName', externalName: 'a.example' } }), {});
  });

  test('gives prefix and suffix to names of Services only', () => {
    const options = { consulPrefix: 'k8s-' };
    assert.equal(service({}, options), 'k8s-web-shop');
    assert.equal(service({}, { ...options, addK8SNamespaceSuffix: false }), 'k8s-web');
    assert.equal(service({ 'service-name': ' front ' }, options), 'front');
  });

  test('refuses names that are not usable in DNS', () => {
    const [written, made] = [
      translate({ annotations: { 'service-name': 'a_b' } }),
      translate({ namespace: 'n'.repeat(63) }),
    ];
    assert.match(written?.['consul.hashicorp.com/service-name'] ?? '', /^"a_b" is not usable in DNS/);
    assert.match(made?.['consul.hashicorp.com/service-name'] ?? '', /^is missing, and the name made of/);
    assert.equal(written?.['service'], undefined);
  });

  test('follows a port by its name, and by number where the pods have it', () => {
    const port = (text: string, spec = http) => {
      const found = translate({ spec, annotations: { 'service-port': text } }, plain) ?? {};
      return found['port'] ?? found['consul.hashicorp.com/service-port'];
    };
    assert.equal(port('http'), 'http');
    assert.equal(port('8080'), 'http');
    assert.equal(port('', http), undefined);
    assert.equal(port('53', { ports: [{ port: 53 }] }), '53');
    assert.match(port('80') ?? '', /^"80" is registered by consul-k8s unchanged, but no port of the Service/);
    assert.match(port('0x50') ?? '', /registered by consul-k8s unchanged/);
    assert.match(port('htp') ?? '', /^"htp" is not the name of a port of the Service/);
  });

  test('adds their tag to the tags, and keeps braces as they are written', () => {
    const found = translate({ annotations: { 'service-tags': 'a\\,b, c{d}', 'service-meta-team': '{x}' } });
    assert.equal(found?.['tags'], 'k8s,a\\,b, c{{d}}');
    assert.equal(found?.['meta.team'], '{{x}}');
  });

  test('refuses meta keys that belong to kube-registrar or to Consul', () => {
    const found = translate({ annotations: { 'service-meta-kube-node': 'x', 'service-meta-a.b': 'x' } });
    assert.match(found?.['consul.hashicorp.com/service-meta-kube-node'] ?? '', /set by kube-registrar/);
    assert.match(found?.['consul.hashicorp.com/service-meta-a.b'] ?? '', /is not 1 to 128 letters/);
  });

  test('takes no more meta than shows that there is too much', () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`service-meta-k${index}`, 'x']),
    );
    assert.ok(Object.keys(translate({ annotations }) ?? {}).length < 128);
  });

  const many = [
    { name: 'http', port: 80, targetPort: 8080, nodePort: 30_080 },
    { name: 'admin', port: 81, targetPort: 'admin', nodePort: 30_081 },
  ];

  test('registers external IPs before all else, then the load balancer, the nodes, the endpoints', () => {
    const chosen = (spec: V1ServiceSpec, options: Partial<ConsulK8sOptions> = {}) => {
      const { address = 'pod', port } = translate({ spec: { ports: many, ...spec } }, options) ?? {};
      return [address, port];
    };
    assert.deepEqual(chosen({ type: 'NodePort', externalIPs: ['192.0.2.1'] }), ['external-ips', 'http']);
    assert.deepEqual(chosen({ type: 'LoadBalancer' }), ['load-balancer', 'http']);
    assert.deepEqual(chosen({ type: 'LoadBalancer' }, { syncLoadBalancerEndpoints: true }), [
      'pod',
      undefined,
    ]);
    assert.deepEqual(chosen({ type: 'NodePort' }), ['node-port', 'http']);
    assert.deepEqual(chosen({}), ['pod', undefined]);
  });

  test('gives node ports neither their tag nor their ids while both run: they have an id for each pod', () => {
    const spec: V1ServiceSpec = { type: 'NodePort', ports: many };
    const marks = (options: Partial<ConsulK8sOptions>) => {
      const found = translate({ spec }, { meta: false, ...options }) ?? {};
      return [found['tags'], found['id-scheme'], found['node-address']];
    };
    assert.deepEqual(marks({}), [undefined, undefined, 'external-first']);
    assert.deepEqual(marks({ ids: false, nodePortSyncType: 'InternalOnly' }), ['k8s', undefined, 'internal']);
  });

  test('follows a number where a port has it at the address that is registered', () => {
    const port = (spec: V1ServiceSpec, text: string) => {
      const found =
        translate({ spec: { ports: many, ...spec }, annotations: { 'service-port': text } }) ?? {};
      return found['port'] ?? found['consul.hashicorp.com/service-port'];
    };
    assert.equal(port({ type: 'NodePort' }, '30081'), 'admin');
    assert.match(port({ type: 'NodePort' }, '81') ?? '', /no port of the Service has it as its nodePort/);
    assert.equal(port({ type: 'LoadBalancer' }, '81'), 'admin');
    assert.match(port({ type: 'LoadBalancer' }, '8080') ?? '', /no port of the Service has it as its port/);
  });

  test('gives their weight to load balancers and external IPs, and ignores it where they do', () => {
    const weight = (text: string, spec: V1ServiceSpec) => {
      const found = translate({ spec, annotations: { 'service-weight': text } }) ?? {};
      return found['weight'] ?? found['consul.hashicorp.com/service-weight'];
    };
    const balancer: V1ServiceSpec = { type: 'LoadBalancer', ports: many };
    assert.equal(weight('7', balancer), '7');
    assert.equal(weight('+7', { externalIPs: ['192.0.2.1'], ports: many }), '7');
    for (const text of ['1', '0', '-3', 'many', '', '2.5']) assert.equal(weight(text, balancer), undefined);
    assert.match(weight('70000', balancer) ?? '', /is more than 65535/);
    assert.equal(weight('7', http), undefined);
    assert.equal(weight('7', { type: 'NodePort', ports: many }), undefined);
  });

  test('knows their ids', () => {
    // sha1("web-shop-10.0.0.7") begins with these digits.
    assert.equal(consulK8sId('web-shop', '10.0.0.7'), 'web-shop-23e69b99ad41');
  });

  test('names the pod, the node and the zone where there are any', () => {
    const origin = {
      namespace: 'shop',
      pod: 'web-1',
      podUid: 'u',
      service: 'web',
      node: 'n1',
      cluster: 'c',
      reach: '',
      byDefault: '',
      route: '',
      gateway: '',
    };
    assert.deepEqual(consulK8sMeta(origin, 'z'), [
      ['external-k8s-ns', 'shop'],
      ['external-k8s-ref-kind', 'Pod'],
      ['external-k8s-ref-name', 'web-1'],
      ['external-k8s-node-name', 'n1'],
      ['external-k8s-topology-zone', 'z'],
    ]);
    assert.deepEqual(consulK8sMeta({ ...origin, pod: '', node: '' }, ''), [['external-k8s-ns', 'shop']]);
  });
});
