import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { RegistrarError } from '../lib/errors.ts';
import { type ProgramOptions, runProgram } from './program.ts';
import type { RunOperator } from './run.ts';

async function start(
  argv: readonly string[],
  operator: RunOperator = async () => {},
  more: Partial<ProgramOptions> = {},
) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runProgram({
    argv,
    environment: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    signal: new AbortController().signal,
    operator: async () => operator,
    ...more,
  });
  return { exitCode, stdout, stderr };
}

describe('kube-registrar', () => {
  test('--version prints the version on stdout', async () => {
    const { exitCode, stdout, stderr } = await start(['--version']);
    assert.match(stdout, /^\d+\.\d+\.\d+\S*\n$/);
    assert.deepEqual([exitCode, stderr], [0, '']);
  });

  test('version tells what it is and what it was tried with', async () => {
    const { stdout, exitCode } = await start(['version'], undefined, {
      environment: { IMAGE_REVISION: 'abc' },
    });
    assert.match(
      stdout,
      /^kube-registrar \d\S+, commit abc\nNode \d\S+\ntested with Kubernetes \d.* and Consul \d/,
    );
    assert.equal(exitCode, 0);
    const { triedWith } = JSON.parse((await start(['version', '-o', 'json'])).stdout);
    for (const [name, directory, module] of [
      ['kubernetes', 'kubernetes', 'k8s.io/kubernetes'],
      ['kubernetes', 'kubernetes-oldest', 'k8s.io/kubernetes'],
      ['consul', 'consul', 'github.com/hashicorp/consul'],
    ] as const) {
      const pins = await readFile(
        path.join(import.meta.dirname, `../../test/servers/${directory}/go.mod`),
        'utf8',
      );
      const [, pinned] = new RegExp(`^\\t${module} v(\\S+)`, 'm').exec(pins)!;
      assert.ok(triedWith[name].includes(pinned), `src/cli/provenance.ts lacks ${name} ${pinned}`);
      const documented = await readFile(path.join(import.meta.dirname, '../../docs/install.md'), 'utf8');
      const row = documented.split('\n').find((line) => line.toLowerCase().startsWith(`| ${name}`)) ?? '';
      for (const version of triedWith[name]) {
        assert.ok(
          row.includes(`${version}`),
          `docs/install.md, "Supported versions", lacks ${name} ${version}`,
        );
      }
    }
  });

  test('the help of every command has examples and says where to read more', async () => {
    const { stdout } = await start(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, command]) => command!);
    assert.ok(commands.includes('explain'));
    for (const command of commands.filter((each) => each !== 'help')) {
      const { stdout: help, exitCode } = await start([command, '--help']);
      assert.match(help, /\nExamples:\n {2}\S/, command);
      assert.match(help, /\nDocumentation: https:\/\/\S+\/docs\/commands\.md\S*\n$/, command);
      assert.equal(exitCode, 0);
    }
  });

  test('--help lists the commands on stdout', async () => {
    const { exitCode, stdout } = await start(['--help']);
    assert.match(stdout, /^ {2}run /m);
    assert.equal(exitCode, 0);
  });

  test('an unknown command or flag is one reported mistake, with a suggestion, and exit code 1', async () => {
    for (const argv of [['rnu'], ['run', '--log-levl', 'debug']]) {
      const { exitCode, stderr, stdout } = await start(argv);
      assert.match(stderr, /^error: unknown (command|option) .*\n\(Did you mean (run|--log-level)\?\)/);
      assert.deepEqual([exitCode, stdout], [1, '']);
    }
  });
});

describe('kube-registrar run', () => {
  test('gives the operator the configuration of file, environment and flags', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'kube-registrar-cli-'));
    const file = path.join(directory.path, 'config.yaml');
    await writeFile(file, 'cluster: { name: east }\nlog: { level: error, format: text }\n');
    let seen: Parameters<RunOperator> | undefined;
    const { exitCode, stderr } = await start(
      ['run', '--config', file, '--watch-namespace', 'a', '--watch-namespace', 'b', '--log-level', 'warn'],
      async (...args) => {
        seen = args;
      },
      { environment: { CONSUL_HTTP_ADDR: 'consul:8500', KUBE_REGISTRAR_LOG_LEVEL: 'debug' } },
    );
    assert.deepEqual([exitCode, stderr], [0, '']);
    const { config } = seen![0];
    assert.equal(config.cluster.name, 'east');
    assert.deepEqual(config.kubernetes.namespaces, ['a', 'b']);
    assert.deepEqual(config.consul.addresses, ['http://consul:8500']);
    assert.deepEqual(config.log, { level: 'warn', format: 'text' });
  });

  test('takes a flag by its former name, and says how it is called now', async () => {
    let namespaces: readonly string[] = [];
    const { stderr } = await start(['run', '--namespace', 'a'], async ({ config }) => {
      namespaces = config.kubernetes.namespaces;
    });
    assert.deepEqual(namespaces, ['a']);
    assert.match(stderr, /flag --namespace: is now called --watch-namespace"/);
    assert.doesNotMatch((await start(['run', '--help'])).stdout, / --namespace /);
  });

  test('reports every mistake in a line of its own and does not start', async () => {
    const { exitCode, stderr } = await start(
      ['run', '--listen', 'here', '--policy', 'snyc'],
      () => assert.fail('started'),
      { environment: { CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' } },
    );
    assert.equal(exitCode, 1);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    assert.match(lines[0]!, /^error: environment CONSUL_HTTP_ADDR: .* is a Unix socket/);
    assert.match(lines[1]!, /^error: flag --policy: "snyc" is not valid; did you mean "sync"\?/);
    assert.match(lines[2]!, /^error: flag --listen: "here" is not a listen address/);
  });

  test('logs what is doubtful in the configuration', async () => {
    const { stderr } = await start(['run'], undefined, { environment: { CONSUL_CAPATH: '/certs' } });
    const line = JSON.parse(stderr) as Record<string, unknown>;
    assert.deepEqual([line['level'], line['reason']], ['warn', 'ConfigDoubtful']);
    assert.match(String(line['warning']), /^environment CONSUL_CAPATH: is not used/);
  });

  test('an operator that cannot go on is one line in the log, without a stack, and exit code 1', async () => {
    const fail: RunOperator = () =>
      Promise.reject(new RegistrarError('config', 'server.listen ":1": no right'));
    const { exitCode, stderr } = await start(['run'], fail);
    assert.equal(exitCode, 1);
    const { time: _, ...line } = JSON.parse(stderr) as Record<string, unknown>;
    assert.deepEqual(line, {
      level: 'error',
      reason: 'OperatorFailed',
      code: 'config',
      error: 'server.listen ":1": no right',
      msg: 'stopped by an error: server.listen ":1": no right',
    });
  });

  test('with the level debug the stack comes too', async () => {
    const fail: RunOperator = () => Promise.reject(new RegistrarError('internal', 'broken'));
    const { stderr } = await start(['run', '--log-level=debug'], fail);
    assert.match(stderr, /"stack":"RegistrarError: broken\\n +at /);
  });

  test('an operator that ends because of the signal is a success', async () => {
    const abort = new AbortController();
    const operator: RunOperator = async (_loaded, { signal }) => {
      abort.abort(new RegistrarError('aborted', 'ended by SIGTERM'));
      signal.throwIfAborted();
    };
    const { exitCode, stderr } = await start(['run'], operator, { signal: abort.signal });
    assert.deepEqual([exitCode, stderr], [0, '']);
  });
});
