import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { V1Container, V1EnvVar, V1Pod } from '@kubernetes/client-node';
import { options, pod, view } from '../../../test/support/cluster-records.ts';
import { InternPool } from '../../kube/store/intern-pool.ts';
import { podProjection } from '../../kube/store/project-pod.ts';
import { desiredNode } from '../desired.ts';
import { registratorDialect } from './registrator.ts';

type Variables = Readonly<Record<string, string>>;

const env = (variables: Variables): V1EnvVar[] =>
  Object.entries(variables).map(([name, value]) => ({ name: `SERVICE_${name}`, value }));

function found(containers: readonly V1Container[], annotations: Variables = {}) {
  const metadata = { name: 'web-1', namespace: 'shop', uid: 'u1', annotations: { ...annotations } };
  const whole: V1Pod = { metadata, spec: { nodeName: 'n1', containers: [...containers] } };
  const record = podProjection('kube-registrar.io/', new InternPool(), [registratorDialect])(whole);
  const known = pod({ name: 'web-1', ports: record.ports, annotations: record.annotations });
  const { entry, problems } = desiredNode('n1', view({ pods: [known] }), {
    ...options,
    probes: { deregisterCriticalAfterMs: 60_000 },
  });
  return {
    record,
    instances: [...(entry?.instances.values() ?? [])],
    problems: problems.map(({ severity, field, message }) => [severity, field, message]),
  };
}

/** A container with one port, or these. */
const one = (variables: Variables, ...ports: readonly number[]) =>
  found([
    {
      name: 'main',
      env: env(variables),
      ports: (ports.length === 0 ? [8080] : ports).map((containerPort) => ({ containerPort })),
    },
  ]);

const names = ({ instances }: ReturnType<typeof found>): string[] =>
  instances.map(({ service, address, port }) => `${service} ${address}:${port}`);

/** The check that Consul makes. */
const probe = ({ instances: [first] }: ReturnType<typeof found>) =>
  first?.checks.find(({ definition }) => definition !== undefined)?.definition;

describe('the dialect of registrator', () => {
  test('registers a named port with its tags, and every other variable as meta', () => {
    const here = one({ NAME: 'web', TAGS: 'a,b\\,c', REGION: 'us{2}', other_Key: 'x' });
    assert.deepEqual(here.problems, [
      ['warning', 'tags', 'kept, but not usable in DNS (letters, digits and hyphens, at most 63): "b,c"'],
    ]);
    assert.deepEqual(names(here), ['web 10.0.0.1:8080']);
    const [{ tags, meta } = assert.fail()] = here.instances;
    assert.deepEqual(tags, ['a', 'b,c']);
    assert.deepEqual([meta['region'], meta['other_key']], ['us{2}', 'x']);
  });

  test('gives each of several ports a name with its number, unless it has one of its own', () => {
    const both = one({ NAME: 'web', '443_NAME': 'https', '443_SNI': 'on', TAGS: 'www' }, 443, 80);
    assert.deepEqual(both.problems, []);
    assert.deepEqual(names(both), ['web-80 10.0.0.1:80', 'https 10.0.0.1:443'].toSorted());
    const [tls] = both.instances.filter(({ port }) => port === 443);
    assert.deepEqual([tls?.tags, tls?.meta['sni']], [['www'], 'on']);
    assert.deepEqual(names(one({ '80_NAME': 'http' }, 443, 80)), ['http 10.0.0.1:80']);
  });

  test('marks UDP, and registers the containers of a pod each by itself', () => {
    const dns = { name: 'dns', env: env({ NAME: 'dns' }), ports: [{ containerPort: 53, protocol: 'UDP' }] };
    const web = { name: 'web', env: env({ NAME: 'web' }), ports: [{ containerPort: 80 }] };
    const bare = { name: 'bare', ports: [{ containerPort: 81 }] };
    const here = found([dns, web, bare]);
    assert.deepEqual(
      here.instances.map(({ service, tags }) => [service, tags]),
      [
        ['dns', ['udp']],
        ['web', []],
      ],
    );
  });

  test('leaves alone what is to be ignored, or has no name', () => {
    assert.deepEqual(one({ NAME: 'web', IGNORE: 'true' }).record.annotations, {});
    assert.deepEqual(names(one({ NAME: 'web', '81_IGNORE': '1' }, 80, 81)), ['web-80 10.0.0.1:80']);
    assert.deepEqual(one({ ACCOUNT: 'x', URL: 'y' }).record.annotations, {});
    assert.deepEqual(found([{ name: 'main', env: [{ name: 'NAME', value: 'x' }] }]).record.annotations, {});
  });

  test('makes its checks those that Consul makes', () => {
    const check = (variables: Variables) => probe(one({ NAME: 'web', ...variables }));
    const times = { intervalMs: 10_000, timeoutMs: 1_000, deregisterAfterMs: 60_000 };
    assert.deepEqual(check({ CHECK_HTTP: '/up' }), {
      ...{ kind: 'http', target: 'http://10.0.0.1:8080/up' },
      ...times,
    });
    assert.deepEqual(check({ CHECK_HTTPS: '/up', CHECK_INTERVAL: '15s', CHECK_TIMEOUT: '2s' }), {
      ...{ kind: 'http', target: 'https://10.0.0.1:8080/up' },
      ...times,
      ...{ intervalMs: 15_000, timeoutMs: 2_000 },
    });
    assert.deepEqual(check({ CHECK_TCP: 'true', CHECK_DEREGISTER_AFTER: '5m' }), {
      ...{ kind: 'tcp', target: '10.0.0.1:8080' },
      ...times,
      deregisterAfterMs: 300_000,
    });
    assert.deepEqual(check({ CHECK_GRPC: 'true' }), { kind: 'grpc', target: '10.0.0.1:8080', ...times });
    assert.equal(check({ CHECK_HTTP: '/up', CHECK_TTL: '30s' })?.kind, 'http', 'the first decides');
    assert.equal(one({ NAME: 'web', CHECK_HTTP: '/up' }).instances[0]?.meta['check_http'], '/up');
  });

  test('refuses what cannot be followed, at the variable', () => {
    const refused: readonly (readonly [Variables, string, RegExp])[] = [
      [{ CHECK_TTL: '30s' }, 'CHECK_TTL', /nothing would report/],
      [{ CHECK_SCRIPT: 'curl' }, 'CHECK_SCRIPT', /do not run programs/],
      [{ CHECK_CMD: 'curl' }, 'CHECK_CMD', /do not run programs/],
      [{ CHECK_HTTP: '/', CHECK_HTTP_METHOD: 'POST' }, 'CHECK_HTTP_METHOD', /send GET/],
      [{ CHECK_GRPC: '1', CHECK_GRPC_USE_TLS: '1' }, 'CHECK_GRPC_USE_TLS', /do not use TLS/],
      [{ TAGS: '$(A)' }, 'TAGS', /has an unknown value/],
    ];
    for (const [variables, variable, why] of refused) {
      const { instances, problems } = one({ NAME: 'web', ...variables });
      assert.deepEqual(instances, [], variable);
      const [[severity, field, message] = []] = problems;
      assert.deepEqual([severity, field], ['error', `env/SERVICE_${variable}`]);
      assert.match(message ?? '', why);
    }
    const unnamed = one({ TAGS: 'a' });
    assert.deepEqual(unnamed.problems, [
      [
        'error',
        'env/SERVICE_TAGS',
        'SERVICE_TAGS of container main is set without SERVICE_NAME, so registrator would name the service after the image; write the name',
      ],
    ]);
    const from: V1EnvVar = { name: 'SERVICE_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
    const ports = [{ containerPort: 80 }];
    assert.match(
      `${found([{ name: 'main', env: [from], ports }]).problems}`,
      /from valueFrom or another variable; write/,
    );
    const ours = found([{ name: 'main', env: [from], ports }], { 'kube-registrar.io/service': 'web' });
    assert.deepEqual([names(ours), ours.problems], [['web 10.0.0.1:80'], []]);
  });

  test('names what has no effect, and registers the rest', () => {
    const here = one({ NAME: 'web', ID: 'web-a', CHECK_HTTP: '/up', CHECK_INITIAL_STATUS: 'passing' });
    assert.deepEqual(names(here), ['web 10.0.0.1:8080']);
    assert.deepEqual(
      here.problems.map(([severity, field]) => [severity, field]),
      [
        ['warning', 'env/SERVICE_CHECK_INITIAL_STATUS'],
        ['warning', 'env/SERVICE_ID'],
      ],
    );
    const password: V1EnvVar = {
      name: 'SERVICE_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'a', key: 'b' } },
    };
    const secret = found([
      { name: 'main', env: [...env({ NAME: 'web' }), password], ports: [{ containerPort: 80 }] },
    ]);
    assert.deepEqual(names(secret), ['web 10.0.0.1:80']);
    assert.equal(secret.problems[0]?.[1], 'env/SERVICE_PASSWORD');
    assert.deepEqual(
      found([{ name: 'main', env: env({ NAME: 'web' }) }]).problems.map(([severity, field]) => [
        severity,
        field,
      ]),
      [['warning', 'env/SERVICE_NAME']],
    );
  });

  test('keeps no more of a pod than shows that there is too much', () => {
    const containers = Array.from({ length: 40 }, (_, index) => ({
      name: `c${index}`,
      env: [
        ...env({ NAME: 'web', TAGS: 'x'.repeat(20_000) }),
        ...Array.from({ length: 400 }, (__, key) => ({
          name: `SERVICE_K${key}`,
          value: 'y'.repeat(100),
        })),
      ],
      ports: Array.from({ length: 40 }, (__, port) => ({ containerPort: 1_000 + port })),
    }));
    const { record, instances, problems } = found(containers);
    assert.ok(JSON.stringify(record.annotations).length < 20_000);
    assert.deepEqual(instances, []);
    assert.match(`${problems}`, /services is longer than 8192 bytes/);
    const unknown = Array.from({ length: 250 }, (_, key) => ({
      name: `SERVICE_K${key}${'k'.repeat(10_000)}`,
      valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
    }));
    const tags: V1EnvVar = { name: 'SERVICE_TAGS', value: '$(A)' };
    const other = found([
      { name: 'main', env: [...unknown, ...env({ NAME: 'web' }), tags], ports: [{ containerPort: 80 }] },
    ]);
    assert.ok(JSON.stringify(other.record.annotations).length < 20_000);
    assert.deepEqual(other.instances, []);
    assert.ok(
      other.problems.some(([severity, field]) => severity === 'error' && field === 'env/SERVICE_TAGS'),
    );
  });
});
