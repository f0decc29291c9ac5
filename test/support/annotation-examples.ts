import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { V1Deployment } from '@kubernetes/client-node';
import { parse } from 'yaml';

/**
 * Annotations that are right and wrong: the one list by which the grammar in src/desired and the chart's
 * ValidatingAdmissionPolicies are held together.
 */
export interface AnnotationExample {
  readonly title: string;
  /** Default Pod, named `web`. */
  readonly on?: 'Pod' | 'Service';
  /** Without the prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The field the operator refuses; absent: everything is registered. */
  readonly refused?: string;
  /** The field it warns of. */
  readonly doubted?: string;
  /** Why the API server says nothing of it. */
  readonly unseen?: string;
}

/** The annotations of the example that has all of them. */
function everyAnnotation(): Record<string, string> {
  const file = path.resolve(import.meta.dirname, '../../manifests/examples/every-annotation.yaml');
  const { spec } = parse(readFileSync(file, 'utf8')) as V1Deployment;
  const entries = Object.entries(spec?.template.metadata?.annotations ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key.replace('kube-registrar.io/', ''), value]));
}

const long = (length: number): string => 'x'.repeat(length);
const yaml = 'CEL reads no YAML';
const places = 'CEL fills in no placeholders';
const detail = 'CEL looks at the form only';

/** Fields of a pod that registers as `web`, and what is wrong with them. */
const web = (
  title: string,
  fields: Readonly<Record<string, string>>,
  rest: Omit<AnnotationExample, 'title' | 'annotations'> = {},
): AnnotationExample => ({ title, annotations: { service: 'web', ...fields }, ...rest });

/** The same on a Service. */
const onService = (
  title: string,
  fields: Readonly<Record<string, string>>,
  rest: Omit<AnnotationExample, 'title' | 'annotations'> = {},
): AnnotationExample => web(`${title} on a Service`, fields, { on: 'Service', ...rest });

/** `weight "10"`, long values cut. */
const titled = (field: string, value: string): string =>
  value.length > 24 ? `${field} of ${value.length} "${value[0]}"` : `${field} ${JSON.stringify(value)}`;

const refused = (field: string, value: string, rest: { readonly unseen?: string } = {}): AnnotationExample =>
  web(titled(field, value), { [field]: value }, { refused: field, ...rest });

const accepted = (field: string, value: string): AnnotationExample =>
  web(titled(field, value), { [field]: value });

export const annotationExamples: readonly AnnotationExample[] = [
  web('a service alone', {}),
  { title: 'manifests/examples/every-annotation.yaml', annotations: everyAnnotation() },
  ...['w', 'Web-2', long(63), ' web ', '{pod.name}'].map((value) => accepted('service', value)),
  ...['', 'a.b', 'a_b', '-a', 'a-', long(64), 'true', 'TRUE', 'ä'].map((value) => refused('service', value)),
  { title: 'service "true" on a Service', on: 'Service', annotations: { service: 'true' } },
  { title: 'service "false"', annotations: { service: 'false' } },
  {
    title: 'service " FALSE " beside a mistake, which it switches off',
    annotations: { service: ' FALSE ', weight: '0' },
  },
  ...['http', '8080', '1', '65535', ' http '].map((value) => accepted('port', value)),
  ...['*', ' * '].map((value) => accepted('port', value)),
  ...['', '0', '65536', '123456', '-1', '80.5', 'a b', 'a_b', '**'].map((value) => refused('port', value)),
  ...['1', '65535', '007'].map((value) => accepted('weight', value)),
  ...['0', '65536', '1.5', 'ten', '', '+1', '99999999999999999999'].map((value) => refused('weight', value)),
  refused('weight-warning', '0'),
  ...['kube-registrar', 'consul-k8s'].map((value) => accepted('id-scheme', value)),
  refused('id-scheme', 'consul'),
  ...['pod', 'host', 'node-external'].map((value) => accepted('address', value)),
  ...['Pod', 'node', '', 'load-balancer', 'auto', '10.0.0.1'].map((value) => refused('address', value)),
  ...[
    ...['pod', 'load-balancer', 'node-port', 'external-ips', 'cluster-ip', 'auto'],
    ...['203.0.113.7', 'fd00::7', 'lb-1.example.com', '{cluster.name}.example.com'],
  ].map((address) => onService(titled('address', address), { address })),
  ...['load-balancr', 'lb', '', 'a b.c', '10.0.0.1/8', 'http://a.b'].map((address) =>
    onService(titled('address', address), { address }, { refused: 'address' }),
  ),
  ...['127.0.0.1', '::1', 'fe80::1', '169.254.169.254', 'metadata.google.internal', '10.1', '1.2.3.'].map(
    (address) => onService(titled('address', address), { address }, { refused: 'address', unseen: detail }),
  ),
  onService('node ports of all nodes', {
    address: 'node-port',
    'node-port': 'nodes',
    'node-address': 'external-first',
  }),
  onService('a kind of node port', { 'node-port': 'all' }, { refused: 'node-port' }),
  onService('both kinds of node addresses', { address: 'node-port', 'node-address': 'both' }),
  onService('a kind of node address', { 'node-address': 'ExternalIP' }, { refused: 'node-address' }),
  ...['readiness', 'none'].map((value) => accepted('check', value)),
  refused('check', 'http'),
  ...['critical', 'warning', 'deregister'].map((value) => accepted('drain', value)),
  refused('drain', 'passing'),
  ...['500ms', '1m30s', '1.5h', '.5s', '1.s'].map((value) => accepted('warmup', value)),
  ...['10', '10 s', '-1s', '1d', ''].map((value) => refused('warmup', value)),
  refused('warmup', '9000h', { unseen: detail }),
  ...['check-interval', 'check-timeout', 'deregister-critical-after'].map((field) => refused(field, '5')),
  ...['tcp', 'h2c', 'HTTP/1.1', 'a+b'].map((value) => accepted('protocol', value)),
  ...['', 'a b', '-x', long(33)].map((value) => refused('protocol', value)),
  ...['/', '/healthz?deep=1', 'http://10.0.0.1:80/x', 'HTTPS://:8443/x', 'http://:http', 'https:///x'].map(
    (value) => accepted('health-url', value),
  ),
  ...['healthz', '//x', 'ftp://x', '/a b', '', `/${long(448)}`, 'http://[', 'http://a@[fd00::1]/'].map(
    (value) => refused('health-url', value),
  ),
  refused('check-http', 'live'),
  ...[
    ...['http://169.254.169.254/latest', 'http://127.0.0.1:8500', 'http://localhost/', 'http://2852039166'],
    ...['http://[::1]/', 'http://[::ffff:169.254.169.254]/', 'http://[fe80::1]/', 'http://0xa9fea9fe/'],
  ].map((value) => refused('check-http', value)),
  ...['http', '8080', ':8080', '10.0.0.1:80', '[fd00::1]:80'].map((value) => accepted('check-tcp', value)),
  ...['a b', '', 'unix:/x', '169.254.169.254:80', 'localhost:80', 'db.:80'].map((value) =>
    refused('check-tcp', value),
  ),
  refused('check-tcp', '10.0.0.1:0', { unseen: detail }),
  ...['8080', 'http/shop.v1', '10.0.0.1:80/a'].map((value) => accepted('check-grpc', value)),
  ...['a b', '80/a b', '[::]:80'].map((value) => refused('check-grpc', value)),
  accepted('maintenance', ''),
  refused('maintenance', long(513)),
  ...['meta.a', 'meta.A_b-9', 'meta.kubernetes'].map((field) => accepted(field, 'x')),
  accepted('meta.a', ''),
  accepted('meta.a', long(512)),
  refused('meta.a', long(513)),
  refused('meta.a', 'ä'.repeat(257)),
  ...['meta.a.b', 'meta.kube-node', 'meta.kube-anything', 'meta.external-source', 'meta.service_state'].map(
    (field) => refused(field, 'x'),
  ),
  refused('meta.consul-x', 'x'),
  web(
    'meta.protocol beside protocol',
    { protocol: 'tcp', 'meta.protocol': 'tcp' },
    { refused: 'meta.protocol' },
  ),
  web(
    'meta.health_url beside health-url',
    { 'health-url': '/', 'meta.health_url': '/' },
    { refused: 'meta.health_url' },
  ),
  web(
    'more meta keys than Consul takes',
    Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`meta.k${index}`, 'x'])),
    { refused: 'meta' },
  ),
  accepted('tags', ''),
  web(
    'a brace of its own, escaped or closing',
    { tags: '{pod.name},{{literal}},}' },
    { doubted: 'tags', unseen: detail },
  ),
  accepted('tags', '{pod.label.app}'),
  ...['{pod.nam}', '{', '{pod.label.}', '{{{', 'a{b'].map((value) => refused('tags', value)),
  refused('tags', long(4097)),
  refused('tags', long(513), { unseen: detail }),
  web('a tag that DNS cannot carry', { tags: 'a=b' }, { doubted: 'tags', unseen: detail }),
  refused('port', '{pod.nam}'),
  refused('weight', '{pod.name}', { unseen: places }),
  web('an unknown annotation', { tag: 'a' }, { doubted: 'tag' }),
  { title: 'fields without a service', annotations: { port: 'http' }, doubted: 'port' },
  { title: 'services as a list', annotations: { services: '- service: a\n- service: b\n  port: http' } },
  {
    title: 'services with a mistake in an entry',
    annotations: { services: '- service: a_b' },
    refused: 'services[0].service',
    unseen: yaml,
  },
  { title: 'services that are no list', annotations: { services: 'a' }, refused: 'services', unseen: yaml },
  {
    title: 'services longer than is read',
    annotations: { services: `- service: a # ${long(32_768)}` },
    refused: 'services',
  },
  {
    title: 'a field beside services',
    annotations: { services: '- service: a', port: 'http' },
    doubted: 'port',
  },
];
