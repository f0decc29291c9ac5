/** The operator's own entry in a real Consul with ACLs: what others see when the process is gone. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { type HealthEntry, instances, isPassing } from '../support/real/consul-reads.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { startKubelet } from '../support/real/kubelet.ts';
import {
  installRbac,
  type OperatorProcess,
  operatorIdentity,
  startOperator,
} from '../support/real/operator.ts';
import { Namespace } from '../support/real/workloads.ts';

const ttlMs = 20_000;
const patience = { timeoutMs: 60_000 };
const started = new AsyncDisposableStack();
let kube: Kube;
let consul: Consul;

before(async () => {
  [kube, consul] = await Promise.all([startKube(), startConsul({ servers: 3, acl: true })]);
  started.use(kube);
  started.use(consul);
  await installRbac(kube);
  started.use(await startKubelet(kube.api));
});

after(() => started.disposeAsync());

/** The documentation's rules: the least, and with those for the operator's own entry. */
async function documentedRules(): Promise<{ least: string; all: string }> {
  const file = fileURLToPath(new URL('../../docs/consul-access.md', import.meta.url));
  const blocks = [...(await readFile(file, 'utf8')).matchAll(/```hcl\n([\s\S]+?)```/g)].map(
    ([, text]) => text!,
  );
  const own = blocks.find((rules) => rules.startsWith('session_prefix'));
  assert.ok(blocks[0] && own);
  return { least: blocks[0], all: `${blocks[0]}${own}` };
}

async function operatorWith(Name: string, Rules: string): Promise<OperatorProcess> {
  await consul.api.put('/v1/acl/policy', { Name, Rules });
  const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', { Policies: [{ Name }] });
  return startOperator({
    config: {
      cluster: { name: 'prod' },
      kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
      consul: {
        addresses: consul.servers.map(({ url }) => url),
        token: SecretID,
        heartbeat: { enabled: true, ttl: `${ttlMs}ms` },
      },
    },
    env: { POD_NAME: 'registrar-0' },
  });
}

/** Asked of a server that runs. */
async function entries(): Promise<readonly HealthEntry[]> {
  const { api } = await consul.leader();
  return instances({ api }, 'kube-registrar');
}

const passes = () =>
  eventually(
    async () => {
      const [entry, ...others] = await entries();
      assert.deepEqual(others, []);
      assert.ok(entry !== undefined && isPassing(entry), JSON.stringify(entry));
      return entry;
    },
    { ...patience, what: 'the operator passes' },
  );

const sessionOf = ({ Checks }: HealthEntry): string | undefined =>
  Checks.find(({ CheckID }) => CheckID === 'registrar-0:alive')?.Output;

suite('the heartbeat', () => {
  test('is critical within its time when the process was killed, passes again with the next, and goes with SIGTERM', async (t) => {
    await using operator = await operatorWith('all', (await documentedRules()).all);
    await operator.ready();
    const entry = await passes();
    assert.deepEqual([entry.Service.ID, entry.Service.Tags], ['registrar-0', ['leader']]);

    await operator.kill();
    const killedAt = Date.now();
    await eventually(async () => assert.ok((await entries()).every((known) => !isPassing(known))), {
      timeoutMs: ttlMs + 5_000,
      what: 'the check is critical',
    });
    t.diagnostic(`critical ${Date.now() - killedAt} ms after the kill`);
    assert.equal((await entries()).length, 1, 'and there to be seen');

    await operator.start();
    const session = sessionOf(await passes());

    // The leader had the session's timer.
    const leader = await consul.leader();
    await leader.kill();
    await eventually(async () => assert.notEqual((await consul.leader()).name, leader.name), patience);
    assert.equal(sessionOf(await passes()), session, 'its session lives on');
    await leader.start();

    assert.equal(await operator.stop(), 0);
    assert.deepEqual(await entries(), []);
    const { Node } = await consul.api.get<{ Node: unknown }>('/v1/catalog/node-services/prod-kube-registrar');
    assert.equal(Node, null);
    assert.deepEqual(operator.logs('HeartbeatNotRemoved'), []);
  });

  test('without the right to sessions is told in the log, and everything else works', async () => {
    await using operator = await operatorWith('least', (await documentedRules()).least);
    await operator.ready();
    const ns = await Namespace.create(kube.api, 'shop');
    await ns.addPod('web', { service: 'web', port: 'http' });
    const line = await eventually(() => {
      const [first] = operator.logs('HeartbeatFailed');
      assert.ok(first);
      return first;
    }, patience);
    assert.equal(line['code'], 'forbidden');
    assert.match(String(line['error']), /session:write/);
    await eventually(async () => assert.equal((await instances(consul, 'web')).length, 1), patience);
    assert.ok((await entries()).every((entry) => !isPassing(entry)));
  });
});
