import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runProgram } from '../../src/cli/program.ts';

/** Runs `kube-registrar validate` with `text` as its standard input. */
export async function validate(text: string, argv: readonly string[] = ['-']) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runProgram({
    argv: ['validate', ...argv],
    environment: {},
    stdin: {
      async *[Symbol.asyncIterator]() {
        yield text.slice(0, 7);
        yield Buffer.from(text.slice(7));
      },
    },
    stdout: { write: (more) => (stdout += more) },
    stderr: { write: (more) => (stderr += more) },
    signal: new AbortController().signal,
    operator: () => Promise.reject(new Error('not here')),
  });
  return { exitCode, lines: stdout.split('\n').slice(0, -1), stderr };
}

/** `validate()` with this configuration of the operator. */
export async function validateWith(configuration: object, text: string) {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-'));
  const file = path.join(directory.path, 'config.yaml');
  await writeFile(file, JSON.stringify(configuration));
  return await validate(text, ['--config', file, '-']);
}
