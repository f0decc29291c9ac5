import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { runProgram } from './program.ts';

async function run(...argv: readonly string[]): Promise<string> {
  let stdout = '';
  const exitCode = await runProgram({
    argv,
    environment: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => assert.fail(text) },
    signal: new AbortController().signal,
    operator: () => Promise.reject(new Error('not here')),
  });
  assert.equal(exitCode, 0);
  return stdout;
}

const completed = async (...words: readonly string[]) =>
  (await run('__complete', ...words)).split('\n').map((line) => line.split('\t')[0]);

describe('completion', () => {
  test('knows commands, flags, and the values of flags', async () => {
    assert.deepEqual(await completed('pl'), ['plan', ':4', '']);
    assert.deepEqual(await completed('plan', '--ren'), ['--rename', ':4', '']);
    const formats = ['text', 'json', 'yaml'];
    assert.deepEqual(await completed('plan', '-o', ''), [...formats, ':4', '']);
    assert.deepEqual(await completed('plan', '--output=y'), ['--output=yaml', ':4', '']);
    assert.deepEqual(await completed('plan', '--output', '=', 'y'), ['yaml', ':4', '']);
    assert.deepEqual(await completed('completion', ''), ['bash', 'zsh', 'fish', ':4', '']);
    assert.deepEqual(await completed('run', '--policy', 'd'), ['dry-run', ':4', '']);
    assert.deepEqual(await completed('discover', ''), [':4', '']);
  });

  test('knows kinds of objects, and where files are meant', async () => {
    assert.deepEqual(await completed('explain', '-n', 'shop', 'd'), ['deploy/', 'ds/', ':6', '']);
    assert.deepEqual(await completed('validate', ''), [':0', '']);
    assert.deepEqual(await completed('plan', '--config', ''), [':0', '']);
  });

  test('shows nothing that is hidden', async () => {
    assert.ok(!(await completed('')).some((word) => word === '__complete' || word === 'sandbox'));
    assert.ok(!(await completed('run', '--')).includes('--namespace'));
  });

  test('works in bash', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'completion-'));
    const at = (name: string) => path.join(directory.path, name);
    const main = path.join(import.meta.dirname, '../main.ts');
    await writeFile(at('kube-registrar'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
      mode: 0o755,
    });
    await writeFile(at('script'), await run('completion', 'bash'));
    await writeFile(at('file.yaml'), '');
    const asked = `source ./script
complete -p kube-registrar
for line in "explain dep" "plan --output=j" "validate fi"; do
  COMP_LINE="kube-registrar $line"
  COMP_WORDS=(kube-registrar \${line/=/ = }); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  _kube_registrar; echo "\${COMPREPLY[@]}"
done`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', asked], {
      cwd: directory.path,
      env: { PATH: `${directory.path}:${process.env['PATH']}` },
    });
    assert.equal(stdout, 'complete -F _kube_registrar kube-registrar\ndeploy/\njson\nfile.yaml\n');
  });
});
