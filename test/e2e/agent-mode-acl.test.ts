/** Agent mode with ACLs on, deny by default, and exactly the documented policy. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { instances, isPassing, readiness } from '../support/real/consul-reads.ts';
import { type Kube, startKube } from '../support/real/kube.ts';
import { type Kubelet, startKubelet } from '../support/real/kubelet.ts';
import { installRbac, operatorIdentity, startOperator } from '../support/real/operator.ts';
import { Namespace } from '../support/real/workloads.ts';

const patience = { timeoutMs: 120_000 };
const started = new AsyncDisposableStack();
let kube: Kube;
let consul: Consul;
let kubelet: Kubelet;
let shop: Namespace;

before(async () => {
  [kube, consul] = await Promise.all([
    startKube().then((server) => started.use(server)),
    startConsul({ acl: true, clientHosts: ['127.0.0.2'] }).then((server) => started.use(server)),
  ]);
  await installRbac(kube);
  kubelet = started.use(await startKubelet(kube.api, { nodes: [{ name: 'node-a', address: '127.0.0.2' }] }));
  shop = await Namespace.create(kube.api, 'shop');
});
after(() => started.disposeAsync());

/** The policy for agents, as people copy it from the documentation. */
async function documentedPolicy(): Promise<string> {
  const file = fileURLToPath(new URL('../../docs/consul-access.md', import.meta.url));
  const rules = /## With agents[\s\S]+?```hcl\n([\s\S]+?)```/.exec(await readFile(file, 'utf8'))?.[1];
  assert.ok(rules);
  return rules;
}

async function tokenWith(Name: string, Rules: string): Promise<string> {
  await consul.api.put('/v1/acl/policy', { Name, Rules });
  const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', { Policies: [{ Name }] });
  return SecretID;
}

async function operatorWith(token: string) {
  return startOperator({
    config: {
      cluster: { name: 'prod' },
      kubernetes: { kubeconfig: await kube.kubeconfigFor(operatorIdentity) },
      // Its agents listen on loopback, which at the address of a node proves nothing.
      consul: { addresses: [consul.url], token, allowPlaintextToken: true },
      leaderElection: { enabled: true, namespace: operatorIdentity.namespace },
      registration: { mode: 'agent', agent: { port: consul.clients[0]!.httpPort, comparisonInterval: '1s' } },
    },
  });
}

const passing = (service: string, count: number) =>
  eventually(
    async () => {
      const entries = await instances(consul, service);
      assert.equal(entries.filter(isPassing).length, count);
      assert.equal(entries.length, count);
    },
    { ...patience, what: `${service}: ${count} passing instances` },
  );

suite('agent mode with ACLs', () => {
  test('the documented policy is enough to register, follow, put into maintenance and remove', async () => {
    const token = await tokenWith('documented', await documentedPolicy());
    await using _operator = await operatorWith(token);
    await shop.addPod('web', { service: 'web', port: 'http', 'health-url': '/' });
    const shown = await eventually(
      async () => {
        const [entry] = await instances(consul, 'web');
        assert.equal(entry && readiness(entry)?.Status, 'passing');
        return entry!;
      },
      { ...patience, what: 'the pod is registered' },
    );
    assert.equal(shown.Node.Node, 'client-0');
    await shop.annotatePod('web', { maintenance: 'disk', 'health-url': null });
    await eventually(
      async () => {
        const [entry] = await instances(consul, 'web');
        const checks = entry!.Checks.map(({ CheckID }) => CheckID);
        assert.ok(checks.some((id) => id.startsWith('_service_maintenance:')));
        assert.ok(!checks.some((id) => id.endsWith(':health-url')));
      },
      { ...patience, what: 'the instance is in maintenance' },
    );
    await shop.annotatePod('web', { maintenance: null });
    await passing('web', 1);
    kubelet.setUnready('shop', 'web');
    await eventually(
      async () => assert.equal(readiness((await instances(consul, 'web'))[0]!)?.Status, 'critical'),
      { ...patience, what: 'the instance is critical' },
    );
    await shop.deletePod('web');
    await passing('web', 0);
  });

  test('a token that does not see every service is told of, and nothing is registered twice or removed', async () => {
    const token = await tokenWith('documented-2', await documentedPolicy());
    {
      await using _operator = await operatorWith(token);
      await shop.addPod('api', { service: 'api', port: 'http' });
      await passing('api', 1);
    }
    const before = await instances(consul, 'api');
    const blind = await tokenWith('blind', 'service_prefix "other" { policy = "write" }');
    await using operator = await operatorWith(blind);
    await eventually(
      async () => {
        const [line] = operator.logs('AgentUnavailable');
        assert.equal(line?.['code'], 'forbidden');
      },
      { ...patience, what: 'the log tells what the token lacks' },
    );
    assert.deepEqual(await instances(consul, 'api'), before);
  });
});
