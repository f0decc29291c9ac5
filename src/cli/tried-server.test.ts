import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { runProgram } from './program.ts';

async function start(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let stderr = '';
  const exitCode = await runProgram({
    argv,
    environment,
    stdout: { write: () => {} },
    stderr: { write: (text) => (stderr += text) },
    signal: new AbortController().signal,
    operator: () => Promise.reject(new Error('not here')),
  });
  return { exitCode, stderr };
}

const kubeconfig = (server: string) =>
  JSON.stringify({
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'x' } }],
  });

describe('a server that does not answer, or refuses', () => {
  test('is named, with the setting its address comes from and what to set', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'tried-'));
    const file = path.join(directory.path, 'config');
    await writeFile(file, kubeconfig('http://127.0.0.1:1'));
    const kube = await start(['plan', '--kubeconfig', file]);
    assert.match(
      kube.stderr,
      /^error: .*127\.0\.0\.1:1.*\nerror: tried Kubernetes at http:\/\/127\.0\.0\.1:1 \(kubeconfig .*config, from flag --kubeconfig\): for another cluster, set --context/,
    );
    assert.equal(kube.exitCode, 1);

    const consul = await start(['discover', 'web'], { CONSUL_HTTP_ADDR: '127.0.0.1:1' });
    assert.match(
      consul.stderr,
      /\nerror: tried Consul at http:\/\/127\.0\.0\.1:1 \(from environment CONSUL_HTTP_ADDR\): for another one, set --consul-address/,
    );
  });

  test('is distinguished from one that refuses the credentials', async () => {
    const server = createServer((_, response) => response.writeHead(403).end('Permission denied'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { stderr } = await start(['discover', 'web', '--consul-address', `http://127.0.0.1:${port}`]);
    server.close();
    assert.match(
      stderr,
      /\nerror: asked Consul at .*: no token is set; set --consul-token-file, CONSUL_HTTP_TOKEN/,
    );
  });

  test('says of the operator that --server names it', async () => {
    const { stderr, exitCode } = await start(['release', '--all', '--server', 'http://127.0.0.1:1']);
    assert.match(
      stderr,
      /^error: the operator in this container does not answer at http:\/\/127\.0\.0\.1:1 \(from --server\): /,
    );
    assert.equal(exitCode, 1);
  });
});
