import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1ServiceSpec } from '@kubernetes/client-node';
import { kubeNode, options, pod, slice, view } from '../../../test/support/cluster-records.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { serviceProjection } from '../../kube/store/project-service.ts';
import { desiredNode } from '../desired.ts';
import { kubeConsulRegisterDialect } from './kube-consul-register.ts';
import type { KubeConsulRegisterOptions } from './kube-consul-register-options.ts';

const settings = {
  registerSource: 'service',
  tags: true,
  k8sTag: '',
  consulContainerName: 'consul',
} as const;
const nodePort: V1ServiceSpec = {
  type: 'NodePort',
  ports: [
    { name: 'api', port: 80, protocol: 'TCP', nodePort: 30_080 },
    { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30_053 },
  ],
};

/** What becomes of a Service with these annotations on the nodes n1, which has two addresses, and n2, which has no pod. */
function found(
  spec: V1ServiceSpec,
  own: Readonly<Record<string, string>> = {},
  from: Partial<KubeConsulRegisterOptions> = {},
) {
  const annotations = { 'consul.register/enabled': 'true', ...own };
  const metadata = {
    ...{ name: 'search', namespace: 'shop', uid: 'u-1' },
    labels: { app: 'search', canary: 'tag' },
    annotations,
  };
  const dialects = [kubeConsulRegisterDialect({ ...settings, ...from })];
  const record = serviceProjection('kube-registrar.io/', new InternPool(), dialects)({ metadata, spec });
  const nodes = [kubeNode(), kubeNode({ name: 'n2', internalIps: ['192.168.0.2'], externalIps: [] })];
  const pods = [pod({ annotations: {} })];
  const all = view({ services: [record], nodes, pods, slices: [slice()] });
  const desired = ['n1', 'n2', ''].map((node) => desiredNode(node, all, options));
  const instances = desired.flatMap(({ entry }) => [...(entry?.instances.values() ?? [])]);
  const problems = new Map(
    desired
      .flatMap((each) => each.problems)
      .map(({ severity, field, message }) => [`${severity} ${field}`, message]),
  );
  return { instances, problems };
}

const places = ({ instances }: ReturnType<typeof found>): string[] =>
  instances.map(({ service, address, port }) => `${service} ${address}:${port}`).toSorted();

describe('the dialect of kube-consul-register on Services', () => {
  test('registers the TCP node ports at every address of every node, with the labels as tags', () => {
    const here = found(nodePort);
    assert.deepEqual([...here.problems], []);
    assert.deepEqual(places(here), [
      'search 192.168.0.1:30080',
      'search 192.168.0.2:30080',
      'search 203.0.113.1:30080',
    ]);
    for (const { tags } of here.instances) assert.deepEqual(tags, ['app:search', 'canary', 'uid:u-1']);
    const none = found(nodePort, {}, { tags: false, k8sTag: 'kubernetes' });
    for (const { tags } of none.instances) assert.deepEqual(tags, ['kubernetes']);
  });

  test('registers several ports under one name', () => {
    const two = { ...nodePort, ports: [...nodePort.ports!, { port: 81, nodePort: 30_081 }] };
    const here = found(two);
    assert.deepEqual([...here.problems], []);
    assert.deepEqual(
      here.instances.map(({ port }) => port).toSorted(),
      [30_080, 30_080, 30_080, 30_081, 30_081, 30_081],
    );
  });

  test('names a Service of another type, which it does not register', () => {
    for (const type of ['ClusterIP', 'LoadBalancer', 'ExternalName']) {
      const here = found({ ...nodePort, type });
      assert.deepEqual(here.instances, []);
      assert.match(
        here.problems.get('warning consul.register/enabled') ?? '',
        new RegExp(`^enabled has no effect: .* and this is of type ${type}$`),
      );
    }
    const udp = found({ type: 'NodePort', ports: [nodePort.ports![1]!] });
    assert.deepEqual([...udp.problems.values()], ['enabled has no effect: the Service has no TCP port']);
  });

  test('refuses external IPs, which it registers with a port where nothing listens', () => {
    const externalIPs = ['203.0.113.9'];
    for (const [type, number] of [
      ['NodePort', 'their nodePort'],
      ['ClusterIP', 'port 0'],
    ] as const) {
      const here = found({ ...nodePort, type, externalIPs });
      assert.deepEqual(here.instances, []);
      assert.match(
        here.problems.get('error consul.register/enabled') ?? '',
        new RegExp(`registers externalIPs with ${number}.*write kube-registrar.io/service and `),
      );
    }
    const ours = { 'kube-registrar.io/service': 'true', 'kube-registrar.io/address': 'external-ips' };
    const here = found({ ...nodePort, externalIPs }, { ...ours, 'kube-registrar.io/port': 'api' });
    assert.deepEqual([places(here), [...here.problems]], [['search 203.0.113.9:80'], []]);
  });

  test('registers endpoints where it reads these, with the annotation on the Service', () => {
    const here = found({ ports: [{ name: 'api', port: 80 }] }, {}, { registerSource: 'endpoint' });
    assert.deepEqual([...here.problems], []);
    assert.deepEqual(places(here), ['search 10.0.0.1:9200']);
    assert.deepEqual(here.instances[0]?.tags, ['app:search', 'canary']);
    const none = found(
      { type: 'ExternalName', externalName: 'a.example' },
      {},
      { registerSource: 'endpoint' },
    );
    assert.deepEqual(none.instances, []);
    assert.deepEqual([...none.problems.keys()], ['warning consul.register/enabled']);
  });

  test('names other annotations, which are for pods', () => {
    const { instances, problems } = found(nodePort, { 'consul.register/service.name': 'other' });
    assert.equal(instances.length, 3);
    assert.deepEqual(
      [...problems],
      [['warning consul.register/service.name', 'service.name has no effect on a Service: it is for pods']],
    );
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`consul.register/k${i}`, 'x']));
    assert.equal(found(nodePort, many).problems.size, 8);
  });

  test('refuses a Service where pods ask, and leaves pods alone where Services do', () => {
    const here = found(nodePort, {}, { registerSource: 'pod' });
    assert.deepEqual(here.instances, []);
    assert.match([...here.problems.values()].join(), /only used with compatibility.*registerSource/);
    const annotations = { 'consul.register/enabled': 'true' };
    const whole = { metadata: { annotations }, spec: { containers: [] } };
    assert.deepEqual(kubeConsulRegisterDialect(settings).ofPod?.(whole), {});
  });

  test('lets ours switch a Service off', () => {
    const { instances, problems } = found(nodePort, { 'kube-registrar.io/service': 'false' });
    assert.deepEqual([instances, [...problems]], [[], []]);
  });
});
