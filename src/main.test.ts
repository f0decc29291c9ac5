import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';

const main = path.join(import.meta.dirname, 'main.ts');

function start(...args: string[]) {
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, ...args], { env: {} }, (error, stdout, stderr) => {
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

  test('ends with 1 and one line without a stack when the configuration is not there', async () => {
    assert.deepEqual(await start('run', '--config', '/nowhere/config.yaml'), {
      code: 1,
      stdout: '',
      stderr:
        'kube-registrar: config file "/nowhere/config.yaml": cannot be read: there is no such file; correct the path or create it\n',
    });
  });
});
