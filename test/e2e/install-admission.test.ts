/**
 * The chart's admission policies on a real API server: the other half of test/support/annotation-examples.ts,
 * whose first half is test/golden/annotation-examples.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createClaims } from '../../src/desired/claims.ts';
import { createPatternRules } from '../../src/desired/pattern-rules.ts';
import { annotationExamples } from '../support/annotation-examples.ts';
import { eventually } from '../support/eventually.ts';
import {
  admission,
  installPolicy,
  pathOf,
  pod,
  podSpec,
  service,
  warningsAt,
  workload,
} from '../support/real/admission.ts';
import type { HelmObject } from '../support/real/helm.ts';
import { HttpError } from '../support/real/http.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { annotations } from '../support/real/workloads.ts';

const patience = { timeoutMs: 60_000 };
const prefix = 'kube-registrar.io/';

const claims = [
  { namespaces: ['shop'], services: ['Cart', 'shop-*'] },
  { namespaces: ['shop'], services: ['k8s-web-in-s*'] },
  { namespaces: ['*'], services: ['{namespace}-jobs', 'public', 'x-{namespace}-y*'] },
  { namespaces: ['shop', 'shop-eu'], services: ['of-{namespace}-*', 'vault'] },
];
const reservedNames = ['Consul', 'vault', 'nomad-*'];
const tagRules = [
  { namespaces: ['shop'], allow: ['traefik.*'], deny: ['traefik.*.rule=*'] },
  { namespaces: ['*'], allow: [], deny: ['Traefik.*', 'urlprefix-*'] },
];
const metaRules = [{ namespaces: ['shop', 'search'], allow: ['route_ok'], deny: ['Route_*', 'health_url'] }];
const naming = { template: 'K8s-{name}-in-{namespace}' };
const configured = { claims, reservedNames, tagRules, metaRules, naming };

let kube: Kube;

before(async () => {
  kube = await startKube();
  for (const name of ['shop', 'shop-eu', 'strict', 'search', 'default-rules', 'probing'])
    await kube.api.post('/api/v1/namespaces', { metadata: { name } });
  const sets = Object.entries(configured).map(([key, value]) => `config.${key}=${JSON.stringify(value)}`);
  const objects = await admission(...sets.flatMap((set) => ['--set-json', set]));
  for (const object of objects) await install(object);
  await atWork('shop', async (wrong) => assert.notDeepEqual(await warnings('shop', wrong), []));
});

after(() => kube?.stop());

/** Waits until mistakes and doubts are noticed in every kind of object: each is a policy of its own. */
async function atWork(namespace: string, refused: (wrong: { kind: string }) => Promise<void>): Promise<void> {
  for (const kind of ['Pod', 'Deployment', 'CronJob']) {
    const of = (fields: Readonly<Record<string, string>>) =>
      kind === 'Pod' ? pod(fields) : workload(kind, fields);
    await eventually(
      async () => {
        await refused(of({ service: 'a_b' }));
        assert.notDeepEqual(await warnings(namespace, of({ service: 'web', tag: 'a' })), []);
      },
      { ...patience, what: `the policies for a ${kind} are at work` },
    );
  }
}

const install = (object: HelmObject, onlyIn?: string) => installPolicy(kube.api, object, onlyIn);

const warnings = (namespace: string, object: { readonly kind: string }) =>
  warningsAt(kube.api, pathOf(object.kind, namespace), object);

suite('at apply, the API server', () => {
  test('warns of just what the operator refuses or doubts', async () => {
    for (const { title, on = 'Pod', annotations: fields, refused, doubted, unseen } of annotationExamples) {
      const said = await warnings('default-rules', on === 'Pod' ? pod(fields) : service(fields));
      const field = unseen === undefined ? (refused ?? doubted) : undefined;
      assert.equal(said.length > 0, field !== undefined, `${title}: ${said}`);
      if (field !== undefined) {
        const key = `${prefix}${field === 'meta' ? 'meta.' : field}`;
        assert.ok(
          said.some((line) => line.includes(key)),
          `${title}: ${said} does not name ${key}`,
        );
      }
    }
  });

  test('says what is wrong with the value', async () => {
    const [said = ''] = await warnings('shop', pod({ service: 'web', port: '99999' }));
    assert.match(said, /kube-registrar\.io\/port: \\"99999\\" is neither the name of a port nor a number/);
  });

  for (const kind of ['Deployment', 'Job', 'CronJob']) {
    test(`warns of a mistake in the template of a ${kind}`, async () => {
      const said = await warnings('shop', workload(kind, { service: 'web', weight: '0' }));
      assert.match(said.join(), /weight/);
      assert.deepEqual(await warnings('shop', workload(kind, { service: 'web' })), []);
    });
  }

  test('warns of a name that another namespace has claimed, as the operator would refuse it', async () => {
    const denied = createClaims(claims, reservedNames);
    const names = ['cart', 'CART', 'shop-web', 'shop-jobs', 'search-jobs', 'x-jobs', 'public', 'free'];
    const longest = ['shop-eu-jobs', 'x-shop-y', 'x-shop-yy-y1', 'x-shop-eu-y', 'of-shop-a', 'of-shop-eu-a'];
    const reserved = ['consul', 'CONSUL', 'vault', 'nomad-client', 'nomad', 'consul-ui'];
    for (const name of [...names, ...longest, ...reserved]) {
      for (const namespace of ['shop', 'shop-eu', 'search']) {
        const said = await warnings(namespace, pod({ service: name }));
        const expected = denied(namespace, name) !== undefined;
        assert.equal(said.length > 0, expected, `${name} in ${namespace}: ${said}`);
      }
    }
  });

  test('looks at the name that the template makes, and leaves the names of every port to the operator', async () => {
    const own = service({ service: 'true', port: 'http' });
    assert.deepEqual(await warnings('shop', own), []);
    assert.match((await warnings('search', own)).join(), /k8s-web-in-search.* claimed by another namespace/);
    assert.notDeepEqual(await warnings('search', service({ service: 'cart', port: 'http' })), []);
    assert.deepEqual(await warnings('search', service({ service: 'cart', port: '*' })), []);
  });

  test('warns of tags and meta keys that a namespace may not use, as the operator would refuse them', async () => {
    const deniedTag = createPatternRules(tagRules);
    for (const tag of ['blue', 'URLprefix-/x', 'traefik.enable=true', 'traefik.a.rule=x', 'x-traefik.']) {
      for (const namespace of ['shop', 'search']) {
        const said = await warnings(namespace, pod({ service: 'free', tags: `a\\,b, ${tag}` }));
        const expected = deniedTag(namespace, tag) !== undefined;
        assert.equal(said.length > 0, expected, `${tag} in ${namespace}: ${said}`);
        if (expected) assert.match(said.join(), /kube-registrar\.io\/tags: /);
      }
    }
    assert.deepEqual(await warnings('search', pod({ service: 'free', tags: 'x\\,urlprefix-/x' })), []);
    const deniedKey = createPatternRules(metaRules);
    for (const key of ['team', 'route_ok', 'ROUTE_x']) {
      const said = await warnings('shop', pod({ service: 'free', [`meta.${key}`]: 'x' }));
      assert.equal(said.length > 0, deniedKey('shop', key) !== undefined, `${key}: ${said}`);
    }
    assert.match((await warnings('shop', pod({ service: 'free', 'health-url': '/' }))).join(), /health_url/);
  });

  test('says nothing of other annotations, and nothing in an excluded namespace', async () => {
    assert.deepEqual(
      await warnings('shop', { ...pod({}), metadata: { name: 'web', annotations: { 'a/b': '' } } } as never),
      [],
    );
    assert.deepEqual(await warnings('kube-system', pod({ service: 'a_b' })), []);
  });
});

suite('where Namespaces may have defaults, the API server', () => {
  const namespace = (fields: Readonly<Record<string, string>>) => ({
    kind: 'Namespace',
    metadata: { name: 'defaults', annotations: annotations(fields) },
  });

  before(async () => {
    const sync = { default: 'services', namespaceAnnotations: ['tags', 'meta.*', 'drain'] };
    const objects = await admission(
      ...['--set', 'fullnameOverride=defaults'],
      ...['--set-json', `config.sync=${JSON.stringify(sync)}`],
    );
    for (const object of objects) {
      if ((object.metadata.name ?? '').includes('namespaces')) await install(object);
    }
    await eventually(
      async () => {
        assert.notDeepEqual(await warnings('', namespace({ drain: 'slowly' })), []);
        assert.notDeepEqual(await warnings('', namespace({ weight: '1' })), []);
      },
      { ...patience, what: 'the policies for Namespaces are at work' },
    );
  });

  test('warns of what is wrong with one, and of what it may not have', async () => {
    assert.match(
      (await warnings('', namespace({ drain: 'slowly' }))).join(),
      /drain: \\"slowly\\" is not one of/,
    );
    for (const name of ['weight', 'service', 'services', 'tagz']) {
      assert.match(
        (await warnings('', namespace({ [name]: '1' }))).join(),
        /no effect on a Namespace|is not/,
        name,
      );
    }
    assert.deepEqual(await warnings('', namespace({ tags: 'a', 'meta.Team': 'b', drain: 'warning' })), []);
  });

  test('does not call an annotation without service idle, since the default gives it one', async () => {
    const rendered = await admission('--set', 'config.sync.default=services');
    assert.ok(!JSON.stringify(rendered).includes('no effect without'));
    assert.ok(JSON.stringify(await admission()).includes('no effect without'));
    const followed = await admission('--set', 'config.compatibility.kubeConsulRegistrator.enabled=true');
    assert.ok(!JSON.stringify(followed).includes('no effect without'));
  });
});

suite('where consul-k8s is followed, the API server', () => {
  const http = { ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
  const theirs = (
    fields: Readonly<Record<string, string>>,
    own: Readonly<Record<string, string>> = {},
    spec: object = http,
  ) => ({
    kind: 'Service',
    metadata: {
      name: 'web',
      annotations: {
        ...annotations(own),
        ...Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [`consul.hashicorp.com/service-${name}`, value]),
        ),
      },
    },
    spec,
  });

  before(async () => {
    const objects = await admission(
      ...['--set', 'fullnameOverride=followed,config.compatibility.consulK8s.enabled=true'],
      ...['--set-json', `config.claims=${JSON.stringify([{ namespaces: ['pay'], services: ['web-*'] }])}`],
    );
    for (const object of objects) {
      if ((object.metadata.name ?? '').includes('consul-k8s')) await install(object);
    }
    await eventually(async () => assert.notDeepEqual(await warnings('search', theirs({ name: 'a_b' })), []), {
      ...patience,
      what: 'the policy is at work',
    });
  });

  test('warns of what the operator refuses in their annotations, and of nothing else', async () => {
    const right = [{ name: 'front' }, { name: ' front ', port: 'http' }, { name: 'front', port: '8080' }];
    for (const fields of [...right, { name: 'front', port: '', 'meta-team': 'a' }, { sync: 'false' }]) {
      assert.deepEqual(await warnings('search', theirs(fields)), [], JSON.stringify(fields));
    }
    const byPort = { name: 'front', port: '80' };
    // The policies of the other suites know nothing of consul-k8s.
    const said = await warnings('search', theirs(byPort, { port: 'http' }));
    assert.deepEqual(
      said.filter((text) => text.includes('consul.hashicorp.com')),
      [],
      'ours wins',
    );
    for (const type of ['LoadBalancer', 'NodePort']) {
      assert.deepEqual(await warnings('search', theirs(byPort, {}, { ...http, type })), [], type);
    }
    const wrong = { name: 'a_b', port: '80', 'meta-kube-node': 'x' };
    for (const [name, value] of Object.entries(wrong)) {
      const said = await warnings('search', theirs({ name: 'front', [name]: value }));
      assert.match(said.join(), new RegExp(`consul.hashicorp.com/service-${name}`));
    }
  });

  test('warns of a name that the claims keep for others, as the dialect makes it', async () => {
    assert.match(
      (await warnings('search', theirs({ tags: 'a' }))).join(),
      /web-search.* is reserved, or claimed/,
    );
    assert.deepEqual(await warnings('search', theirs({ tags: 'a' }, { service: 'front' })), []);
  });
});

suite('where other registrars are followed, the API server', () => {
  const registrar = (annotations: Readonly<Record<string, string>>, kind = 'Pod') => {
    const metadata = { name: 'web', annotations };
    if (kind === 'Pod') return { kind, metadata, spec: podSpec };
    const labels = { app: 'web' };
    const template = { metadata: { labels, annotations }, spec: podSpec };
    return { kind, metadata: { name: 'web' }, spec: { selector: { matchLabels: labels }, template } };
  };
  const register = (fields: Readonly<Record<string, string>>, kind?: string) =>
    registrar(
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [`consul.register/${name}`, value])),
      kind,
    );
  const registrator = (fields: Readonly<Record<string, string>>, kind?: string) =>
    registrar(
      Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [`consul-registrator/${name}`, value]),
      ),
      kind,
    );

  before(async () => {
    const enabled = ['kubeConsulRegister', 'kubeConsulRegistrator'].map(
      (name) => `config.compatibility.${name}.enabled=true`,
    );
    const objects = await admission('--set', ['fullnameOverride=registrars', ...enabled].join(','));
    for (const object of objects) {
      if ((object.metadata.name ?? '').includes('kube-consul-')) await install(object);
    }
    for (const kind of ['Pod', 'Deployment']) {
      for (const wrong of [
        register({ enabled: 'true', 'service.name': 'a_b' }, kind),
        registrator({ enabled: 'true', 'service-name': 'a_b' }, kind),
      ]) {
        await eventually(async () => assert.notDeepEqual(await warnings('search', wrong), []), {
          ...patience,
          what: `the policies for a ${kind} are at work`,
        });
      }
    }
  });

  test('warns of what the operator refuses in their annotations, and of nothing else', async () => {
    for (const kind of ['Pod', 'Deployment']) {
      for (const right of [
        register({ enabled: 'false', 'service.name': 'a_b' }, kind),
        register({ enabled: 'yes', 'service.name': 'a_b' }, kind),
        register({ enabled: '1' }, kind),
        register({ enabled: 'true', 'service.name': ' web ', 'service.meta.team': 'a' }, kind),
        registrator({ enabled: 'True', 'service-name': 'a_b' }, kind),
        registrator({ enabled: 'true', 'service-name': '', 'service-port': '8080' }, kind),
        registrator({ enabled: 'true', 'service-port': 'http', 'service-meta-team': 'a' }, kind),
      ]) {
        assert.deepEqual(await warnings('search', right), [], JSON.stringify(right));
      }
      for (const [wrong, what] of [
        [
          register({ enabled: 't', 'service.name': 'a_b' }, kind),
          /consul.register\/service.name: .*a_b.* is not/,
        ],
        [
          register({ enabled: 'true', 'service.meta.kube-node': 'a' }, kind),
          /service.meta.kube-node: a meta key/,
        ],
        [register({ enabled: 'true', 'service.name': 'consul' }, kind), /consul\\*" is reserved/],
        [
          registrator({ enabled: 'true', 'service-port': '70000' }, kind),
          /service-port: .*70000.* is neither/,
        ],
        [registrator({ enabled: 'true', 'service-meta-a.b': 'a' }, kind), /service-meta-a.b: a meta key/],
      ] as const) {
        assert.match((await warnings('search', wrong)).join(), what);
      }
    }
  });
});

suite('with hosts that may be probed, the API server', () => {
  test('takes names, and still no address that is never probed', async () => {
    const refused = async (namespace: string, fields: Readonly<Record<string, string>>) =>
      (await warnings(namespace, pod({ service: 'free', ...fields }))).length > 0;
    const named = { 'check-http': 'http://db.example/x', 'check-tcp': 'db.example:80' };
    assert.ok(await refused('search', named), 'without');
    const objects = await admission(
      ...['--set', 'fullnameOverride=probing', '--set', 'config.registration.probeHosts={db.example}'],
    );
    for (const object of objects) {
      await install(object, 'probing');
    }
    const never = { 'check-http': 'http://169.254.169.254/', 'check-tcp': 'localhost:80' };
    await eventually(async () => assert.ok(await refused('probing', never)), {
      ...patience,
      what: 'the policies are at work',
    });
    // The policies of the first release hold in every namespace: only what both take passes without a word.
    const said = await warnings('probing', pod({ service: 'free', ...named }));
    assert.equal(said.length, 2, said.join('\n'));
  });
});

suite('with action Deny, the API server', () => {
  before(async () => {
    const objects = await admission('--set', 'admissionPolicy.action=Deny,fullnameOverride=strict');
    for (const object of objects) {
      await install(object, 'strict');
    }
    await atWork('strict', (wrong) => assert.rejects(warnings('strict', wrong), HttpError));
  });

  test('refuses a mistake and names it', async () => {
    await assert.rejects(
      warnings('strict', workload('Deployment', { service: 'web', port: '0' })),
      (error: HttpError) => {
        assert.equal(error.status, 422);
        assert.match(error.body, /kube-registrar\.io\/port: .*0.* is neither/);
        return true;
      },
    );
  });

  test('takes what is only doubtful, with a warning', async () => {
    assert.match((await warnings('strict', pod({ service: 'web', tag: 'a' }))).join(), /tag: unknown/);
  });

  test('lets a controller make pods from a template that is wrong already', async () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true };
    const owned = pod({ service: 'a_b' });
    await warnings('strict', {
      ...owned,
      metadata: { ...owned.metadata, ownerReferences: [owner] },
    } as never);
  });

  test('says nothing when an object that is wrong already is changed elsewhere', async () => {
    const deployments = pathOf('Deployment', 'shop');
    await kube.api.post(deployments, workload('Deployment', { service: 'a_b' }));
    const said = await kube.api.send(
      'PATCH',
      `${deployments}/web`,
      { spec: { replicas: 0 } },
      {
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    );
    await said.body.dump();
    assert.equal(said.headers['warning'], undefined);
  });
});
