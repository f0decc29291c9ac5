import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { connect } from './connection.ts';
import { inClusterCredentials } from './in-cluster.ts';
import { kubeConfigCredentials } from './kube-config.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'kube-registrar-'));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(text: string, name = `file-${files++}`): string {
  const target = path.join(directory, name);
  writeFileSync(target, text);
  return target;
}

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly rest?: object;
}

const kubeconfig = ({ cluster = {}, user = { token: 'secret' }, rest = {} }: Parts = {}) =>
  file(
    JSON.stringify({
      kind: 'Config',
      'current-context': 'ctx',
      contexts: [{ name: 'ctx', context: { cluster: 'c', user: 'u', namespace: 'ns' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://server:6443', ...cluster } }],
      users: [{ name: 'u', user }],
      ...rest,
    }),
  );

const read = async (parts: Parts) => (await kubeConfigCredentials({ files: [kubeconfig(parts)] })).read();
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('kubeConfigCredentials()', () => {
  test('reads server, namespace and token', async () => {
    const source = await kubeConfigCredentials({ files: [kubeconfig()] });
    assert.equal(source.namespace, 'ns');
    assert.deepEqual(await source.read(), {
      origin: 'https://server:6443',
      basePath: '',
      tls: {},
      headers: { authorization: 'Bearer secret' },
    });
  });

  test('reads CA, client certificate and key from the file or beside it, and the name to verify', async () => {
    const ca = path.basename(file('the ca'));
    const { tls } = await read({
      cluster: { 'certificate-authority': ca, 'tls-server-name': 'kubernetes' },
      user: { 'client-certificate-data': base64('the cert'), 'client-key-data': base64('the key') },
    });
    assert.deepEqual(tls, { ca: 'the ca', cert: 'the cert', key: 'the key', serverName: 'kubernetes' });
  });

  test('takes up a certificate that was replaced on disk', async () => {
    const ca = file('one');
    const source = await kubeConfigCredentials({
      files: [kubeconfig({ cluster: { 'certificate-authority': ca } })],
    });
    writeFileSync(ca, 'two');
    assert.equal((await source.read()).tls.ca, 'two');
  });

  test('reads a token file beside it, anew after refresh()', async () => {
    const token = file('one\n');
    const source = await kubeConfigCredentials({
      files: [kubeconfig({ user: { tokenFile: path.basename(token) } })],
    });
    assert.equal((await source.read()).headers['authorization'], 'Bearer one');
    writeFileSync(token, 'two\n');
    await source.refresh();
    assert.equal((await source.read()).headers['authorization'], 'Bearer two');
  });

  test('runs an exec plugin, and again after refresh()', async () => {
    const token = file('one');
    const script = `const token = require('fs').readFileSync(${JSON.stringify(token)}, 'utf8');
      console.log(JSON.stringify({ status: { token } }))`;
    const exec = {
      command: process.execPath,
      args: ['-e', script],
      apiVersion: 'client.authentication.k8s.io/v1',
    };
    const source = await kubeConfigCredentials({ files: [kubeconfig({ user: { exec } })] });
    assert.equal((await source.read()).headers['authorization'], 'Bearer one');
    writeFileSync(token, 'two');
    assert.equal((await source.read()).headers['authorization'], 'Bearer one');
    await source.refresh();
    assert.equal((await source.read()).headers['authorization'], 'Bearer two');
  });

  test('knows basic auth, plain HTTP, a base path and insecure-skip-tls-verify', async () => {
    const { origin, basePath, headers, tls } = await read({
      cluster: { server: 'http://proxy:8001/k8s/clusters/c1/', 'insecure-skip-tls-verify': true },
      user: { username: 'ada', password: 'pw' },
    });
    assert.deepEqual([origin, basePath], ['http://proxy:8001', '/k8s/clusters/c1']);
    assert.equal(headers['authorization'], `Basic ${base64('ada:pw')}`);
    assert.equal(tls.verify, false);
  });

  test('takes another context when one is named', async () => {
    const contexts = [{ name: 'other', context: { cluster: 'c', user: 'u', namespace: 'there' } }];
    const source = await kubeConfigCredentials({
      files: [kubeconfig({ rest: { contexts } })],
      context: 'other',
    });
    assert.equal(source.namespace, 'there');
  });

  test('merges several files and skips absent ones', async () => {
    const first = file(JSON.stringify({ 'current-context': 'ctx', contexts: [], users: [], clusters: [] }));
    const source = await kubeConfigCredentials({
      files: [first, path.join(directory, 'none'), kubeconfig()],
    });
    assert.equal((await source.read()).origin, 'https://server:6443');
  });

  for (const [what, make, message] of [
    [
      'a missing file',
      () => path.join(directory, 'none'),
      /^kubeconfig .*\/none: there is no such file; correct the path or create it$/,
    ],
    ['a directory', () => directory, /^kubeconfig .*: it is a directory; name a file in it$/],
    ['an empty file', () => file(''), /it contains no configuration$/],
    ['broken YAML', () => file('clusters: [\n  - a: b: c\n'), /^kubeconfig .*at line \d+, column \d+$/],
    ['no current-context', () => kubeconfig({ rest: { 'current-context': '' } }), /has no current-context/],
    [
      'an unknown context',
      () => kubeconfig({ rest: { 'current-context': 'x' } }),
      /there is no context "x"; contexts: "ctx"$/,
    ],
    [
      'an unknown cluster',
      () => kubeconfig({ rest: { clusters: [] } }),
      /names the cluster "c", which does not exist$/,
    ],
    [
      'an unknown user',
      () => kubeconfig({ rest: { users: [] } }),
      /names the user "u", which does not exist$/,
    ],
    [
      'a cluster without a server',
      () => kubeconfig({ cluster: { server: '' } }),
      /clusters\[0\]\.cluster\.server is missing/,
    ],
    [
      'a server that is no URL',
      () => kubeconfig({ cluster: { server: 'server:6443' } }),
      /not an http\(s\) URL: server:6443$/,
    ],
    [
      'a proxy',
      () => kubeconfig({ cluster: { 'proxy-url': 'http://p' } }),
      /has a proxy-url, which is not supported$/,
    ],
    [
      'a missing CA',
      () => kubeconfig({ cluster: { 'certificate-authority': 'gone.crt' } }),
      /^kubeconfig .*\/gone\.crt: there is no such file; correct the path or create it$/,
    ],
    [
      'a missing token file',
      () => kubeconfig({ user: { tokenFile: 'gone' } }),
      /\/gone: there is no such file; correct the path or create it$/,
    ],
    [
      'an exec plugin that is not installed',
      () => kubeconfig({ user: { exec: { command: 'no-such-plugin' } } }),
      /^kubeconfig .*no-such-plugin.*$/,
    ],
    [
      'an exec plugin that fails',
      () =>
        kubeconfig({
          user: {
            exec: {
              command: process.execPath,
              args: ['-e', 'console.error("log in first"); process.exit(1)'],
            },
          },
        }),
      /: log in first$/,
    ],
  ] as const) {
    test(`${what} is one line that names the file and what is wrong`, async () => {
      const target = make();
      await assert.rejects(kubeConfigCredentials({ files: [target] }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'config');
        assert.match(error.message, message);
        assert.ok(error.message.includes(directory) && !error.message.includes('\n'), error.message);
        return true;
      });
    });
  }
});

describe('inClusterCredentials()', () => {
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

  test('reads the service account, and the token and CA anew every time', async () => {
    file('ns\n', 'namespace');
    file('one\n', 'token');
    file('ca', 'ca.crt');
    const source = await inClusterCredentials({ env, directory });
    assert.equal(source.namespace, 'ns');
    assert.deepEqual(await source.read(), {
      origin: 'https://[fd00::1]:443',
      basePath: '',
      tls: { ca: 'ca' },
      headers: { authorization: 'Bearer one' },
    });
    file('two\n', 'token');
    assert.equal((await source.read()).headers['authorization'], 'Bearer two');
  });

  test('says which file of the mount is missing', async () => {
    await assert.rejects(inClusterCredentials({ env, directory: path.join(directory, 'none') }), {
      code: 'config',
      message:
        /service account's namespace .*none.namespace: there is no such file; correct the path or create it$/,
    });
  });
});

describe('connect()', () => {
  test('prefers the named kubeconfig, then $KUBECONFIG, then the pod, then ~/.kube/config', async () => {
    const userAgent = 'kube-registrar/test';
    const named = kubeconfig({ cluster: { server: 'https://named' } });
    const variable = kubeconfig({ cluster: { server: 'https://variable' } });
    const env = { KUBECONFIG: variable, KUBERNETES_SERVICE_HOST: '10.0.0.1', HOME: directory };
    assert.equal((await connect({ kubeconfig: named, env, userAgent })).server, 'https://named');
    assert.equal((await connect({ env, userAgent })).server, 'https://variable');
    await assert.rejects(connect({ env: { ...env, KUBECONFIG: '' }, userAgent }), /service account/);
    await assert.rejects(
      connect({ env: { HOME: directory }, userAgent }),
      /kubeconfig .*\.kube.config: there is no such file/,
    );
  });
});
