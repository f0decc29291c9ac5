/**
 * The operator with the oldest Consul that is tried, 1.8.7: it registers, follows health, repairs, fences leaders off and
 * leaves alone what is right. What other tests show on the newest Consul is not shown again here.
 */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpTransport } from '../../src/lib/http-transport.ts';
import { observedAclContract, observedContract } from '../contract/observed-contract.ts';
import type { ConsulWorld } from '../support/consul-operator.ts';
import { startConsul } from '../support/real/consul.ts';
import { isPassing, raftLog, readiness } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';

suite('with the oldest Consul, what is there', () => {
  const started = new AsyncDisposableStack();
  let plain: ConsulWorld;
  let guarded: ConsulWorld;

  const open = async (acl: boolean): Promise<ConsulWorld> => {
    const consul = started.use(await startConsul({ acl, oldest: true }));
    const transport = new HttpTransport({ origin: consul.url });
    started.defer(() => transport.close());
    return { transport, clock: systemClock, managementToken: consul.managementToken };
  };

  before(async () => {
    plain = await open(false);
    guarded = await open(true);
  });
  after(() => started.disposeAsync());

  const lacks = { checkType: false, taggedAddresses: false };
  observedContract('the oldest Consul', () => plain, { runs: 20, lacks });
  observedAclContract('the oldest Consul', () => guarded, /is not shown to the Consul token/);
});

suite('with the oldest Consul, the operator', () => {
  let stage: Stage;

  before(async () => {
    stage = await startStage({
      consul: { oldest: true },
      config: { leaderElection: { enabled: true, namespace: 'kube-registrar' } },
    });
  });
  after(() => stage?.[Symbol.asyncDispose]());

  test('runs with version 1.8.7, and leads', async () => {
    const self = await stage.consul.api.get<{ Config: { Version: string } }>('/v1/agent/self');
    assert.equal(self.Config.Version, '1.8.7');
    await stage.eventually('it leads', async () => {
      const { leadership } = await stage.operator.status();
      assert.equal(leadership?.state, 'leading');
    });
  });

  test('registers pods as consumers find them, and follows their readiness', async () => {
    const shop = await stage.namespace('shop');
    const annotations = { service: 'web', port: 'http', tags: 'a,b', 'meta.team': 'shop', weight: '7' };
    await shop.deploy({ name: 'web', replicas: 6, annotations });
    const entries = await stage.allPassing('web', 6);
    const keys = await stage.consul.api.get<string[]>('/v1/kv/kube-registrar/?keys');
    assert.match(keys.join(), /^kube-registrar\/[^/]+\/epoch$/, 'its writes are fenced');
    for (const { Node, Service } of entries) {
      assert.match(Node.Node, /^prod-/);
      assert.deepEqual(
        [Service.Tags, Service.Meta['team'], Service.Weights.Passing],
        [['a', 'b'], 'shop', 7],
      );
    }
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${stage.consul.dnsPort}`]);
    await stage.eventually('DNS has them', async () => {
      const found = (await resolver.resolve4('b.web.service.consul')).sort();
      assert.deepEqual(found, entries.map(({ Service }) => Service.Address).sort());
    });

    const pod = entries[0]!.Service.Meta['kube-pod']!;
    stage.kubelet.setUnready('shop', pod, { reason: 'ProbeFailed', message: 'HTTP 503' });
    await stage.eventually('the pod is critical', async () => {
      const critical = (await stage.instances('web')).filter((entry) => !isPassing(entry));
      assert.deepEqual(
        critical.map((entry) => [entry.Service.Meta['kube-pod'], readiness(entry)?.Output]),
        [[pod, 'ProbeFailed: HTTP 503']],
      );
    });
    stage.kubelet.setReady('shop', pod);
    await stage.allPassing('web', 6);
  });

  test('repairs what others change, and leaves what is right alone, also after a restart', async () => {
    const [first, second] = await stage.allPassing('web', 6);
    const edited = { ...first!.Service, Tags: ['edited'] };
    const register = {
      Node: first!.Node.Node,
      SkipNodeUpdate: true,
      Address: first!.Node.Address,
      Service: edited,
    };
    await stage.consul.api.put('/v1/catalog/register', register);
    await stage.consul.api.put('/v1/catalog/deregister', {
      Node: second!.Node.Node,
      ServiceID: second!.Service.ID,
    });
    await stage.eventually('both are as before', async () => {
      const entries = await stage.allPassing('web', 6);
      assert.ok(entries.every(({ Service }) => Service.Tags.join() === 'a,b'));
    });

    await stage.operator.stop();
    await stage.operator.start();
    await stage.operator.ready();
    await stage.eventually('it leads again', async () => {
      const { leadership } = await stage.operator.status();
      assert.equal(leadership?.state, 'leading');
    });
    await sleep(3_000);
    const before = await raftLog(stage.consul);
    await sleep(5_000);
    const { transactions, otherWrites } = await raftLog(stage.consul);
    assert.deepEqual(
      [transactions, otherWrites],
      [before.transactions, before.otherWrites],
      'nothing is written',
    );
  });

  test('removes what is gone', async () => {
    const shop = stage.known('shop');
    await shop.scale('web', 2);
    await stage.allPassing('web', 2);
    await shop.scale('web', 0);
    await stage.gone('web');
  });
});
