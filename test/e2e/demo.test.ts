import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { FinalState } from '../../src/cli/demo/final-state.ts';
import { requireServers } from '../servers/locate.ts';
import { eventually } from '../support/eventually.ts';
import { startConsul } from '../support/real/consul.ts';
import { isAlive } from '../support/real/data-dir.ts';

const main = path.resolve(import.meta.dirname, '../../src/main.ts');
const patient = { timeout: 120_000 };

function runDemo(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  return new Promise<{ code: unknown; state: FinalState; stderr: string }>((resolve, reject) => {
    const argv = [main, 'demo', '--once', '--output', 'json', ...args];
    execFile(process.execPath, argv, { env }, (error, stdout, stderr) => {
      try {
        resolve({ code: error === null ? 0 : error.code, state: JSON.parse(stdout), stderr });
      } catch (cause) {
        reject(new Error(`no JSON: ${stdout} ${stderr}`, { cause }));
      }
    });
  });
}

/** What the rules of docs/ say a token needs, for the demo's names only. */
const rules = `
  node_prefix "demo-" { policy = "write" }
  node_prefix "" { policy = "read" }
  service_prefix "demo-" { policy = "write" }
  service_prefix "" { policy = "read" }
  agent_prefix "" { policy = "read" }
`;

describe('kube-registrar demo on a real Consul', () => {
  test(
    'passes in a Consul that others use, with a token for its names, and leaves nothing behind',
    patient,
    async () => {
      await using consul = await startConsul({ acl: true });
      await consul.api.put('/v1/catalog/register', {
        Node: 'somebody',
        Address: '192.0.2.1',
        NodeMeta: { 'managed-by': 'kube-registrar', 'kube-cluster-uid': 'another-cluster' },
        Service: { Service: 'demo-web', Port: 80 },
      });
      await consul.api.put('/v1/acl/policy', { Name: 'demo', Rules: rules });
      const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', {
        Policies: [{ Name: 'demo' }],
      });
      const env = { CONSUL_HTTP_ADDR: consul.url, CONSUL_HTTP_TOKEN: SecretID };
      const { code, state, stderr } = await runDemo(env, '--consul');
      assert.equal(code, 0, JSON.stringify(state, undefined, 2));
      assert.match(stderr, /^Writing to Consul at .*\n$/);
      assert.equal(state.consul, consul.url);
      assert.deepEqual(
        state.services.map(({ service, instances }) => [service, instances.length]),
        [
          ['demo-web', 4],
          ['demo-search', 2],
        ],
      );
      const nodes = await consul.api.get<readonly { Node: string }[]>('/v1/catalog/nodes');
      assert.deepEqual(
        nodes.map(({ Node }) => Node),
        ['server-0', 'somebody'],
      );
    },
  );

  test('starts a Consul of its own with --consul-binary', patient, async () => {
    const { consul } = await requireServers(['consul']);
    const { code, state, stderr } = await runDemo({ CONSUL_BIN: consul }, '--consul-binary');
    assert.equal(code, 0, JSON.stringify(state, undefined, 2));
    assert.match(stderr, /^Consul is a dev agent at .*\n$/);
    assert.match(state.consul, /^\(dev agent, http:\/\/127\.0\.0\.1:\d+\)$/);
  });

  test('its own Consul ends with it, also when it is killed', patient, async () => {
    const { consul } = await requireServers(['consul']);
    const child = spawn(process.execPath, [main, 'demo', '--consul-binary', consul], {
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      let told = '';
      child.stdout.on('data', (chunk) => {
        told += chunk;
      });
      await eventually(() => told.includes('step 2/'), { timeoutMs: 60_000, what: 'step 2' });
      const agents = await childrenOf(child.pid!);
      assert.ok(agents.length > 0);
      child.kill('SIGKILL');
      await exited;
      await eventually(() => agents.every((pid) => !isAlive(pid)), { what: 'the end of Consul' });
    } finally {
      child.kill('SIGKILL');
    }
  });
});

/** The processes whose parent is `pid`. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const { stdout } = await new Promise<{ stdout: string }>((resolve) => {
    execFile('ps', ['-o', 'pid=', '--ppid', String(pid)], (_, out) => resolve({ stdout: out }));
  });
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}
