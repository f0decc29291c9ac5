/** Registration with real Consul client agents, one on each of two machines: loopback addresses of their own. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsulAgent } from '../support/real/consul.ts';
import {
  countedWrites,
  type HealthEntry,
  isPassing,
  readiness,
  states,
} from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

/** Of the checks, in seconds: long enough for a busy machine, short enough to wait for its end. */
const ttlSeconds = 30;

describe('registration with the Consul agents of the nodes', () => {
  let stage: Stage;
  let shop: Namespace;

  before(async () => {
    stage = await startStage({
      consul: { clientHosts: ['127.0.0.2', '127.0.0.3'], clientConfig: countedWrites },
      kubelet: {
        podNetwork: 127,
        nodes: [
          { name: 'node-a', address: '127.0.0.2' },
          { name: 'node-b', address: '127.0.0.3' },
        ],
      },
      registration: { mode: 'agent', agent: { ttl: `${ttlSeconds}s`, comparisonInterval: '5s' } },
    });
    shop = await stage.namespace('shop');
  });
  after(() => stage[Symbol.asyncDispose]());

  const agentOf: Record<string, string> = { 'node-a': 'client-0', 'node-b': 'client-1' };
  const agent = (name: string): ConsulAgent => stage.consul.clients.find((each) => each.name === name)!;
  const podOf = ({ Service }: HealthEntry): string => Service.Meta['kube-pod'] ?? '';
  const statusOf = (entry: HealthEntry, check: string) =>
    entry.Checks.find(({ CheckID }) => CheckID === `${entry.Service.ID}:${check}`)?.Status;
  const passingOn = async (service: string, node: string): Promise<HealthEntry[]> =>
    (await stage.instances(service)).filter((entry) => entry.Node.Node === node && isPassing(entry));

  test('an instance is on the node of its agent, and the catalog has no node of ours', async () => {
    await shop.deploy({ name: 'web', replicas: 4, annotations: { service: 'web', port: 'http', tags: 'a' } });
    const entries = await stage.allPassing('web', 4);
    for (const { Node, Service } of entries) {
      assert.equal(Node.Node, agentOf[Service.Meta['kube-node'] ?? '']);
      assert.equal(Service.Meta['managed-by'], 'kube-registrar');
    }
    const nodes = await stage.consul.api.get<{ Node: string }[]>('/v1/catalog/nodes');
    assert.deepEqual(nodes.map(({ Node }) => Node).sort(), ['client-0', 'client-1', 'server-0']);
  });

  test('readiness is followed, both ways', async () => {
    const [first] = await stage.instances('web');
    const pod = podOf(first!);
    stage.kubelet.setUnready('shop', pod, { reason: 'ContainersNotReady', message: 'probe failed' });
    await stage.eventually('the instance is critical', async () => {
      const entry = (await stage.instances('web')).find((each) => podOf(each) === pod);
      assert.equal(readiness(entry!)?.Status, 'critical');
    });
    stage.kubelet.setReady('shop', pod);
    await stage.allPassing('web', 4);
  });

  test('a new process registers nothing again, and no TTL runs out meanwhile', async () => {
    const before = await stage.allPassing('web', 4);
    const watching = new AbortController();
    const failures: string[] = [];
    const watched = (async () => {
      for await (const entries of states(stage.consul, 'web', watching.signal)) {
        for (const entry of entries) if (!isPassing(entry)) failures.push(JSON.stringify(entry.Checks));
      }
    })().catch(() => {});
    await stage.operator.stop();
    await stage.operator.start();
    await stage.operator.ready();
    await delay((ttlSeconds + 5) * 1_000);
    watching.abort();
    await watched;
    assert.deepEqual(failures, []);
    assert.deepEqual(await stage.allPassing('web', 4), before, 'not one index has moved');
  });

  test('when the operator is killed the TTL runs out; when it is back, all is well', async () => {
    await stage.operator.kill();
    await stage.eventually('every instance is critical', async () => {
      for (const entry of await stage.instances('web')) {
        assert.equal(readiness(entry)?.Status, 'critical');
        assert.match(readiness(entry)?.Output ?? '', /^TTL expired/);
      }
    });
    await stage.operator.start();
    await stage.allPassing('web', 4);
  });

  test("the agent's own HTTP check turns critical by itself, and nobody argues", async () => {
    let healthy = true;
    const server = createServer((_, response) => response.writeHead(healthy ? 200 : 503).end('x'));
    try {
      await shop.addPod('probed', { service: 'probed', port: 'http' });
      const [bare] = await stage.allPassing('probed', 1);
      const { Address, Port } = bare!.Service;
      await new Promise<void>((resolve) => server.listen(Port, Address, resolve));
      await shop.annotatePod('probed', {
        'check-http': '/',
        'check-interval': '500ms',
        'deregister-critical-after': '10m',
      });
      const entry = await stage.eventually('there is an HTTP check', async () => {
        const [now] = await stage.allPassing('probed', 1);
        assert.equal(statusOf(now!, 'http'), 'passing');
        return now;
      });
      assert.equal(entry!.Checks.find(({ CheckID }) => CheckID.endsWith(':http'))?.Type, 'http');
      healthy = false;
      const status = (wanted: string) =>
        stage.eventually(`the HTTP check is ${wanted}`, async () => {
          const [now] = await stage.instances('probed');
          assert.equal(statusOf(now!, 'http'), wanted);
          return now!;
        });
      const failing = await status('critical');
      assert.equal(readiness(failing)?.Status, 'passing');
      // Another reason to write the instance, and a reading of the agent: its word stands.
      await shop.annotatePod('probed', { tags: 'x' });
      const changed = await stage.eventually('the tag is there', async () => {
        const [now] = await stage.instances('probed');
        assert.deepEqual(now!.Service.Tags, ['x']);
        return now!;
      });
      assert.equal(statusOf(changed, 'http'), 'critical');
      assert.deepEqual(
        stage.operator.logs('Drift').filter(({ service }) => service === 'probed'),
        [],
      );
      healthy = true;
      await status('passing');
    } finally {
      server.close();
      server.closeAllConnections();
    }
    await shop.deletePod('probed');
    await stage.gone('probed');
  });

  test('a tenant has nothing probed but its own pod: not by a URL, and not by a redirect', async () => {
    let asked = 0;
    const secret = createServer((_, response) => {
      asked += 1;
      response.end('credentials');
    });
    await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(secret.address() as AddressInfo).port}/latest`;
    let redirected = 0;
    const pod = createServer((_, response) => {
      redirected += 1;
      response.writeHead(302, { location: url }).end();
    });
    try {
      await shop.addPod('direct', { service: 'direct', port: 'http', 'check-http': url });
      await shop.addPod('tenant', { service: 'tenant', port: 'http' });
      const [bare] = await stage.allPassing('tenant', 1);
      await new Promise<void>((resolve) => pod.listen(bare!.Service.Port, bare!.Service.Address, resolve));
      await shop.annotatePod('tenant', { 'check-http': '/', 'check-interval': '500ms' });
      await stage.eventually('the redirect is an answer like any other', async () => {
        const [now] = await stage.instances('tenant');
        const check = now!.Checks.find(({ CheckID }) => CheckID.endsWith(':http'));
        assert.equal(check?.Status, 'critical');
        assert.match(check?.Output ?? '', /302 Found/);
      });
      assert.ok(redirected > 0);
      await stage.eventually('the log says why the other pod is not registered', async () => {
        const [line] = stage.operator.logs('InvalidAnnotation').filter(({ pod }) => pod === 'shop/direct');
        assert.match(String(line?.['message']), /loopback address, which is never probed/);
      });
      assert.deepEqual(await stage.instances('direct'), []);
      assert.equal(asked, 0);
    } finally {
      for (const server of [secret, pod]) {
        server.close();
        server.closeAllConnections();
      }
    }
    for (const name of ['tenant', 'direct']) await shop.deletePod(name);
    await stage.gone('tenant');
  });

  test('a service of somebody else with the same agent, and under the same name, is not touched', async () => {
    const foreign = { ID: 'foreign', Name: 'web', Port: 1, Tags: ['foreign'], Meta: { owner: 'somebody' } };
    await agent('client-0').api.put('/v1/agent/service/register', foreign);
    await stage.eventually('it is in the catalog', async () =>
      assert.equal((await stage.instances('web')).length, 5),
    );
    await shop.scale('web', 2);
    await stage.eventually('two pods and the foreign service are left', async () =>
      assert.equal((await stage.instances('web')).length, 3),
    );
    await shop.scale('web', 4);
    await stage.allPassing('web', 5);
    const { foreign: kept } =
      await agent('client-0').api.get<Record<string, { Tags: string[] }>>('/v1/agent/services');
    assert.deepEqual(kept?.Tags, ['foreign']);
    await agent('client-0').api.put('/v1/agent/service/deregister/foreign');
    await stage.allPassing('web', 4);
  });

  test('what an outsider takes out of an agent is put back', async () => {
    const [entry] = await stage.instances('web');
    const on = agent(entry!.Node.Node);
    await on.api.put(`/v1/agent/service/deregister/${entry!.Service.ID}`);
    await stage.eventually('it is registered again', async () => {
      const again = (await stage.allPassing('web', 4)).find(
        ({ Service }) => Service.ID === entry!.Service.ID,
      );
      assert.ok(again!.Service.CreateIndex > entry!.Service.CreateIndex);
    });
    assert.ok(stage.operator.logs('Drift').length > 0);
  });

  test('an agent that is killed and comes back empty is filled again, while the other goes on', async () => {
    const lost = agent('client-0');
    await lost.kill();
    await shop.scale('web', 8);
    await stage.eventually('the other agent has its four instances', async () =>
      assert.equal((await passingOn('web', 'client-1')).length, 4),
    );
    await lost.wipe();
    await lost.start();
    await stage.allPassing('web', 8);
    // The catalog still has instances of before, until the agent has compared itself with it.
    await stage.eventually('the agent has its four instances', async () => {
      const services = await lost.api.get<Record<string, object>>('/v1/agent/services');
      assert.equal(Object.keys(services).length, 4);
    });
  });

  test('an agent that is away for long is told of, delays nobody, and is made good', async () => {
    const lost = agent('client-0');
    await lost.kill();
    await stage.eventually('the log tells of it', async () =>
      assert.ok(stage.operator.logs('AgentUnavailable').some(({ node }) => node === 'prod-node-a')),
    );
    await shop.scale('web', 2);
    await stage.eventually('the other agent has one instance', async () =>
      assert.equal((await passingOn('web', 'client-1')).length, 1),
    );
    await lost.start();
    await stage.allPassing('web', 2);
  });

  test('with the last pod, every agent is as it was before', async () => {
    await shop.scale('web', 0);
    await stage.gone('web');
    for (const { api } of stage.consul.clients) {
      assert.deepEqual(await api.get('/v1/agent/services'), {});
    }
  });
});
