import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import type { ClientAgent } from '../sandbox/consul/client-agent.ts';

const node = 'kubernetes-n1';
const id = (cluster: SmallCluster, pod: string, service: string) => {
  const { uid } = (cluster.kube.store.get('pods', 'default', pod) as { metadata: { uid: string } }).metadata;
  return `default.${pod}.${uid.slice(0, 8)}.${service}.8080`;
};

/** Consul takes names and ids that differ in case only for the same, and keeps one entry for all of them. */
describe('names that differ in case only', () => {
  test('a service that is renamed from Web to web stays registered, under the same id, and passes throughout', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'Web' });
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    const services = () => cluster.consul.outsider.services(node).map(({ ID, Service }) => [ID, Service]);
    assert.deepEqual(services(), [[id(cluster, 'a', 'web'), 'Web']]);
    for (const service of ['web', 'WEB', 'web']) {
      cluster.putPod('a', { service });
      for (let step = 0; step < 100; step += 1) {
        await cluster.clock.advance(10);
        assert.equal(services().length, 1);
        assert.equal(
          cluster.passing('Web').length +
            cluster.passing(service).length +
            cluster.passing('WEB').length +
            cluster.passing('web').length >
            0,
          true,
        );
      }
      await cluster.clock.advance(200_000);
      assert.deepEqual(services(), [[id(cluster, 'a', 'web'), service]]);
    }
    const index = cluster.consul.raftIndex;
    await cluster.clock.advance(200_000);
    assert.equal(cluster.consul.raftIndex, index, 'and then nothing is written');
    await running.stop();
  });

  test('two of them for one port of a pod are a mistake, and one stays', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { services: '[{ service: Web }, { service: web }]' });
    const running = cluster.start();
    await cluster.clock.advance(200_000);
    assert.equal(cluster.passing('Web').length, 1);
    const told = running.log.filter(({ fields }) => fields['reason'] === 'InvalidAnnotation');
    assert.match(String(told[0]?.fields['message']), /is requested twice/);
    assert.equal(told.length, 1);
    await running.stop();
  });

  test('what an earlier version registered with capitals in its id is written once more, and not removed', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'Web' });
    const first = cluster.start();
    await cluster.clock.advance(10_000);
    await first.stop();
    const { outsider } = cluster.consul;
    const [{ ID: now, ...entry }] = outsider.services(node) as never as [{ ID: string }];
    const before = now.replace('.web.', '.Web.');
    outsider.putService(node, { ...entry, ID: before } as never);
    const [check] = outsider.checks(node).filter(({ ServiceID }) => ServiceID !== '');
    outsider.putCheck({ ...check!, CheckID: `${before}:readiness`, ServiceID: before });
    assert.deepEqual(
      outsider.services(node).map(({ ID }) => ID),
      [before],
    );
    const index = cluster.consul.raftIndex;
    const running = cluster.start();
    for (let step = 0; step < 200; step += 1) {
      await cluster.clock.advance(1_000);
      assert.equal(cluster.passing('Web').length, 1);
    }
    assert.equal(cluster.consul.raftIndex, index + 1);
    assert.deepEqual(
      outsider.services(node).map(({ ID }) => ID),
      [now],
    );
    cluster.putPod('a', { service: 'Web', tags: 'x' });
    await cluster.clock.advance(10_000);
    assert.deepEqual(
      outsider.services(node).map(({ Tags }) => Tags),
      [['x']],
    );
    assert.equal(cluster.passing('Web').length, 1);
    cluster.putPod('a', {});
    await cluster.clock.advance(10_000);
    assert.deepEqual(outsider.services(node), []);
    await running.stop();
  });

  test('an outsider that registers our node and instance in capitals only causes drift', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'web' });
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    const { outsider } = cluster.consul;
    const [entry] = outsider.nodes().filter(({ Node }) => Node === node);
    outsider.putNode({ ...entry!, Node: node.toUpperCase(), Address: '10.9.9.9' });
    const [web] = outsider.services(node);
    outsider.putService(node, { ...web!, ID: web!.ID.toUpperCase(), Port: 9 });
    await cluster.clock.advance(200_000);
    const [instance, ...more] = outsider.services(node);
    assert.deepEqual([instance?.ID, instance?.Port, more], [web?.ID, 8080, []]);
    assert.equal(outsider.nodes().find(({ Node }) => Node === node)?.Address, '10.0.0.1');
    await running.stop();
  });

  test('in a Service and in its pod, the pod wins', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'WEB', tags: 'own' });
    putService(cluster, { service: 'web', tags: 'service' });
    const running = cluster.start();
    await cluster.clock.advance(10_000);
    assert.deepEqual(
      cluster.consul.outsider.services(node).map(({ Service, Tags }) => [Service, Tags]),
      [['WEB', ['own']]],
    );
    await running.stop();
  });
});

describe('names that differ in case only, with agents', () => {
  const agentMode = { registration: { mode: 'agent' } };

  test('a rename leaves one instance, and it passes throughout', async () => {
    const cluster = new SmallCluster();
    cluster.addAgent('client-1', '10.0.0.1');
    cluster.putPod('a', { service: 'Web' });
    const running = cluster.start(agentMode);
    await cluster.clock.advance(10_000);
    cluster.putPod('a', { service: 'web' });
    const services = () =>
      cluster.consul.outsider.services('client-1').filter(({ Service }) => Service !== 'consul');
    for (let step = 0; step < 300; step += 1) {
      await cluster.clock.advance(1_000);
      assert.equal(services().length, 1);
    }
    assert.deepEqual(
      services().map(({ ID, Service }) => [ID, Service]),
      [[id(cluster, 'a', 'web'), 'web']],
    );
    await running.stop();
  });

  test('what an earlier version registered with capitals in its id is replaced, in both the agent and the catalog', async () => {
    const cluster = new SmallCluster();
    const agent = cluster.addAgent('client-1', '10.0.0.1');
    cluster.putPod('a', { service: 'Web' });
    const first = cluster.start(agentMode);
    await cluster.clock.advance(10_000);
    await first.stop();
    const all = await request(agent, 'GET', '/v1/agent/services');
    const [entry] = Object.values(
      JSON.parse(all) as Record<
        string,
        { ID: string; Service: string; Meta: object; Port: number; Address: string }
      >,
    );
    const { ID, Service, Meta, Port, Address } = entry!;
    await request(agent, 'PUT', `/v1/agent/service/deregister/${ID}`);
    const before = ID.replace('.web.', '.Web.');
    await request(agent, 'PUT', '/v1/agent/service/register', {
      ID: before,
      Name: Service,
      Meta,
      Port,
      Address,
    });
    await cluster.clock.advance(5_000);
    const running = cluster.start(agentMode);
    await cluster.clock.advance(60_000);
    const services = () =>
      cluster.consul.outsider.services('client-1').filter((each) => each.Service !== 'consul');
    assert.deepEqual(
      services().map((each) => each.ID),
      [ID],
    );
    assert.deepEqual(Object.keys(JSON.parse(await request(agent, 'GET', '/v1/agent/services')) as object), [
      ID,
    ]);
    await running.stop();
  });
});

async function request(
  agent: ClientAgent,
  method: 'GET' | 'PUT',
  path: string,
  body?: object,
): Promise<string> {
  const answer = await agent.transport().request({
    method,
    path,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: new AbortController().signal,
  });
  let text = '';
  for await (const chunk of answer.body) text += Buffer.from(chunk).toString();
  return text;
}

function putService(cluster: SmallCluster, annotations: Readonly<Record<string, string>>): void {
  const pod = cluster.kube.store.get('pods', 'default', 'a') as unknown as {
    metadata: { uid: string };
    status: { podIP: string };
  };
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'default',
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]),
      ),
    },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  cluster.kube.store.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: [pod.status.podIP],
        conditions: { ready: true },
        nodeName: 'n1',
        targetRef: { kind: 'Pod', name: 'a', namespace: 'default', uid: pod.metadata.uid },
      },
    ],
  });
}
