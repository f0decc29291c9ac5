/** What people get wrong: one line that says what and where; a retry where that helps, an exit code where not. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { requireServers } from '../servers/locate.ts';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { type HealthEntry, instances, isPassing } from '../support/real/consul-reads.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { type Kubelet, startKubelet } from '../support/real/kubelet.ts';
import {
  installRbac,
  type LogLine,
  manifests,
  type OperatorProcess,
  operatorIdentity,
  runToEnd,
  startOperator,
} from '../support/real/operator.ts';
import { freePorts } from '../support/real/ports.ts';
import { Namespace } from '../support/real/workloads.ts';

const run = promisify(execFile);
/** Far more than anything here takes, so that a busy machine does not fail a test. */
const patience = { timeoutMs: 180_000 };

let dir: string;
let kube: Kube;
let kubelet: Kubelet;
let consul: Consul;
let kubeconfig: string;
let httpsPort: number;

before(async () => {
  dir = await dataDir('bad-input');
  await writeCertificates();
  [httpsPort] = (await freePorts(1)) as [number];
  const tls = {
    ca_file: join(dir, 'consul-agent-ca.pem'),
    cert_file: join(dir, 'dc1-server-consul-0.pem'),
    key_file: join(dir, 'dc1-server-consul-0-key.pem'),
  };
  [kube, consul] = await Promise.all([
    startKube({ users: { nobody: [] } }),
    startConsul({
      acl: true,
      serverConfig: {
        ports: { https: httpsPort },
        tls: { https: { ...tls, verify_incoming: true } },
      },
    }),
  ]);
  await installRbac(kube);
  kubeconfig = await kube.kubeconfigFor(operatorIdentity);
  kubelet = await startKubelet(kube.api);
  const ns = await Namespace.create(kube.api, 'app');
  await ns.deploy({ name: 'app', replicas: 3, annotations: { service: 'app', port: 'http' } });
});

after(async () => {
  await kubelet?.stop();
  await Promise.all([kube?.stop(), consul?.stop()]);
  await rm(dir, { recursive: true, force: true });
});

/** A throwaway authority, a certificate for the server and one for the operator. */
async function writeCertificates(): Promise<void> {
  const { consul: program } = await requireServers(['consul']);
  await run(program, ['tls', 'ca', 'create'], { cwd: dir });
  const addresses = ['-additional-ipaddress=127.0.0.1'];
  await run(program, ['tls', 'cert', 'create', '-server', ...addresses], { cwd: dir });
  await run(program, ['tls', 'cert', 'create', '-client'], { cwd: dir });
}

/** Clusters of their own, as far as Consul can tell, so that the tests do not meet in it. */
let clusters = 0;
function cluster(): { name: string; uid: string } {
  clusters += 1;
  return { name: `cluster-${clusters}`, uid: `uid-${clusters}` };
}

/** A token with the least rights the documentation names. */
async function token(): Promise<string> {
  const rules = `
    node_prefix "" { policy = "write" }
    service_prefix "" { policy = "write" }`;
  const name = `kube-registrar-${crypto.randomUUID()}`;
  await consul.api.put('/v1/acl/policy', { Name: name, Rules: rules });
  const made = await consul.api.put<{ SecretID: string }>('/v1/acl/token', { Policies: [{ Name: name }] });
  return made.SecretID;
}

/** Instances of the cluster's pods. */
async function registered(clusterName: string): Promise<HealthEntry[]> {
  const entries = await instances(consul, 'app');
  return entries.filter(({ Service }) => Service.Meta['kube-cluster'] === clusterName);
}

function allRegistered(clusterName: string): Promise<unknown> {
  return eventually(async () => assert.equal((await registered(clusterName)).filter(isPassing).length, 3), {
    ...patience,
    what: `the pods of ${clusterName} are registered`,
  });
}

/** Waits for the line with this reason, and that there is just one, however often it is retried. */
function line(operator: OperatorProcess, reason: string, where: (line: LogLine) => boolean = () => true) {
  return eventually(
    () => {
      const found = operator.logs(reason).filter(where);
      assert.equal(found.length, 1, operator.output());
      return found[0]!;
    },
    { ...patience, what: `${reason} is in the log` },
  );
}

/** Runs it to its end, which must come with exit code 1 and one line; returns that line. */
async function refused(config: Parameters<typeof runToEnd>[0]['config']): Promise<string> {
  const { code, output } = await runToEnd({ config });
  assert.equal(code, 1, output);
  return output;
}

suite('the configuration', () => {
  test('half written: the place of the mistake, and exit code 1', async () => {
    const output = await refused(
      'cluster:\n  name: prod\nconsul:\n  addresses:\n    - "http://127.0.0.1:8500',
    );
    assert.match(output, /^error: .*config\.yaml:5:\d+: YAML syntax: .+\n$/);
  });

  test('wrong in several places: a line for each, with a suggestion', async () => {
    const output = await refused(
      'cluster:\n  nmae: prod\nconsul:\n  addresses: [ftp://x]\nlog:\n  level: loud\n',
    );
    const lines = output.trimEnd().split('\n');
    assert.equal(lines.length, 3, output);
    assert.match(lines[0]!, /config\.yaml:2:3: .*nmae.*did you mean.*name/);
    assert.match(lines[1]!, /config\.yaml:4:15: .*"ftp" is not supported/);
    assert.match(lines[2]!, /config\.yaml:6:10: .*loud/);
  });

  test('with files that are not there: which key names which file', async () => {
    const output = await refused('consul:\n  tokenFile: /no/such/token\n  caFile: /no/such/ca.pem\n');
    assert.match(output, /config\.yaml:2:14.*\/no\/such\/token.*there is no such file/);
    assert.match(output, /config\.yaml:3:11.*\/no\/such\/ca\.pem.*there is no such file/);
  });
});

suite('the kubeconfig', () => {
  const withKubeconfig = (path: string) => ({
    kubernetes: { kubeconfig: path },
    consul: { addresses: [consul.url] },
  });
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const oneLine = (output: string): LogLine => {
    const lines = output.trimEnd().split('\n');
    assert.equal(lines.length, 1, output);
    return JSON.parse(lines[0]!) as LogLine;
  };

  test('that is not there, not YAML, or without a context: its path and what is wrong, exit code 1', async () => {
    const broken = join(dir, 'broken.kubeconfig');
    await writeFile(broken, '{"clusters": [');
    const empty = join(dir, 'empty.kubeconfig');
    await writeFile(empty, 'apiVersion: v1\nkind: Config\n');
    for (const [path, why] of [
      ['/no/such/kubeconfig', /there is no such file/],
      [dir, /it is a directory/],
    ] as const) {
      const output = await refused(withKubeconfig(path));
      assert.match(output, /^error: .*config\.yaml:1:\d+: kubernetes\.kubeconfig: cannot read .+\n$/);
      assert.ok(output.includes(path), output);
      assert.match(output, why);
    }
    for (const [path, why] of [
      [broken, /broken\.kubeconfig: .+/],
      [empty, /no current-context/],
    ] as const) {
      const said = oneLine(await refused(withKubeconfig(path)));
      assert.equal(said.reason, 'OperatorFailed');
      assert.equal(said['code'], 'config');
      assert.ok(String(said['error']).includes(path), String(said['error']));
      assert.match(String(said['error']), why);
    }
  });

  test('with refused credentials: told once, tried again, and taken up when they are renewed', async () => {
    const path = join(dir, 'refused.kubeconfig');
    const good = await readFile(kubeconfig, 'utf8');
    await writeFile(path, good.replace(/"token": "[^"]+"/, '"token": "nobody-has-this"'), { mode: 0o600 });
    const mine = cluster();
    await using operator = await startOperator({
      config: {
        ...withKubeconfig(path),
        cluster: mine,
        consul: { addresses: [consul.url], token: await token() },
      },
    });
    const said = await line(operator, 'ReflectorFailed', ({ resource }) => resource === 'pods');
    assert.equal(said['code'], 'unauthorized');
    assert.match(String(said['error']), /GET \/api\/v1\/pods: .*\(401\)/);
    const { ok, text } = await operator.readyz();
    assert.equal(ok, false);
    assert.match(text, /pods: not listed yet \(.*401/);
    await writeFile(path, good);
    await allRegistered(mine.name);
    await operator.ready();
    assert.doesNotMatch(operator.output(), /nobody-has-this/);
  });

  test('of somebody without the right to EndpointSlices: said, pods are registered all the same, and on once it is granted', async () => {
    const [role] = (await manifests('rbac.yaml')).filter(({ kind }) => kind === 'ClusterRole');
    const rules = role!['rules'] as { apiGroups: string[] }[];
    const without = rules.filter(({ apiGroups }) => !apiGroups.includes('discovery.k8s.io'));
    const withRules = (some: object) => ({ ...role, metadata: { name: 'partial' }, rules: some });
    await kube.api.post(`${rbac}/clusterroles`, withRules(without));
    await kube.api.post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'partial' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'partial' },
      subjects: [{ kind: 'User', name: 'nobody' }],
    });
    const mine = cluster();
    await using operator = await startOperator({
      config: {
        cluster: mine,
        kubernetes: { kubeconfig: await kube.kubeconfigFor({ user: 'nobody' }) },
        consul: { addresses: [consul.url], token: await token() },
      },
    });
    const ofSlices = ({ resource }: LogLine) => resource === 'endpointslices';
    const said = await line(operator, 'ReflectorFailed', ofSlices);
    assert.equal(said['code'], 'forbidden');
    assert.match(String(said['error']), /User "nobody" cannot (list|watch) resource "endpointslices"/);
    await eventually(async () => {
      const { text } = await operator.readyz();
      assert.match(text, /^ok, except for:\n- endpointslices: may not be read \(.+\)\n$/);
    }, patience);
    await allRegistered(mine.name);

    await kube.api.put(`${rbac}/clusterroles/partial`, withRules(rules));
    await line(operator, 'ReflectorRecovered', ofSlices);
    await eventually(async () => assert.equal((await operator.readyz()).text, 'ok\n'), patience);
  });

  test('of somebody who loses a namespace with its Role: the others go on, and its entries stay', async () => {
    const mine = cluster();
    const [keep, gone] = await Promise.all(['keep', 'gone'].map((name) => Namespace.create(kube.api, name)));
    const [role] = (await manifests('rbac.yaml')).filter(({ kind }) => kind === 'ClusterRole');
    await kube.api.post(`${rbac}/clusterroles`, { ...role, metadata: { name: 'some-namespaces' } });
    for (const { name } of [keep!, gone!]) {
      await kube.api.post(`${rbac}/namespaces/${name}/rolebindings`, {
        metadata: { name: 'kube-registrar' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some-namespaces' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'keep' }],
      });
    }
    await keep!.addPod('kept-0', { service: 'kept', port: 'http' });
    await gone!.addPod('lost-0', { service: 'lost', port: 'http' });
    const config = {
      cluster: mine,
      kubernetes: {
        kubeconfig: await kube.kubeconfigFor({ namespace: 'keep', serviceAccount: 'default' }),
        namespaces: ['keep', 'gone'],
      },
      consul: { addresses: [consul.url], token: await token() },
    };
    const passing = (service: string, count: number) =>
      eventually(async () => {
        assert.equal((await instances(consul, service)).filter(isPassing).length, count);
      }, patience);
    await using operator = await startOperator({ config });
    await Promise.all([passing('kept', 1), passing('lost', 1)]);
    await operator.stop();
    await gone!.delete();
    await eventually(
      async () => assert.equal(await kube.api.find('/api/v1/namespaces/gone'), undefined),
      patience,
    );
    await operator.start();
    await keep!.addPod('kept-1', { service: 'kept', port: 'http' });
    await passing('kept', 2);
    await eventually(async () => {
      const { ok, text } = await operator.readyz();
      assert.equal(ok, true);
      assert.match(text, /^ok, except for:\n(- \w+ in gone: may not be read \(.+\)\n){3}$/);
    }, patience);
    await passing('lost', 1);
  });

  test('of somebody who may not read the uid of the cluster: what to grant or to set instead', async () => {
    const path = await kube.kubeconfigFor({ namespace: 'default', serviceAccount: 'default' });
    await using operator = await startOperator({ config: withKubeconfig(path) });
    const said = await line(operator, 'ClusterUidUnknown');
    assert.match(String(said['error']), /"kube-system"/);
    assert.match(String(said['hint']), /grant get on namespaces\/kube-system, or set cluster\.uid/);
    assert.equal(await operator.stop(), 0);
  });
});

suite('Consul', () => {
  const config = (mine: object, settings: object) => ({
    cluster: mine,
    kubernetes: { kubeconfig },
    consul: { addresses: [consul.url], ...settings },
  });

  test('at a wrong address: the address in one line, not ready, and on when somebody answers there', async () => {
    const later = await startConsul();
    const [server] = later.servers;
    try {
      await server!.stop();
      await using operator = await startOperator({
        config: config(cluster(), { addresses: [later.url] }),
      });
      const said = await line(operator, 'ConsulUnavailable');
      assert.equal(said['code'], 'unreachable');
      assert.deepEqual(said['addresses'], [later.url]);
      assert.match(String(said['error']), /ECONNREFUSED/);
      assert.match((await operator.readyz()).text, /Consul: not read yet \(.*ECONNREFUSED/);
      await server!.start();
      await eventually(
        async () => assert.equal((await instances(later, 'app')).filter(isPassing).length, 3),
        patience,
      );
      await operator.ready();
    } finally {
      await later.stop();
    }
  });

  test('of two addresses takes the one that answers', async () => {
    const [nobody] = await freePorts(1);
    const mine = cluster();
    const addresses = [`http://127.0.0.1:${nobody}`, consul.url];
    await using operator = await startOperator({ config: config(mine, { addresses, token: await token() }) });
    await allRegistered(mine.name);
    assert.deepEqual(operator.logs('ConsulUnavailable'), []);
  });

  test('with an unknown token: told once with what it needs, and on with a new one in the token file', async () => {
    const tokenFile = join(dir, 'token');
    const unknown = crypto.randomUUID();
    await writeFile(tokenFile, `${unknown}\n`);
    const mine = cluster();
    await using operator = await startOperator({ config: config(mine, { tokenFile }) });
    const said = await line(operator, 'ConsulUnavailable');
    assert.equal(said['code'], 'forbidden');
    assert.match(String(said['error']), /ACL not found/);
    assert.match(String(said['hint']), /node_prefix .*service_prefix/);
    assert.equal((await operator.readyz()).ok, false);
    await writeFile(tokenFile, await token());
    await allRegistered(mine.name);
    await line(operator, 'TokenRenewed');
    assert.ok(!operator.output().includes(unknown), 'the token is not in the log');
  });

  test('without a token, or with one that may only read: nothing is written, and the log says what is denied', async () => {
    await consul.api.put('/v1/acl/policy', {
      Name: 'reader',
      Rules: 'node_prefix "" { policy = "read" } service_prefix "" { policy = "read" }',
    });
    const reader = await consul.api.put<{ SecretID: string; AccessorID: string }>('/v1/acl/token', {
      Policies: [{ Name: 'reader' }],
    });
    const mine = cluster();
    for (const settings of [{}, { token: reader.SecretID }]) {
      await using operator = await startOperator({ config: config(mine, settings) });
      await eventually(() => {
        const denied = [...operator.logs('ConsulUnavailable'), ...operator.logs('RegistrationFailed')];
        assert.ok(denied.length > 0);
        for (const { error, message } of denied) assert.match(String(error ?? message), /Permission denied/);
      }, patience);
      assert.deepEqual(await registered(mine.name), []);
      assert.equal(await operator.stop(), 0);
    }
    // The right comes while the operator runs.
    await using operator = await startOperator({ config: config(mine, { token: reader.SecretID }) });
    await eventually(() => assert.ok(operator.logs('RegistrationFailed').length > 0), patience);
    await consul.api.put('/v1/acl/policy', {
      Name: 'writer',
      Rules: 'node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }',
    });
    await consul.api.put(`/v1/acl/token/${reader.AccessorID}`, { Policies: [{ Name: 'writer' }] });
    await allRegistered(mine.name);
  });

  test('over TLS, with a client certificate and a token file', async () => {
    const tokenFile = join(dir, 'tls-token');
    await writeFile(tokenFile, `${await token()}\n`);
    await chmod(tokenFile, 0o600);
    const mine = cluster();
    const secure = {
      addresses: [`https://127.0.0.1:${httpsPort}`],
      tokenFile,
      caFile: join(dir, 'consul-agent-ca.pem'),
      certFile: join(dir, 'dc1-client-consul-0.pem'),
      keyFile: join(dir, 'dc1-client-consul-0-key.pem'),
    };
    {
      await using operator = await startOperator({ config: config(mine, secure) });
      await allRegistered(mine.name);
      assert.equal(await operator.stop(), 0);
      assert.equal((await registered(mine.name)).length, 3, 'registrations stay after SIGTERM');
    }
    const { caFile: _, ...withoutCa } = secure;
    const { certFile: _cert, keyFile: _key, ...withoutCertificate } = secure;
    const wrongName = { ...secure, serverName: 'consul.example' };
    for (const [settings, why] of [
      [withoutCa, /certificate/],
      // TLS 1.3: the server's word may be overtaken by the end of the connection.
      [withoutCertificate, /certificate|closed|ECONNRESET|EPIPE/],
      [wrongName, /consul\.example/],
    ] as const) {
      await using operator = await startOperator({ config: config(cluster(), settings) });
      const said = await line(operator, 'ConsulUnavailable');
      assert.equal(said['code'], 'unreachable');
      assert.match(String(said['error']), why);
      assert.deepEqual(said['addresses'], secure.addresses);
    }
  });
});
