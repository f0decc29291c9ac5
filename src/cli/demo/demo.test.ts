import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { seeded } from '../../../test/support/seeded-random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ConsulApi } from '../../consul/consul-api.ts';
import { HttpTransport } from '../../lib/http-transport.ts';
import { readText } from '../../lib/transport.ts';
import { ConsulServer } from '../../sandbox/consul/consul-server.ts';
import type { CliContext } from '../context.ts';
import type { ConsulTarget } from './consul-target.ts';
import { type DemoOptions, demo } from './demo.ts';
import type { FinalState } from './final-state.ts';
import { memoryTarget } from './memory-target.ts';
import { scenario } from './scenario.ts';

const escapeCode = '\u001b';

type TargetMaker = (parts: Parameters<typeof memoryTarget>[0]) => Promise<ConsulTarget>;

interface Run {
  readonly target?: TargetMaker;
  readonly options?: Partial<DemoOptions>;
  readonly environment?: CliContext['environment'];
  readonly terminal?: { readonly columns: number; readonly rows: number };
}

/** The demo in virtual time. */
function start({ options = {}, target = memoryTarget, environment = {}, terminal }: Run = {}) {
  const clock = new VirtualClock();
  const random = seeded(7);
  const abort = new AbortController();
  const told = { stdout: '', stderr: '', exitCode: undefined as number | undefined };
  const context: CliContext = {
    environment,
    stdout: {
      write: (text) => {
        told.stdout += text;
      },
      ...(terminal === undefined ? {} : { isTTY: true, ...terminal }),
    },
    stderr: {
      write: (text) => {
        told.stderr += text;
      },
    },
    signal: abort.signal,
    exit: () => {},
  };
  const consul = () => target({ clock, random, listen: options.keep === true });
  let isDone = false;
  const run = demo({ show: 'steps', keep: false, consul, clock, random, ...options }, context).finally(() => {
    isDone = true;
  });
  const end = async () => {
    await clock.advanceUntil(() => isDone);
    told.exitCode = await run;
    return told;
  };
  return { clock, abort, told, end };
}

/** A Consul that refuses every transaction. */
const refusingTarget: TargetMaker = async (parts) => {
  const target = await memoryTarget(parts);
  const server = new ConsulServer(parts);
  server.intercept = ({ path }) =>
    path === '/v1/txn' ? { kind: 'answer', status: 403, body: 'Permission denied' } : undefined;
  const connect = () => new ConsulApi({ transport: server.transport(), clock: parts.clock });
  return { ...target, operator: server.transport(), connect };
};

describe('demo()', () => {
  test('plays the whole scenario in plain lines, in half a minute at most, and ends with a summary and 0', async () => {
    const { clock, end } = start();
    const { stdout, stderr, exitCode } = await end();
    assert.equal(exitCode, 0, stdout + stderr);
    assert.equal(stderr, '');
    assert.ok(!stdout.includes(escapeCode));
    const lines = stdout.split('\n');
    assert.equal(lines[0], 'Consul is in memory; nothing outside this process is touched.');
    for (const [index, { title }] of scenario.entries()) {
      assert.ok(lines.some((line) => line.endsWith(`step ${index + 1}/${scenario.length}: ${title}`)));
    }
    assert.equal(lines.filter((line) => / {2}ok: /.test(line)).length, scenario.length);
    assert.ok(
      lines.some((line) =>
        / web: web-\w+-\w+ on node-\d is passing \(10\.\d+\.\d+\.\d+:8080, v2\)/.test(line),
      ),
    );
    assert.equal(lines.at(-2), `All ${scenario.length} steps reached what was expected.`);
    assert.ok(clock.now() > 15_000 && clock.now() < 35_000, `${clock.now()} ms`);
    assert.equal(clock.pending, 0, 'no timer is left');
  });

  test('prints the final state as JSON and nothing else, without pauses', async () => {
    const { clock, end } = start({ options: { show: 'end-as-json' } });
    const { stdout, stderr, exitCode } = await end();
    assert.deepEqual(
      [exitCode, stderr],
      [0, 'Consul is in memory; nothing outside this process is touched.\n'],
    );
    const state = JSON.parse(stdout) as FinalState;
    assert.equal(state.outcome, 'passed');
    assert.equal(state.consul, 'in memory');
    assert.deepEqual(
      state.steps.map(({ id, outcome }) => [id, outcome]),
      scenario.map(({ id }) => [id, 'reached']),
    );
    const [web, search] = state.services;
    assert.deepEqual(
      web?.instances.map(({ status, tags }) => [status, ...tags]),
      Array.from({ length: 4 }, () => ['passing', 'v2']),
    );
    assert.deepEqual(
      search?.instances.map(({ status }) => status),
      ['passing', 'passing'],
    );
    assert.ok(clock.now() < 15_000, `${clock.now()} ms`);
  });

  test('measures every change once: six come up, four replace four, a node takes out what is on it', async () => {
    const { end } = start({ options: { show: 'end-as-json' } });
    const { steps } = JSON.parse((await end()).stdout) as FinalState;
    const counts = new Map(steps.map(({ id, latency }) => [id, latency?.count]));
    assert.equal(counts.get('pods-come-up'), 6);
    assert.equal(counts.get('rollout'), 8);
    assert.equal(counts.get('probe-fails'), 1);
    assert.equal(counts.get('node-lost'), counts.get('node-returns'));
    assert.equal(counts.get('outsider-edits'), 1);
    assert.equal(counts.get('idle'), undefined);
    const finding = (id: string) => steps.find((step) => step.id === id)?.finding;
    assert.match(finding('node-lost')!, /^(1 instance|[2-9] instances), 1 operation$/);
    assert.equal(finding('idle'), 'no write in 2 s');
    // Virtual time passes only where the operator waits on purpose: for other nodes, and between two readings.
    for (const { id, latency, measures } of steps) {
      const most = measures === 'repair' || id === 'node-lost' ? 1_300 : 0;
      assert.ok((latency?.slowest ?? 0) <= most, `${id}: ${latency?.slowest}`);
    }
  });

  test('runs a load beside the scenario, which is measured and counted but not shown pod by pod', async () => {
    const load = { services: 3, pods: 120 };
    const { stdout, stderr, exitCode } = await start({ options: { load } }).end();
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(stdout, /step 3\/13: 120 more pods of 3 services come up/);
    assert.match(stdout, /^3 more services: 120 of 120 instances passing$/m);
    assert.ok(!stdout.includes('load-1-'), 'no pod of the load');
    const json = await start({ options: { load, show: 'end-as-json' } }).end();
    const { steps, services } = JSON.parse(json.stdout) as FinalState;
    assert.equal(steps.find(({ id }) => id === 'load')?.latency?.count, 120);
    assert.deepEqual(
      services.map(({ service, instances }) => [service, instances.length]),
      [
        ['web', 4],
        ['search', 2],
        ['load-1', 40],
        ['load-2', 40],
        ['load-3', 40],
      ],
    );
    const nodes = new Set(services.flatMap(({ instances }) => instances.map(({ node }) => node)));
    assert.ok(nodes.has('node-5'), [...nodes].join());
  });

  test('ends with 1 and says what was missed and what the operator said, when Consul refuses', async () => {
    const { stdout, stderr, exitCode } = await start({ target: refusingTarget }).end();
    assert.equal(exitCode, 1);
    assert.match(stdout, / {2}FAILED: not reached within 15\.0 s: web: 4 of 4 passing \(0 of 0 now\)/);
    assert.match(stdout, /FAILED: "Six pods come up" did not come to: web: 4 of 4 passing/);
    assert.match(stderr, /The operator's last lines:\n(.*\n)*.*Permission denied/);
    const json = await start({ target: refusingTarget, options: { show: 'end-as-json' } }).end();
    assert.equal(json.exitCode, 1);
    const { outcome, steps } = JSON.parse(json.stdout) as FinalState;
    assert.deepEqual([outcome, steps.at(-1)?.outcome], ['failed', 'missed']);
  });

  test('a signal ends it in the middle with 130, cleanly', async () => {
    const { clock, abort, end, told } = start();
    await clock.advanceUntil(() => told.stdout.includes('A rollout'));
    abort.abort();
    const { exitCode, stderr } = await end();
    assert.equal(exitCode, 130);
    assert.equal(stderr, 'error: interrupted before the end\n');
    assert.equal(clock.pending, 0, 'no timer is left');
  });

  test('--keep goes on until a signal, with everything within reach of curl', async () => {
    const { clock, abort, end, told } = start({ options: { keep: true } });
    await clock.advanceUntil(() => told.stdout.includes('kube-registrar release'));
    const exported = (name: string) => new RegExp(`export ${name}=(\\S+)`).exec(told.stdout)?.[1] ?? '';
    const consul = exported('CONSUL_HTTP_ADDR');
    const status = /--server (\S+)/.exec(told.stdout)?.[1];
    const kubeconfig = exported('KUBECONFIG');
    const kube = JSON.parse(readFileSync(kubeconfig, 'utf8')).clusters[0].cluster.server as string;
    assert.equal(exported('KUBE_REGISTRAR_CLUSTER_NAME'), 'demo');
    const get = async (origin: string, path: string, method: 'GET' | 'DELETE' = 'GET') => {
      const transport = new HttpTransport({ origin });
      const response = await transport.request({ method, path, signal: AbortSignal.timeout(10_000) });
      const text = await readText(response);
      await transport.close();
      return JSON.parse(text);
    };
    const instances = await get(consul, '/v1/health/service/web?passing');
    assert.equal(instances.length, 4);
    assert.deepEqual((await get(status!, '/status.json')).consul.addresses, [consul]);
    const { 'kube-pod': pod, 'kube-node': node } = instances[0].Service.Meta;
    await get(kube, `/api/v1/namespaces/shop/pods/${pod}`, 'DELETE');
    await clock.advanceUntil(() => told.stdout.includes(`${pod} on ${node} is deregistered`));
    abort.abort();
    assert.equal((await end()).exitCode, 0);
    assert.equal(existsSync(kubeconfig), false, 'the kubeconfig has gone with the demo');
  });
});

describe('demo() in a terminal', () => {
  const terminal = { columns: 100, rows: 40 };
  const [enter, leave] = ['\u001b[?1049h', '\u001b[?1049l'];

  test('is a live picture on the alternate screen, and the summary on the screen that was there before', async () => {
    const { stdout, exitCode } = await start({ terminal }).end();
    assert.equal(exitCode, 0);
    assert.ok(stdout.split('\n')[1]?.startsWith(enter));
    const [live = '', after = ''] = stdout.split(leave);
    for (const { title } of scenario) assert.ok(live.includes(title), title);
    assert.ok(live.includes('● passing') && live.includes('✖ critical'));
    assert.match(live, /LOG OF THE OPERATOR/);
    assert.match(after, /All 12 steps reached what was expected/);
    const count = (code: string) => stdout.split(code).length;
    assert.equal(count('\u001b[?25l'), count('\u001b[?25h'), 'the cursor is back');
  });

  test('has no colour with NO_COLOR, and is plain lines on a dumb terminal', async () => {
    const { stdout } = await start({ terminal, environment: { NO_COLOR: '1' } }).end();
    assert.ok(stdout.includes(enter));
    for (const code of ['[1m', '[2m', '[32m']) assert.ok(!stdout.includes(`${escapeCode}${code}`), code);
    const dumb = await start({ terminal, environment: { TERM: 'dumb' } }).end();
    assert.ok(!dumb.stdout.includes(escapeCode));
  });

  test('gives the screen back at once when a signal comes', async () => {
    const { clock, abort, end, told } = start({ terminal });
    await clock.advanceUntil(() => told.stdout.includes('A rollout'));
    abort.abort();
    await clock.settle();
    assert.ok(told.stdout.endsWith(leave));
    assert.equal((await end()).exitCode, 130);
    assert.equal(clock.pending, 0);
  });
});
