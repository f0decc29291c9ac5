import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { certificate, certificateKey } from '../../test/support/certificate.ts';
import { ConfigError } from './config-error.ts';
import { configFlags } from './flags.ts';
import { configKeys } from './keys.ts';
import { type LoadOptions, loadConfig } from './load.ts';

async function withFiles(files: Readonly<Record<string, string>>, use: (directory: string) => Promise<void>) {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-config-'));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory.path, name), text);
  await use(directory.path);
}

async function mistakesOf(options: LoadOptions): Promise<readonly string[]> {
  try {
    await loadConfig(options);
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError);
    assert.equal(thrown.code, 'config');
    return thrown.mistakes;
  }
  throw new Error('loaded, though it should not');
}

describe('loadConfig()', () => {
  test('needs no file', async () => {
    const { config, token, warnings } = await loadConfig({ environment: {} });
    assert.deepEqual([config.log.level, token, warnings], ['info', undefined, []]);
  });

  test('says in one line that the file is not there', async () => {
    assert.deepEqual(await mistakesOf({ file: '/nowhere/config.yaml', environment: {} }), [
      'config file "/nowhere/config.yaml": cannot be read: there is no such file; correct the path or create it',
    ]);
  });

  test('says that the file is a directory', async () => {
    await withFiles({}, async (file) => {
      assert.match((await mistakesOf({ file, environment: {} }))[0]!, /it is a directory; name a file in it/);
    });
  });

  test('reads the token from its file, without the line end', async () => {
    await withFiles({ token: 'hunter2\n' }, async (directory) => {
      const environment = { CONSUL_HTTP_TOKEN_FILE: path.join(directory, 'token') };
      assert.equal((await loadConfig({ environment })).token?.reveal(), 'hunter2');
    });
  });

  test('reports files that cannot be used together with the mistakes of the configuration', async () => {
    await withFiles({ token: ' \n', ca: 'not a certificate', cert: 'x', key: 'y' }, async (directory) => {
      const file = path.join(directory, 'config.yaml');
      await writeFile(file, 'consul:\n  caFile: /nowhere/ca.pem\nlog: { level: loud }\n');
      const environment = {
        CONSUL_HTTP_TOKEN_FILE: path.join(directory, 'token'),
        CONSUL_CLIENT_CERT: path.join(directory, 'cert'),
        CONSUL_CLIENT_KEY: path.join(directory, 'key'),
      };
      const mistakes = await mistakesOf({ file, environment });
      assert.equal(mistakes.length, 4);
      assert.match(mistakes[0]!, /config\.yaml:3:15: log\.level: /);
      assert.match(
        mistakes[1]!,
        /config\.yaml:2:11: consul\.caFile: cannot read "\/nowhere\/ca\.pem": there is no such/,
      );
      assert.match(
        mistakes[2]!,
        /^environment CONSUL_CLIENT_CERT: this certificate and its key are not usable/,
      );
      assert.match(mistakes[3]!, /^environment CONSUL_HTTP_TOKEN_FILE: the file is empty/);
      assert.match(
        (await mistakesOf({ environment: { CONSUL_CACERT: path.join(directory, 'ca') } }))[0]!,
        /^environment CONSUL_CACERT: holds no certificate/,
      );
    });
  });

  test('reports a kubeconfig that cannot be read with the other mistakes', async () => {
    await withFiles({}, async (directory) => {
      const file = path.join(directory, 'config.yaml');
      await writeFile(file, 'kubernetes:\n  kubeconfig: /nowhere/kubeconfig\nlog: { level: loud }\n');
      const mistakes = await mistakesOf({ file, environment: {} });
      assert.match(mistakes[0]!, /config\.yaml:3:15: log\.level: /);
      assert.match(
        mistakes[1]!,
        /config\.yaml:2:15: kubernetes\.kubeconfig: cannot read "\/nowhere\/kubeconfig": there is no such file/,
      );
    });
  });

  test('reads certificates and key for TLS, and takes serverName and verify with them', async () => {
    const files = { 'ca.pem': certificate, 'cert.pem': certificate, 'key.pem': certificateKey };
    await withFiles(files, async (directory) => {
      const environment = {
        CONSUL_HTTP_ADDR: 'https://consul:8501',
        CONSUL_CACERT: path.join(directory, 'ca.pem'),
        CONSUL_CLIENT_CERT: path.join(directory, 'cert.pem'),
        CONSUL_CLIENT_KEY: path.join(directory, 'key.pem'),
        CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
      };
      const { tls, warnings } = await loadConfig({ environment });
      assert.deepEqual(tls, {
        ca: certificate,
        cert: certificate,
        key: certificateKey,
        serverName: 'server.dc1.consul',
        verify: true,
      });
      assert.deepEqual(warnings, []);
    });
  });

  test('finds a key that belongs to another certificate', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await withFiles({ 'cert.pem': certificate, 'key.pem': other }, async (directory) => {
      const environment = {
        CONSUL_CLIENT_CERT: path.join(directory, 'cert.pem'),
        CONSUL_CLIENT_KEY: path.join(directory, 'key.pem'),
      };
      const [mistake] = await mistakesOf({ environment });
      assert.match(mistake!, /^environment CONSUL_CLIENT_CERT: .* not usable together: .*mismatch/);
    });
  });

  test('rejects with nothing but ConfigError, whatever the environment and the flags hold', async () => {
    const consul = ['CONSUL_HTTP_ADDR', 'CONSUL_HTTP_SSL', 'CONSUL_CACERT', 'CONSUL_HTTP_TOKEN_FILE'];
    const names = [...configKeys.flatMap(({ environment }) => environment ?? []), ...consul];
    const text = fc.oneof(fc.string(), fc.constantFrom('http://', 'unix:', '[::1', 'true', ',', '\u0000'));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), text),
        fc.dictionary(fc.constantFrom(...configFlags.map(({ key }) => key)), text),
        async (environment, flags) => {
          try {
            await loadConfig({ environment, flags });
          } catch (thrown) {
            assert.ok(thrown instanceof ConfigError && thrown.mistakes.length > 0, String(thrown));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every flag sets a key there is', () => {
    const names = configKeys.map(({ name }) => name);
    for (const { key, choices = [] } of configFlags) {
      assert.ok(names.includes(key), key);
      const known = configKeys.find(({ name }) => name === key)!.choices;
      assert.deepEqual([...choices].sort(), [...known].sort(), key);
    }
  });
});
