import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import type { ClientAgent } from '../sandbox/consul/client-agent.ts';

const agentMode = { registration: { mode: 'agent', agent: { ttl: '5m' } } };

/** Two nodes with an agent each, a synced operator, and a pod on each node. */
async function setUp(config: object = {}) {
  const cluster = new SmallCluster();
  const agents = {
    n1: cluster.addAgent('client-1', '10.0.0.1'),
    n2: cluster.addAgent('client-2', '10.0.0.2'),
  };
  const { clock, consul } = cluster;
  cluster.putPod('a', { service: 'web' }, { node: 'n1' });
  cluster.putPod('b', { service: 'web' }, { node: 'n2' });
  const start = () => cluster.start({ ...agentMode, ...config });
  const running = start();
  await clock.advance(10_000);
  const { outsider } = consul;
  const instances = (node = 'client-1') => outsider.services(node).filter(({ ID }) => ID !== 'consul');
  const check = (id: string, node = 'client-1') =>
    outsider.checks(node).find(({ CheckID }) => CheckID.endsWith(id));
  const idOf = (pod: string, node = 'client-1') =>
    instances(node).find(({ Meta }) => Meta?.['kube-pod'] === pod)?.ID ?? '';
  const reasons = () => running.log.map(({ fields }) => fields['reason']);
  const registrations = () => consul.stats.requests.get('PUT /v1/agent/service/register') ?? 0;
  const stop = async () => {
    await running.stop();
    assert.equal(consul.stats.blocked, 0, 'no query is left');
  };
  return {
    cluster,
    clock,
    consul,
    agents,
    running,
    start,
    instances,
    check,
    idOf,
    reasons,
    registrations,
    stop,
  };
}

async function agentRequest(agent: ClientAgent, path: string, body?: object) {
  const response = await agent.transport().request({
    method: 'PUT',
    path,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: new AbortController().signal,
  });
  assert.equal(response.status, 200);
}

describe('registration with the agents of the nodes', () => {
  test('puts an instance on the node of its agent, and no node of our own into the catalog', async () => {
    const { cluster, consul, check, instances, stop } = await setUp();
    assert.deepEqual(cluster.passing('web'), ['client-1/10.1.0.1', 'client-2/10.1.0.2']);
    assert.deepEqual(
      consul.outsider
        .nodes()
        .map(({ Node }) => Node)
        .sort(),
      ['client-1', 'client-2', 'consul'],
    );
    const [instance] = instances();
    assert.equal(instance?.Meta?.['managed-by'], 'kube-registrar');
    const readiness = check(':readiness');
    assert.deepEqual([readiness?.Type, readiness?.Status], ['ttl', 'passing']);
    await stop();
  });

  test('follows readiness within the same moment, and takes an instance out when its pod is gone', async () => {
    const { cluster, clock, check, instances, stop } = await setUp();
    cluster.putPod('a', { service: 'web' }, { node: 'n1', ready: false });
    await clock.advance(50);
    assert.equal(check(':readiness')?.Status, 'critical');
    assert.match(check(':readiness')?.Output ?? '', /probe failed/);
    cluster.putPod('a', { service: 'web' }, { node: 'n1' });
    await clock.advance(50);
    assert.deepEqual(cluster.passing('web'), ['client-1/10.1.0.1', 'client-2/10.1.0.2']);
    cluster.kube.store.delete('pods', 'default', 'a');
    await clock.advance(10_000);
    assert.deepEqual(instances(), []);
    await stop();
  });

  test('keeps every TTL from running out, without a write to the catalog', async () => {
    const { cluster, clock, consul, registrations, stop } = await setUp();
    await clock.advance(60_000);
    const [index, before] = [consul.raftIndex, registrations()];
    await clock.advance(2 * 3_600_000);
    assert.deepEqual(cluster.passing('web'), ['client-1/10.1.0.1', 'client-2/10.1.0.2']);
    assert.equal(consul.raftIndex, index);
    assert.equal(registrations(), before);
    await stop();
  });

  test('lets the TTL run out when it is gone, and makes it good when it is back', async () => {
    const { cluster, clock, running, start, check, registrations } = await setUp();
    await running.stop();
    await clock.advance(301_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.match(check(':readiness')?.Output ?? '', /^TTL expired/);
    const before = registrations();
    const again = start();
    await clock.advance(5_000);
    assert.equal(cluster.passing('web').length, 2);
    assert.equal(check(':readiness')?.Output, 'Pod is ready');
    assert.equal(registrations(), before, 'what was registered is not registered again');
    await again.stop();
  });

  test('a new process changes nothing', async () => {
    const { cluster, clock, consul, running, start, registrations } = await setUp();
    await running.stop();
    const [index, before] = [consul.raftIndex, registrations()];
    const again = start();
    await clock.advance(60_000);
    assert.equal(consul.raftIndex, index);
    assert.equal(registrations(), before);
    assert.equal(cluster.passing('web').length, 2);
    await again.stop();
  });

  test('an agent that comes back empty is filled again within two seconds', async () => {
    const { cluster, clock, agents, stop } = await setUp();
    agents.n1.stop();
    await clock.advance(500);
    agents.n1.start({ empty: true });
    await clock.advance(2_000);
    assert.deepEqual(cluster.passing('web'), ['client-1/10.1.0.1', 'client-2/10.1.0.2']);
    await stop();
  });

  test('an agent that is away delays no other, and is made good when it is back', async () => {
    const { cluster, clock, agents, reasons, check, stop } = await setUp();
    agents.n1.intercept = () => ({ kind: 'hang' });
    cluster.putPod('a', { service: 'web' }, { node: 'n1', ready: false });
    await clock.advance(60_000);
    cluster.putPod('b2', { service: 'web' }, { node: 'n2' });
    await clock.advance(50);
    assert.equal(cluster.passing('web').length, 3);
    assert.ok(reasons().includes('AgentUnavailable'));
    agents.n1.intercept = undefined;
    await clock.advance(12_000);
    assert.equal(check(':readiness')?.Status, 'critical');
    assert.ok(reasons().includes('AgentAvailable'));
    await stop();
  });

  test('an agent that is gone with its node is forgotten after an hour, and asked no more', async () => {
    const { cluster, clock, agents, running, reasons, stop } = await setUp();
    agents.n2.stop();
    cluster.kube.store.delete('pods', 'default', 'b');
    cluster.kube.store.delete('nodes', undefined, 'n2');
    await clock.advance(65 * 60_000);
    assert.ok(reasons().includes('AgentForgotten'));
    let asked = 0;
    agents.n2.intercept = () => {
      asked += 1;
      return undefined;
    };
    agents.n2.start();
    await clock.advance(20 * 60_000);
    assert.equal(asked, 0);
    assert.equal(running.operator.status().queue.depth, 0);
    await stop();
  });

  test('what others have registered with the agent is not touched', async () => {
    const { cluster, clock, agents, instances, check, stop } = await setUp();
    await agentRequest(agents.n1, '/v1/agent/service/register', {
      ID: 'foreign',
      Name: 'web',
      Port: 1,
      Check: { TTL: '100h', Status: 'passing' },
    });
    cluster.kube.store.delete('pods', 'default', 'a');
    await clock.advance(120_000);
    assert.deepEqual(
      instances().map(({ ID }) => ID),
      ['foreign'],
    );
    assert.equal(check('service:foreign')?.Status, 'passing');
    await stop();
  });

  test('what an outsider changes at the agent is repaired', async () => {
    const { clock, agents, idOf, instances, check, reasons, stop } = await setUp();
    const id = idOf('a');
    await agentRequest(agents.n1, `/v1/agent/service/deregister/${id}`);
    await clock.advance(2_000);
    assert.equal(idOf('a'), id);
    await agentRequest(agents.n1, '/v1/agent/service/register', { ID: id, Name: 'web', Port: 6 });
    await clock.advance(5_000);
    assert.deepEqual([instances()[0]?.Port, idOf('a')], [8080, id]);
    await agentRequest(agents.n1, `/v1/agent/check/fail/${id}:readiness`);
    await clock.advance(40_000);
    assert.equal(check(':readiness')?.Status, 'passing');
    assert.ok(reasons().includes('Drift'));
    await stop();
  });

  test("the agent's own checks come from annotations, and their status is the agent's", async () => {
    const { cluster, clock, consul, agents, check, idOf, stop } = await setUp();
    cluster.putPod(
      'c',
      {
        service: 'api',
        'check-http': '/healthz',
        'check-tcp': 'http',
        'check-grpc': '8080/api.v1',
        'health-url': '/status',
        'check-interval': '5s',
      },
      { node: 'n1' },
    );
    await clock.advance(1_000);
    const id = idOf('c');
    const shown = ['http', 'tcp', 'grpc', 'health-url'].map((key) => check(`${id}:${key}`));
    assert.deepEqual(
      shown.map((each) => [each?.Type, each?.Status, each?.Interval, each?.Timeout]),
      ['http', 'tcp', 'grpc', 'http'].map((type) => [type, 'passing', '5s', '1s']),
    );
    assert.match(
      shown[0]?.Notes ?? '',
      /http:\/\/10\.1\.0\.3:8080\/healthz without redirects every 5s, timeout 1s, deregister after 20s$/,
    );
    agents.n1.setCheck(`${id}:http`, 'critical', 'HTTP GET: 503');
    const index = consul.raftIndex;
    await clock.advance(50_000);
    assert.equal(check(`${id}:http`)?.Status, 'critical');
    assert.equal(consul.raftIndex, index, 'nobody argues with the agent');
    agents.n1.setCheck(`${id}:http`, 'passing');
    cluster.putPod('c', { service: 'api', 'check-http': '/other' }, { node: 'n1' });
    await clock.advance(1_000);
    assert.match(check(`${id}:http`)?.Notes ?? '', /\/other without redirects every 10s/);
    assert.equal(check(`${id}:tcp`), undefined);
    await stop();
  });

  test('what the agent removed for being critical is registered again, as critical', async () => {
    const { cluster, clock, agents, check, idOf, stop } = await setUp();
    cluster.putPod('c', { service: 'api', 'check-http': '/healthz' }, { node: 'n1' });
    await clock.advance(1_000);
    const id = idOf('c');
    agents.n1.setCheck(`${id}:http`, 'critical', '503');
    await clock.advance(50_000);
    // Consul makes 20 s a minute, and what it did is found by the next reading.
    await clock.advance(45_000);
    assert.equal(idOf('c'), id);
    assert.deepEqual(
      [check(`${id}:readiness`)?.Status, check(`${id}:http`)?.Status],
      ['passing', 'critical'],
    );
    assert.equal(check(`${id}:http`)?.Output, '');
    assert.equal(cluster.passing('api').length, 0);
    agents.n1.setCheck(`${id}:http`, 'passing', '200');
    await clock.advance(120_000);
    assert.equal(cluster.passing('api').length, 1);
    await stop();
  });

  test('maintenance is entered and left, with its reason', async () => {
    const { cluster, clock, consul, stop } = await setUp();
    cluster.putPod('a', { service: 'web', maintenance: 'disk' }, { node: 'n1' });
    await clock.advance(1_000);
    const found = consul.outsider
      .checks('client-1')
      .find(({ CheckID }) => CheckID.startsWith('_service_maintenance:'));
    assert.equal(found?.Status, 'critical');
    assert.match(found?.Notes ?? '', /^disk \(managed-by: kube-registrar\)$/);
    const index = consul.raftIndex;
    await clock.advance(60_000);
    assert.equal(consul.raftIndex, index);
    cluster.putPod('a', { service: 'web' }, { node: 'n1' });
    await clock.advance(1_000);
    assert.equal(cluster.passing('web').length, 2);
    await stop();
  });

  test('without a word to Consul under dry-run, and without removals under upsert-only', async () => {
    const dry = await setUp({ sync: { policy: 'dry-run' } });
    assert.deepEqual(dry.instances(), []);
    await dry.stop();
    const { cluster, clock, instances, stop } = await setUp({ sync: { policy: 'upsert-only' } });
    cluster.kube.store.delete('pods', 'default', 'a');
    await clock.advance(60_000);
    assert.equal(instances().length, 1);
    await stop();
  });

  test('endpoints that name no node are reported, not registered', async () => {
    const { cluster, clock, running, stop } = await setUp();
    cluster.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db', namespace: 'default', annotations: { 'kube-registrar.io/service': 'db' } },
      spec: { ports: [{ port: 5432 }] },
    });
    cluster.kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      ports: [{ port: 5432 }],
      endpoints: [{ addresses: ['10.9.0.1'] }],
    });
    await clock.advance(5_000);
    const [problem] = running.operator.status().problems;
    assert.match(problem?.message ?? '', /endpoints without a node cannot be registered/);
    await stop();
  });
});

describe('commands, where instances are with agents', () => {
  async function configFile(): Promise<string> {
    const file = join(tmpdir(), `kube-registrar-agent-mode-${process.pid}.yaml`);
    await writeFile(file, JSON.stringify(agentMode));
    return file;
  }

  test('plan and explain show what is there and what is missing; purge takes it out', async () => {
    const { cluster, clock, agents, instances, stop } = await setUp();
    const config = ['--config', await configFile()];
    assert.equal((await cluster.run(['plan', ...config])).exitCode, 0);
    const explained = await cluster.run(['explain', 'pod/a', '-n', 'default', ...config]);
    assert.match(explained.stdout, /registered as wanted/);
    await stop();
    cluster.putPod('a', { service: 'web', tags: 'x' }, { node: 'n1' });
    const planned = await cluster.run(['plan', ...config]);
    assert.equal(planned.exitCode, 2);
    assert.match(planned.stdout, /2 to change/);
    agents.n2.stop();
    const partial = await cluster.run(['plan', ...config]);
    assert.match(partial.stderr, /node kubernetes-n2 is skipped/);
    agents.n2.start();
    await clock.advance(1_000);
    cluster.kube.faults.intercept = ({ path }) =>
      path.includes('/endpointslices?') ? { kind: 'answer', status: 403 } : undefined;
    const incomplete = await cluster.run(['purge', '--yes', ...config]);
    assert.equal(incomplete.exitCode, 1);
    assert.match(incomplete.stderr, /endpointslices: may not be read/);
    assert.notDeepEqual(instances('client-1'), []);
    cluster.kube.faults.intercept = undefined;
    const purged = await cluster.run(['purge', '--yes', ...config]);
    assert.equal(purged.exitCode, 0, purged.stdout + purged.stderr);
    assert.deepEqual([instances('client-1'), instances('client-2')], [[], []]);
  });
});
