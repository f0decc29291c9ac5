/** DNS, the HTTP API and prepared queries as docs/consume.md shows them, on instances of the operator. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { guideFile } from '../support/guide.ts';
import { startProgram } from '../support/real/command.ts';
import { type Consul, startConsul } from '../support/real/consul.ts';
import { dataDir } from '../support/real/data-dir.ts';
import { HttpError, JsonClient } from '../support/real/http.ts';
import { freePorts } from '../support/real/ports.ts';
import { patience, type Stage, startStage } from '../support/real/stage.ts';
import type { Namespace } from '../support/real/workloads.ts';

const page = 'consume.md';

/** Asks the DNS server of a Consul. What it does not know is an empty list. */
function dns(consul: Consul) {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${consul.dnsPort}`]);
  const none = <T>(error: NodeJS.ErrnoException): T[] => {
    if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
    throw error;
  };
  return {
    a: async (name: string) => (await resolver.resolve4(name).catch(none<string>)).sort(),
    srv: async (name: string) => await resolver.resolveSrv(name).catch(none<never>),
    ttl: async (name: string) => (await resolver.resolve4(name, { ttl: true })).map(({ ttl }) => ttl),
  };
}

/** Puts an instance of nobody's into the catalog, with a check in that state. */
const put = (consul: Consul, id: string, status: string, more: object = {}) =>
  consul.api.put('/v1/catalog/register', {
    Node: 'synthetic',
    Address: '10.9.9.9',
    Service: { ID: id, Service: 'web', Address: `10.9.0.${id.length}`, Port: 80, Tags: ['gate'], ...more },
    Check: { Node: 'synthetic', CheckID: `check:${id}`, ServiceID: id, Name: id, Status: status },
  });

suite('DNS on pods', () => {
  let stage: Stage;
  let shop: Namespace;
  const addresses = async (...names: string[]) =>
    (await shop.pods())
      .filter(({ metadata }) => names.includes(metadata.name))
      .map(({ status }) => status?.podIP)
      .sort();
  const answers = (name: string, ...pods: string[]) =>
    stage.eventually(`${name} is ${pods}`, async () =>
      assert.deepEqual(await dns(stage.consul).a(name), await addresses(...pods)),
    );

  before(async () => {
    stage = await startStage();
    shop = await stage.namespace('shop');
    const common = { service: 'web', port: 'http' };
    await shop.addPod('web-1', { ...common, tags: 'gate,v1', weight: '7' });
    await shop.addPod('web-2', { ...common, tags: 'v2' });
    await shop.addPod('web-3', common);
    await stage.allPassing('web', 3);
  });
  after(() => stage?.[Symbol.asyncDispose]());

  test('gives addresses, and by tag, with a TTL of 0', async () => {
    await answers('web.service.consul', 'web-1', 'web-2', 'web-3');
    await answers('gate.web.service.consul', 'web-1');
    assert.deepEqual(await dns(stage.consul).ttl('web.service.consul'), [0, 0, 0]);
  });

  test('gives ports and weights in SRV records, whose targets are the addresses', async () => {
    const { srv, a } = dns(stage.consul);
    for (const name of ['web.service.consul', '_web._tcp.service.consul']) {
      const records = await srv(name);
      assert.deepEqual(records.map(({ port, weight, priority }) => [port, weight, priority]).sort(), [
        [8080, 1, 1],
        [8080, 1, 1],
        [8080, 7, 1],
      ]);
      const targets = await Promise.all(records.map((record) => a(record.name)));
      assert.deepEqual(targets.flat().sort(), await addresses('web-1', 'web-2', 'web-3'));
    }
    const [tagged, ...others] = await srv('_web._gate.service.consul');
    assert.deepEqual([tagged?.weight, others], [7, []]);
  });

  test('leaves out who is not ready, and who is in maintenance', async () => {
    stage.kubelet.setUnready('shop', 'web-1');
    await answers('web.service.consul', 'web-2', 'web-3');
    await shop.annotatePod('web-2', { maintenance: 'a look inside' });
    await answers('web.service.consul', 'web-3');
    await shop.annotatePod('web-2', { maintenance: null });
    stage.kubelet.setReady('shop', 'web-1');
    await answers('web.service.consul', 'web-1', 'web-2', 'web-3');
  });

  test('leaves out everybody on a node that is not ready', async () => {
    const pods = await shop.pods();
    const node = pods.find(({ metadata }) => metadata.name === 'web-1')?.spec.nodeName ?? '';
    const others = pods.filter(({ spec }) => spec.nodeName !== node).map(({ metadata }) => metadata.name);
    assert.ok(others.length < 3);
    await stage.kubelet.setNodeNotReady(node);
    await answers('web.service.consul', ...others);
    await stage.kubelet.setNodeReady(node);
    await answers('web.service.consul', 'web-1', 'web-2', 'web-3');
  });

  test('a prepared query keeps to a zone', async () => {
    const { api } = stage.consul;
    await api.post('/v1/query', JSON.parse(guideFile(page, 'zone-query.json')));
    const inZone = (await shop.pods()).filter(
      ({ spec }) => stage.kubelet.nodes.find(({ name }) => name === spec.nodeName)?.zone === 'zone-a',
    );
    assert.ok(inZone.length < 3);
    await answers('web-zone-a.query.consul', ...inZone.map(({ metadata }) => metadata.name));
  });

  test('the filters of the HTTP API know meta and zone', async () => {
    await shop.addPod('chat-1', { service: 'chat', port: 'http', protocol: 'grpc' });
    await stage.allPassing('chat', 1);
    const [{ Node } = assert.fail('nobody')] = await stage.instances('chat');
    const count = async (filter: string) =>
      (await stage.consul.api.get<[]>(`/v1/health/service/chat?filter=${encodeURIComponent(filter)}`)).length;
    assert.equal(await count('Service.Meta.protocol == "grpc"'), 1);
    assert.equal(await count('Service.Meta.protocol == "http"'), 0);
    assert.equal(await count(`Node.Meta.zone == "${Node.Meta['zone']}"`), 1);
    assert.equal(await count('Node.Meta["managed-by"] == "kube-registrar"'), 1);
  });

  test('a blocking query takes a filter on node meta, also with a hyphen in the key', async () => {
    const filter = encodeURIComponent('Node.Meta["managed-by"] == "kube-registrar"');
    const path = `/v1/health/service/web?index=1&wait=1s&filter=${filter}`;
    assert.equal((await stage.consul.api.get<[]>(path)).length, 3);
  });

  test('the program of the page prints every change, and survives a restart of Consul', async () => {
    const directory = await dataDir('follow');
    const program = join(directory, 'follow.ts');
    await writeFile(program, guideFile(page, 'follow.ts'));
    try {
      await using follow = startProgram([program, 'api'], { CONSUL_HTTP_ADDR: stage.consul.url });
      const lines = () => follow.stdout().split('\n').slice(0, -1);
      const says = (...pods: string[]) =>
        stage.eventually(`it prints ${pods}`, async () => {
          const found = (await addresses(...pods)).map((address) => `${address}:8080`);
          assert.equal(lines().at(-1), `api: ${found.sort().join(' ') || 'nobody'}`);
        });
      const api = { service: 'api', port: 'http' };
      await shop.addPod('api-1', api);
      await says('api-1');
      await shop.addPod('api-2', api);
      await says('api-1', 'api-2');
      await stage.consul.servers[0]!.stop();
      await stage.consul.servers[0]!.start();
      await shop.deletePod('api-1');
      await says('api-2');
      await shop.deletePod('api-2');
      await says();
      assert.equal(lines().filter((line) => line === 'api: nobody').length, 1, 'a restart is not their end');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

suite("Consul's settings for DNS", () => {
  test('decide over instances that warn, and the TTL', async () => {
    await using plain = await startConsul();
    await using tuned = await startConsul({
      serverConfig: JSON.parse(guideFile(page, 'consul-dns.json')),
    });
    for (const consul of [plain, tuned]) {
      await put(consul, 'a', 'passing');
      await put(consul, 'ww', 'warning');
      await put(consul, 'ccc', 'critical');
    }
    const name = 'web.service.consul';
    await eventually(async () => assert.deepEqual(await dns(plain).a(name), ['10.9.0.1', '10.9.0.2']));
    await eventually(async () => assert.deepEqual(await dns(tuned).a(name), ['10.9.0.1']));
    assert.deepEqual([await dns(plain).ttl(name), await dns(tuned).ttl(name)], [[0, 0], [5]]);
    const passing = await plain.api.get<unknown[]>('/v1/health/service/web?passing');
    assert.equal(passing.length, 1);
  });
});

suite('the prepared query', () => {
  test('fails over to another datacenter and comes back', async () => {
    const [wan1, wan2] = await freePorts(2);
    await using home = await startConsul({ serverConfig: { ports: { serf_wan: wan1 } } });
    await using away = await startConsul({
      serverConfig: {
        datacenter: 'dc2',
        ports: { serf_wan: wan2 },
        retry_join_wan: [`127.0.0.1:${wan1}`],
        retry_interval_wan: '1s',
      },
    });
    await eventually(
      async () =>
        assert.deepEqual((await home.api.get<string[]>('/v1/catalog/datacenters')).sort(), ['dc1', 'dc2']),
      patience,
    );
    await put(home, 'a', 'passing');
    await put(away, 'ww', 'passing');
    await home.api.post('/v1/query', JSON.parse(guideFile(page, 'web-query.json')));
    const name = 'web.query.consul';
    await eventually(async () => assert.deepEqual(await dns(home).a(name), ['10.9.0.1']), patience);
    assert.deepEqual(await dns(home).ttl(name), [5]);
    await put(home, 'a', 'critical');
    await eventually(async () => assert.deepEqual(await dns(home).a(name), ['10.9.0.2']), patience);
    const { Datacenter, Failovers } = await home.api.get<{ Datacenter: string; Failovers: number }>(
      '/v1/query/web/execute',
    );
    assert.equal(Datacenter, 'dc2');
    assert.ok(Failovers > 0);
    await put(home, 'a', 'passing');
    await eventually(async () => assert.deepEqual(await dns(home).a(name), ['10.9.0.1']), patience);
  });

  test('is stored with the right on queries, and run with the right to read', async () => {
    await using consul = await startConsul({ acl: true });
    await put(consul, 'a', 'passing');
    const asToken = async (name: string, rules: string) => {
      await consul.api.put('/v1/acl/policy', { Name: name, Rules: rules });
      const { SecretID } = await consul.api.put<{ SecretID: string }>('/v1/acl/token', {
        Policies: [{ Name: name }],
      });
      return new JsonClient({ url: consul.url, headers: { 'x-consul-token': SecretID } });
    };
    const read = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
    await using owner = await asToken('owner', `query_prefix "" { policy = "write" } ${read}`);
    await using reader = await asToken('reader', read);
    await using nobody = await asToken('nobody', '');
    const query = JSON.parse(guideFile(page, 'web-query.json'));
    const denied = (error: unknown) => error instanceof HttpError && error.status === 403;
    await assert.rejects(reader.post('/v1/query', query), denied);
    await owner.post('/v1/query', query);
    const found = async (client: JsonClient) =>
      (await client.get<{ Nodes: unknown[] }>('/v1/query/web/execute')).Nodes.length;
    assert.deepEqual([await found(reader), await found(nobody)], [1, 0]);
  });
});
