/** Consul with ACLs on, deny by default, on three servers, and an operator with exactly the documented policy. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import {
  installRbac,
  type OperatorProcess,
  operatorIdentity,
  startOperator,
} from '../support/real/operator.ts';
import { Namespace } from '../support/real/workloads.ts';

interface Token {
  readonly AccessorID: string;
  readonly AuthMethod?: string;
}

const patience = { timeoutMs: 60_000 };
const started = new AsyncDisposableStack();
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let kube: Kube;
let consul: Consul;
let dir: string;

before(async () => {
  [kube, consul] = await Promise.all([startKube(), startConsul({ servers: 3, acl: true })]);
  started.use(kube);
  started.use(consul);
  await installRbac(kube);
  started.use(await startKubelet(kube.api));
  dir = await dataDir('acl');
  await consul.api.put('/v1/acl/policy', { Name: 'kube-registrar', Rules: await documentedPolicy() });
  await consul.api.put('/v1/acl/role', { Name: 'kube-registrar', Policies: [{ Name: 'kube-registrar' }] });
});

after(() => started.disposeAsync());

/** The policy as people copy it from the documentation. */
async function documentedPolicy(): Promise<string> {
  const file = fileURLToPath(new URL('../../docs/consul-access.md', import.meta.url));
  const rules = /```hcl\n([\s\S]+?)```/.exec(await readFile(file, 'utf8'))?.[1];
  assert.ok(rules);
  return rules;
}

/** A policy that lacks one of the documented rules. */
async function policyWithout(rule: string): Promise<string> {
  const rules = await documentedPolicy();
  const without = rules.replace(new RegExp(`${rule} "[^"]*" \\{[^}]*\\}`), '');
  assert.notEqual(without, rules);
  return without;
}

const policyName = (rules: string): string =>
  `p-${createHash('sha256').update(rules).digest('hex').slice(0, 12)}`;

async function tokenWith(rules: string): Promise<string> {
  const Name = policyName(rules);
  await consul.api.put('/v1/acl/policy', { Name, Rules: rules });
  const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', {
    Policies: [{ Name }],
  });
  return SecretID;
}

async function operatorWith(
  consulConfig: Readonly<Record<string, unknown>>,
  cluster = 'prod',
): Promise<OperatorProcess> {
  return startOperator({
    config: {
      cluster: { name: cluster },
      kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
      consul: { addresses: consul.servers.map(({ url }) => url), ...consulConfig },
      leaderElection: { enabled: true, namespace: operatorIdentity.namespace, leaseName: randomUUID() },
      sync: { fullComparisonInterval: '1s' },
    },
  });
}

async function passing(service: string, count: number): Promise<void> {
  await eventually(
    async () => {
      const entries = await instances(consul, service);
      assert.equal(entries.filter(isPassing).length, count);
      assert.equal(entries.length, count);
    },
    { ...patience, what: `${service}: ${count} passing instances` },
  );
}

const loginTokens = async (method: string): Promise<Token[]> =>
  (await consul.api.get<Token[]>('/v1/acl/tokens')).filter(({ AuthMethod }) => AuthMethod === method);

function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const content = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ iat: now, exp: now + 3_600, ...claims })}`;
  const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

suite('the documented policy', () => {
  test('is enough for everything, fencing included, and a lost Consul leader under churn loses nothing', async () => {
    const ns = await Namespace.create(kube.api, 'churn');
    await ns.deploy({ name: 'web', replicas: 6, annotations: { service: 'web', port: 'http' } });
    await using operator = await operatorWith({ token: await tokenWith(await documentedPolicy()) });
    await operator.ready();
    await passing('web', 6);
    await eventually(async () => assert.equal((await operator.status()).leadership.fenced, true), patience);

    const fewest = { passing: 6 };
    const watching = new AbortController();
    const watched = (async () => {
      while (!watching.signal.aborted) {
        const count = await instances(consul, 'web').then(
          (entries) => entries.filter(isPassing).length,
          () => undefined,
        );
        if (count !== undefined) fewest.passing = Math.min(fewest.passing, count);
      }
    })();
    const leader = await consul.leader();
    const scaling = (async () => {
      for (const replicas of [8, 10, 12, 14]) {
        await ns.scale('web', replicas);
        await eventually(async () => assert.equal((await ns.pods()).length, replicas), patience);
      }
    })();
    await leader.kill();
    await scaling;
    await passingAnywhere('web', 14);
    await leader.start();
    watching.abort();
    await watched;
    assert.ok(fewest.passing >= 6, `${fewest.passing} at some time`);
    assert.deepEqual(operator.logs('RegistrationFailed'), []);

    // Removal and repair need no other right.
    await ns.scale('web', 5);
    await passing('web', 5);
    const [entry] = await instances(consul, 'web');
    await consul.api.put('/v1/catalog/deregister', {
      Node: entry!.Node.Node,
      ServiceID: entry!.Service.ID,
    });
    await passing('web', 5);
    await ns.delete();
    await passing('web', 0);
  });

  test('needs every one of its rules, and the log names the one that is missing', async () => {
    const ns = await Namespace.create(kube.api, 'less');
    const missing = {
      key_prefix: /"kube-registrar\//,
      service_prefix: /service_prefix|service:write/,
      node_prefix: /node_prefix|node:write/,
    };
    for (const [rule, told] of Object.entries(missing)) {
      const pod = rule.replace('_', '-');
      await ns.addPod(pod, { service: pod, port: 'http' });
      await using operator = await operatorWith({ token: await tokenWith(await policyWithout(rule)) });
      await eventually(
        () => {
          const reasons = ['Unfenced', 'RegistrationFailed', 'ConsulUnavailable'];
          const lines = operator.logs().filter(({ reason = '' }) => reasons.includes(reason));
          assert.ok(
            lines.some((line) => told.test(JSON.stringify(line))),
            operator.output(),
          );
        },
        { ...patience, what: `without ${rule} the log says so` },
      );
      // Without the key it works all the same, only not fenced.
      if (rule === 'key_prefix') {
        await passing(pod, 1);
        assert.equal((await operator.status()).leadership.fenced, false);
      } else {
        assert.deepEqual(await instances(consul, pod), []);
      }
    }
    await ns.delete();
  });

  test('a service that may be read and not be written is shown as refused wherever people look', async () => {
    const ns = await Namespace.create(kube.api, 'refused');
    await ns.addPod('mine', { service: 'mine', port: 'http' });
    await ns.addPod('theirs', { service: 'theirs', port: 'http' });
    const rules = `${await documentedPolicy()}\nservice "theirs" { policy = "read" }\n`;
    await using operator = await operatorWith({ token: await tokenWith(rules) });
    await passing('mine', 1);
    await shownAsRefused(operator, 'theirs');
    assert.deepEqual(await instances(consul, 'theirs'), []);

    // It is written, and shown no longer, when nothing refuses it.
    const Name = policyName(rules);
    const { ID } = await consul.api.get<{ ID: string }>(`/v1/acl/policy/name/${Name}`);
    await consul.api.put(`/v1/acl/policy/${ID}`, { Name, Rules: await documentedPolicy() });
    await passing('theirs', 1);
    await eventually(async () => assert.deepEqual((await operator.status()).held, []), patience);
    await ns.delete();
  });
});

/** A change that Consul refuses is a problem wherever people look. */
async function shownAsRefused(operator: OperatorProcess, service: string): Promise<void> {
  const textOf = async (path: string) => (await fetch(`${operator.url}${path}`)).text();
  await eventually(
    async () => {
      const { held, problems } = await operator.status();
      assert.ok(
        held.some((each) => each.by === 'consul' && each.because === 'denied' && each.service === service),
        JSON.stringify(held),
      );
      assert.ok(problems.some(({ reason }) => reason === 'RegistrationFailed'));
      assert.match(await textOf('/'), /\d+ problems?</);
      assert.match(
        await textOf('/metrics'),
        /kube_registrar_held_operations\{by="consul",kind="write"\} [1-9]/,
      );
    },
    { ...patience, what: 'what Consul refuses is shown' },
  );
}

/** As `passing`, asked of whichever server answers. */
async function passingAnywhere(service: string, count: number): Promise<void> {
  await eventually(
    async () => {
      const server = await consul.leader();
      const entries = await server.api.get<Awaited<ReturnType<typeof instances>>>(
        `/v1/health/service/${service}`,
      );
      assert.equal(entries.filter(isPassing).length, count);
    },
    { ...patience, what: `${service}: ${count} passing instances` },
  );
}

suite('a login', () => {
  test('with a JWT: one token, replaced when it is gone, destroyed at the end', async () => {
    await consul.api.put('/v1/acl/auth-method', {
      Name: 'jwt',
      Type: 'jwt',
      MaxTokenTTL: '60s',
      Config: {
        JWTValidationPubKeys: [publicKey.export({ type: 'spki', format: 'pem' })],
        BoundAudiences: ['consul'],
        ClaimMappings: { sub: 'subject' },
      },
    });
    await consul.api.put('/v1/acl/binding-rule', {
      AuthMethod: 'jwt',
      BindType: 'role',
      BindName: 'kube-registrar',
      Selector: 'value.subject=="operator"',
    });
    const bearerTokenFile = join(dir, 'jwt');
    const bearer = jwt({ sub: 'operator', aud: 'consul' });
    await writeFile(bearerTokenFile, jwt({ sub: 'somebody else', aud: 'consul' }));
    const ns = await Namespace.create(kube.api, 'jwt');
    await ns.addPod('a', { service: 'jwt', port: 'http' });
    await using operator = await operatorWith({ acl: { authMethod: 'jwt', bearerTokenFile } });
    await eventually(() => assert.equal(operator.logs('AclLoginFailed').length, 1), patience);
    await writeFile(bearerTokenFile, bearer);
    await operator.ready();
    await passing('jwt', 1);
    const tokens = await loginTokens('jwt');
    assert.equal(tokens.length, 1);

    await consul.api.delete(`/v1/acl/token/${tokens[0]!.AccessorID}`);
    await ns.addPod('b', { service: 'jwt', port: 'http' });
    await passing('jwt', 2);
    const renewed = await loginTokens('jwt');
    assert.equal(renewed.length, 1);
    assert.notEqual(renewed[0]!.AccessorID, tokens[0]!.AccessorID);
    // At two thirds of its life, before anybody is refused.
    await eventually(() => assert.ok(operator.logs('AclLogin').length >= 3), patience);
    await ns.addPod('c', { service: 'jwt', port: 'http' });
    await passing('jwt', 3);

    assert.equal(await operator.stop(), 0);
    const [replaced, ...others] = await loginTokens('jwt');
    assert.deepEqual(others, []);
    if (replaced !== undefined)
      assert.equal(replaced.AccessorID, renewed[0]!.AccessorID, 'it ends with its life');
    assert.ok(!operator.output().includes(bearer), 'the bearer token is in no log');
    await ns.delete();
  });

  test('with the ServiceAccount token, which Consul shows to the API server', async () => {
    const accounts = '/api/v1/namespaces/kube-system/serviceaccounts';
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await kube.api.post(accounts, { metadata: { name: 'consul' } });
    await kube.api.post(`${rbac}/clusterroles`, {
      metadata: { name: 'consul-login' },
      rules: [
        { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
        { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] },
      ],
    });
    await kube.api.post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'consul-login' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'consul-login' },
      subjects: [{ kind: 'ServiceAccount', name: 'consul', namespace: 'kube-system' }],
    });
    await consul.api.put('/v1/acl/auth-method', {
      Name: 'kubernetes',
      Type: 'kubernetes',
      MaxTokenTTL: '1h',
      Config: {
        Host: kube.url,
        CACert: kube.ca,
        ServiceAccountJWT: await kube.serviceAccountToken('kube-system', 'consul'),
      },
    });
    const { namespace, serviceAccount } = operatorIdentity;
    await consul.api.put('/v1/acl/binding-rule', {
      AuthMethod: 'kubernetes',
      BindType: 'role',
      BindName: 'kube-registrar',
      Selector: `serviceaccount.namespace=="${namespace}" and serviceaccount.name=="${serviceAccount}"`,
    });
    const bearerTokenFile = join(dir, 'service-account');
    await writeFile(bearerTokenFile, await kube.serviceAccountToken(namespace, serviceAccount));
    const ns = await Namespace.create(kube.api, 'sa');
    await ns.addPod('a', { service: 'sa', port: 'http' });
    await using operator = await operatorWith({ acl: { authMethod: 'kubernetes', bearerTokenFile } });
    await operator.ready();
    await passing('sa', 1);
    assert.equal((await loginTokens('kubernetes')).length, 1);
    assert.equal(await operator.metric('kube_registrar_acl_logins_total{result="ok"}'), 1);
    assert.equal(await operator.stop(), 0);
    assert.deepEqual(await loginTokens('kubernetes'), []);
  });
});
