import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { options, pod, view } from '../../../test/support/cluster-records.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { podProjection } from '../../kube/store/project-pod.ts';
import { desiredNode } from '../desired.ts';
import type { Dialect } from './dialect.ts';
import { kubeConsulRegisterDialect } from './kube-consul-register.ts';
import { kubeConsulRegistratorDialect } from './kube-consul-registrator.ts';

const main: V1Container = {
  name: 'main',
  ports: [{ containerPort: 8080 }, { containerPort: 9090 }],
  livenessProbe: {
    httpGet: { path: '/alive', port: 8080, scheme: 'HTTP' },
    periodSeconds: 5,
    timeoutSeconds: 2,
  },
};
const labels = { app: 'web', canary: 'tag' };
const settings = { registerSource: 'pod' as const, tags: true, k8sTag: '', consulContainerName: 'consul' };

/** The instances of a pod with these annotations, their keys without the prefix. */
function instances(
  dialect: Dialect,
  annotations: Readonly<Record<string, string>>,
  containers: readonly V1Container[] = [main],
) {
  const whole = {
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      uid: 'u1',
      labels,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [
          key.startsWith('kube-registrar.io/') ? key : `${dialect.prefix}${key}`,
          value,
        ]),
      ),
    },
    spec: { nodeName: 'n1', containers: [...containers] },
  } satisfies V1Pod;
  const record = podProjection('kube-registrar.io/', new InternPool(), [dialect])(whole);
  const known = pod({ name: 'web-1', ports: record.ports, labels, annotations: record.annotations });
  const { entry, problems } = desiredNode('n1', view({ pods: [known] }), {
    ...options,
    probes: { deregisterCriticalAfterMs: 60_000 },
  });
  return { found: [...(entry?.instances.values() ?? [])], problems };
}

describe('the dialect of kube-consul-register', () => {
  const dialect = kubeConsulRegisterDialect(settings);

  test('registers the first port of a container, with its tags, meta and the liveness probe as a check', () => {
    const { found, problems } = instances(dialect, {
      enabled: 'true',
      'service.name': 'web',
      'service.meta.team': '{shop}',
    });
    assert.deepEqual(problems, []);
    const [instance, ...others] = found;
    assert.deepEqual(others, []);
    assert.deepEqual([instance?.service, instance?.address, instance?.port], ['web', '10.0.0.1', 8080]);
    assert.deepEqual(instance?.tags, [
      'app:web',
      'canary',
      'container:main',
      'node:n1',
      'pod:web-1',
      'web-1',
    ]);
    assert.equal(instance?.meta['team'], '{shop}');
    const check = instance?.checks.find(({ type }) => type === 'http');
    assert.deepEqual(check?.definition, {
      ...{ kind: 'http', target: 'http://10.0.0.1:8080/alive' },
      ...{ intervalMs: 5_000, timeoutMs: 2_000, deregisterAfterMs: 60_000 },
    });
  });

  test('names the service after the pod, and leaves probes out where it is asked to', () => {
    const { found } = instances(dialect, { enabled: '1', 'pod.container.probe.liveness': 'false' });
    assert.equal(found[0]?.service, 'web-1');
    assert.deepEqual(
      found[0]?.checks.map(({ type }) => type),
      ['kubernetes-readiness'],
    );
  });

  test('registers every container with a port, but those that are not named, and never that of Consul', () => {
    const sidecar: V1Container = { name: 'sidecar', ports: [{ containerPort: 7000 }] };
    const consul: V1Container = { name: 'consul', ports: [{ containerPort: 8500 }] };
    const all = [main, sidecar, { name: 'bare' }, consul];
    const ports = (annotations: Readonly<Record<string, string>>) => {
      const { found, problems } = instances(
        dialect,
        { enabled: 'true', 'service.name': 'web', ...annotations },
        all,
      );
      assert.deepEqual(problems, []);
      return found.map(({ port, tags }) => [port, tags.find((tag) => tag.startsWith('container:'))]);
    };
    assert.deepEqual(ports({}), [
      [7000, 'container:sidecar'],
      [8080, 'container:main'],
    ]);
    assert.deepEqual(ports({ 'pod.container.name': 'sidecar,bare' }), [[7000, 'container:sidecar']]);
    const { problems } = instances(dialect, { enabled: 'true', 'pod.container.name': 'bare' }, all);
    assert.deepEqual(
      problems.map(({ field, message }) => [field, message]),
      [
        [
          'consul.register/pod.container.name',
          'pod.container.name has nothing to register: none of the named containers declares a port',
        ],
      ],
    );
  });

  test('leaves pods alone that do not ask, and lets our annotations win', () => {
    for (const enabled of ['false', 'yes', '']) assert.deepEqual(instances(dialect, { enabled }).found, []);
    const { found } = instances(dialect, { enabled: 'true', 'kube-registrar.io/service': 'ours' });
    assert.equal(found[0]?.service, 'ours');
  });

  test('gives their tags only where it is asked to', () => {
    const none = kubeConsulRegisterDialect({ ...settings, tags: false, k8sTag: 'kubernetes' });
    assert.deepEqual(instances(none, { enabled: 'true' }).found[0]?.tags, ['kubernetes']);
  });
});

describe('the dialect of kube-consul-registrator', () => {
  const dialect = kubeConsulRegistratorDialect;

  test('registers a pod with its name, port, tags and meta', () => {
    const { found, problems } = instances(dialect, {
      enabled: 'true',
      'service-name': 'web',
      'service-port': '9090',
      'service-tag': 'a,b',
      'service-meta-team': 'shop',
    });
    assert.deepEqual(problems, []);
    const [instance] = found;
    assert.deepEqual([instance?.service, instance?.port, instance?.tags], ['web', 9090, ['a', 'b']]);
    assert.equal(instance?.meta['team'], 'shop');
  });

  test('names service-id, which has no effect', () => {
    const { found, problems } = instances(dialect, { enabled: 'true', 'service-id': 'web-a' });
    assert.equal(found[0]?.id, 'shop.web-1.1f0c9a3e.web-1.8080');
    assert.deepEqual(
      problems.map(({ severity, field, message }) => [severity, field, message]),
      [
        [
          'warning',
          'consul-registrator/service-id',
          'service-id has no effect: ids are those of kube-registrar',
        ],
      ],
    );
    const off = { enabled: 'true', 'service-id': 'web-a', 'kube-registrar.io/service': 'false' };
    assert.deepEqual(instances(dialect, off), { found: [], problems: [] });
  });

  test('by default takes the name of the pod and the first port there is', () => {
    const { found } = instances(dialect, { enabled: 'true' }, [{ name: 'bare' }, main]);
    assert.deepEqual([found[0]?.service, found[0]?.port], ['web-1', 8080]);
    assert.equal(instances(dialect, { enabled: 'true' }, [{ name: 'bare' }]).found[0]?.port, 80);
    assert.deepEqual(instances(dialect, { enabled: 'True' }).found, []);
  });
});
