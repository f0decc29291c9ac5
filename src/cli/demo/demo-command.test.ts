import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { ConsulListener } from '../../sandbox/consul/consul-listener.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import { runProgram } from '../program.ts';
import type { FinalState } from './final-state.ts';

const start = (...argv: readonly string[]) => run('demo', ...argv);

async function run(...argv: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runProgram({
    argv,
    environment: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    signal: new AbortController().signal,
    operator: () => Promise.reject(new Error('not this command')),
  });
  return { exitCode, stdout, stderr };
}

describe('kube-registrar demo', () => {
  test('--help says what it shows, which Consul it uses and what the exit code means', async () => {
    const { exitCode, stdout } = await start('--help');
    assert.equal(exitCode, 0);
    for (const what of ['--keep', '--once', '--consul-binary', 'CONSUL_HTTP_ADDR', 'NO_COLOR', 'Exit code']) {
      assert.ok(stdout.includes(what), what);
    }
  });

  test('is listed, and answers to its former name, which is not', async () => {
    const { stdout } = await run('--help');
    assert.match(stdout, /^ {2}demo \[options\]/m);
    assert.doesNotMatch(stdout, /sandbox/);
    const former = await run('sandbox', '--once', '--keep');
    assert.deepEqual(former, await start('--once', '--keep'));
  });

  test('refuses flags that do not go together, in one line', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--output', 'json'], /^error: option '--output json' needs '--once'\n$/],
      [['--output', 'yaml', '--once'], /Allowed choices are text, json/],
      [['--once', '--keep'], /^error: option '--once' cannot be used with option '--keep'\n$/],
      [['--pods', '5001'], /'5001' is invalid\. Write a whole number from 1 to 5000\.\n$/],
      [['--services', '0'], /'0' is invalid\. Write a whole number from 1 to 100\.\n$/],
      [
        ['--services', '9', '--pods', '8'],
        /^error: option '--services': 9 services need at least as many pods/,
      ],
      [['--consul', 'http://a', '--consul-binary'], /cannot be used with option '--consul \[URL\]'\n$/],
    ];
    for (const [argv, message] of cases) {
      const { exitCode, stdout, stderr } = await start(...argv);
      assert.match(stderr, message);
      assert.deepEqual([exitCode, stdout], [1, '']);
    }
  });

  test('a Consul that is none, or does not answer, is one line that says so', async () => {
    const wrong = await start('--consul', 'consul:8500');
    assert.match(wrong.stderr, /^error: flag --consul: "consul:8500" has no scheme; .*\n$/);
    // Nobody can listen on port 1 of loopback without having been asked to.
    const away = await start('--consul', 'http://127.0.0.1:1');
    assert.match(away.stderr, /^error: Consul at http:\/\/127\.0\.0\.1:1 does not answer: .*\n$/);
    const nameless = await start('--consul');
    assert.equal(nameless.stderr, 'error: flag --consul: name the URL, or set CONSUL_HTTP_ADDR\n');
    const absent = await start('--consul-binary', '/nowhere/consul');
    assert.match(absent.stderr, /^error: Consul \(\/nowhere\/consul\) did not start: .*not found\n$/);
    assert.deepEqual([wrong.exitCode, away.exitCode, absent.exitCode], [1, 1, 1]);
  });

  test('runs for real: --once --output json prints one JSON document and ends with 0', async () => {
    const main = path.join(import.meta.dirname, '../../main.ts');
    const argv = [main, 'demo', '--once', '--output', 'json'];
    const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>(
      (resolve) => {
        // Where it is set for other programs, nothing is written there.
        const env = { CONSUL_HTTP_ADDR: 'http://127.0.0.1:1' };
        execFile(process.execPath, argv, { env }, (error, out, err) => {
          resolve({ code: error === null ? 0 : error.code, stdout: out, stderr: err });
        });
      },
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /^Consul is in memory; .* CONSUL_HTTP_ADDR is not used without --consul\.\n$/);
    const { outcome, services, writes } = JSON.parse(stdout) as FinalState;
    assert.equal(outcome, 'passed');
    assert.deepEqual(
      services.map(({ service, instances }) => [service, instances.length]),
      [
        ['web', 4],
        ['search', 2],
      ],
    );
    assert.ok(writes.transactions > 0 && writes.operations >= writes.transactions);
  });

  test('removes what it registered when nobody reads its output any more', async () => {
    using server = new ConsulServer({ clock: systemClock });
    await using listener = await ConsulListener.start(server);
    const main = path.join(import.meta.dirname, '../../main.ts');
    const child = spawn(process.execPath, [main, 'demo', '--consul'], {
      env: { CONSUL_HTTP_ADDR: listener.origin },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const exited = once(child, 'exit');
      let told = '';
      for await (const chunk of child.stdout) {
        told += chunk;
        if (/ is passing /.test(told)) break;
      }
      assert.match(told, /^Writing to Consul at http:\/\/127\.0\.0\.1:\d+: nodes demo-[0-9a-f]{4}-\*/);
      assert.notDeepEqual(nodesOf(server), ['consul']);
      // Leaving the loop has closed the pipe.
      assert.deepEqual(await exited, [0, null]);
      assert.deepEqual(nodesOf(server), ['consul']);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

const nodesOf = ({ outsider }: ConsulServer): readonly string[] => outsider.nodes().map(({ Node }) => Node);
