import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

const main = path.join(import.meta.dirname, 'main.ts');

const start = (...args: string[]) => node(main, ...args);

function node(...args: string[]) {
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { env: {} }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

describe('the program', () => {
  test('prints its version and ends with 0', async () => {
    const { code, stdout } = await start('--version');
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
  });

  test('is a plugin of kubectl, too: a link of another name to the same file', async (t) => {
    const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
    assert.equal(manifest.bin['kubectl-registrar'], manifest.bin['kube-registrar']);
    const dir = await mkdtemp(path.join(tmpdir(), 'kube-registrar-plugin-'));
    t.after(() => rm(dir, { recursive: true }));
    await symlink(main, path.join(dir, 'kubectl-registrar'));
    const { code, stdout } = await node(path.join(dir, 'kubectl-registrar'), 'explain', '--help');
    await symlink(main, path.join(dir, 'kubectl_complete-registrar'));
    const completed = await node(path.join(dir, 'kubectl_complete-registrar'), 'explain', 'dep');
    assert.deepEqual([completed.code, completed.stdout], [0, 'deploy/\n:6\n']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Usage: kubectl registrar explain [\s\S]*\n {2}kubectl registrar explain pod\/web-0 -n shop\n/,
    );
  });

  test('ends with 1 and one line without a stack when the configuration is not there', async () => {
    assert.deepEqual(await start('run', '--config', '/nowhere/config.yaml'), {
      code: 1,
      stdout: '',
      stderr:
        'error: config file "/nowhere/config.yaml": cannot be read: there is no such file; correct the path or create it\n',
    });
  });
});
