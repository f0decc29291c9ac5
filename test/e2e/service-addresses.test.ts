/**
 * What Services are reached by, with the real controllers for slices; the status of a load balancer is written as its
 * provider would.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type HealthEntry, isPassing, readiness, states } from '../support/real/consul-reads.ts';
import { type Stage, startStage } from '../support/real/stage.ts';
import { annotations, type Namespace } from '../support/real/workloads.ts';

let stage: Stage;
let ns: Namespace;

before(async () => {
  stage = await startStage({
    registration: { literalAddresses: ['203.0.113.0/24', '*.lb.example'] },
    guard: { settle: '2s', confirm: '20s' },
    kubelet: {
      leaseMs: 1_000,
      nodes: [
        { name: 'node-0', externalAddress: '198.51.100.1' },
        { name: 'node-1', externalAddress: '198.51.100.2' },
        { name: 'node-2' },
      ],
    },
  });
  ns = await stage.namespace('shop');
});

after(() => stage?.[Symbol.asyncDispose]());

const port = { name: 'web', port: 80, targetPort: 8080 };
const path = (name: string): string => `${ns.servicesPath}/${name}`;

async function addService(name: string, fields: Record<string, string>, spec: object): Promise<void> {
  await stage.kube.api.post(ns.servicesPath, {
    metadata: { name, annotations: annotations({ service: 'true', ...fields }) },
    spec: { selector: { app: name }, ports: [port], ...spec },
  });
}

/** Null takes an annotation away. */
const annotate = (name: string, fields: Record<string, string | null>) =>
  stage.kube.api.patchAs(path(name), { metadata: { annotations: annotations(fields) } });

/** As a load balancer's controller does. */
const provide = (name: string, ingress: readonly object[]) =>
  stage.kube.api.patchAs(`${path(name)}/status`, { status: { loadBalancer: { ingress } } }, 'merge');

const addressOf = ({ Service }: HealthEntry): string => `${Service.Address}:${Service.Port}`;
const passing = (entries: readonly HealthEntry[]): string[] =>
  entries.filter(isPassing).map(addressOf).sort();

/** Waits until consumers find exactly these. */
const found = (name: string, expected: readonly string[]) =>
  stage.eventually(`${name} is at ${expected.join(', ') || 'no address'}`, async () => {
    const entries = await stage.instances(name);
    assert.deepEqual(passing(entries), [...expected].sort());
    assert.equal(entries.length, expected.length);
    return entries;
  });

/** Deploys pods without annotations of their own. */
async function deployed(name: string, replicas: number): Promise<readonly string[]> {
  await ns.deploy({ name, replicas });
  const pods = await stage.eventually(`${replicas} pods of ${name} run`, async () => {
    const mine = (await ns.pods()).filter(({ metadata }) => metadata.labels?.['app'] === name);
    assert.equal(mine.filter(({ status }) => status?.podIP !== undefined).length, replicas);
    return mine;
  });
  return pods.map(({ metadata }) => metadata.name);
}

suite('a Service of type LoadBalancer', () => {
  test('comes with its address, follows its pods, and goes with the Service', async () => {
    const pods = await deployed('balanced', 2);
    await addService('balanced', { address: 'load-balancer' }, { type: 'LoadBalancer' });
    await stage.eventually('the Service hears that it has no address yet', async () =>
      assert.ok(
        stage.operator
          .logs('RegistrationFailed')
          .some(({ service, message }) => service === 'shop/balanced' && /no address yet/.test(`${message}`)),
      ),
    );
    assert.deepEqual(await stage.instances('balanced'), []);
    await provide('balanced', [{ ip: '203.0.113.7', ipMode: 'Proxy' }, { hostname: 'lb-1.example.com' }]);
    const [first] = await found('balanced', ['203.0.113.7:80', 'lb-1.example.com:80']);
    assert.equal(first!.Node.Node, 'prod-endpoints');
    assert.equal(first!.Service.Meta['kube-address'], 'load-balancer');
    assert.equal(first!.Service.Meta['kube-ip-mode'], 'Proxy');

    for (const pod of pods) stage.kubelet.setUnready('shop', pod);
    const failed = await stage.eventually('both are critical', async () => {
      const entries = await stage.instances('balanced');
      assert.equal(entries.filter(isPassing).length, 0);
      return entries;
    });
    assert.equal(readiness(failed[0]!)?.Output, 'No endpoint of the Service is ready');
    stage.kubelet.setReady('shop', pods[0]!);
    await found('balanced', ['203.0.113.7:80', 'lb-1.example.com:80']);

    await provide('balanced', [{ ip: '203.0.113.8' }]);
    await found('balanced', ['203.0.113.8:80']);
    await stage.kube.api.delete(path('balanced'));
    await stage.gone('balanced');
  });

  test('stays when the status of too many is lost, until it is there again', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `lost-${index}`);
    const give = () =>
      Promise.all(names.map((name, index) => provide(name, [{ ip: `203.0.113.${100 + index}` }])));
    const held = () => stage.operator.metric('kube_registrar_held_operations{by="guard",kind="removal"}');
    await Promise.all(
      names.map((name) =>
        addService(name, { address: 'load-balancer' }, { type: 'LoadBalancer', selector: null }),
      ),
    );
    await give();
    for (const [index, name] of names.entries()) await found(name, [`203.0.113.${100 + index}:80`]);
    await Promise.all(names.map((name) => provide(name, [])));
    await stage.eventually('all are held', async () => assert.equal(await held(), names.length));
    for (const name of names) assert.equal((await stage.instances(name)).length, 1);
    await give();
    await stage.eventually('none is held', async () => assert.equal(await held(), 0));
    for (const name of names) assert.equal((await stage.instances(name)).length, 1);
    await Promise.all(names.map((name) => stage.kube.api.delete(path(name))));
    for (const name of names) await stage.gone(name);
  });
});

suite('a Service', () => {
  test('on node ports is on the nodes of its endpoints, or on all, with the address that is asked for', async () => {
    await deployed('ported', 1);
    const nodePort = 30_123;
    await addService(
      'ported',
      { address: 'node-port' },
      { type: 'NodePort', ports: [{ ...port, nodePort }] },
    );
    const [only] = await stage.allPassing('ported', 1);
    assert.equal(only!.Service.Port, nodePort);
    const { address } = stage.kubelet.nodes.find(({ name }) => `prod-${name}` === only!.Node.Node)!;
    assert.equal(only!.Service.Address, address);
    await annotate('ported', { 'node-port': 'nodes' });
    const all = stage.kubelet.nodes.map((node) => `${node.address}:${nodePort}`);
    await found('ported', all);
    await annotate('ported', { 'node-address': 'external-first' });
    await found('ported', [
      `198.51.100.1:${nodePort}`,
      `198.51.100.2:${nodePort}`,
      `${stage.kubelet.nodes[2]!.address}:${nodePort}`,
    ]);
    await stage.kube.api.patchAs(path('ported'), { spec: { externalTrafficPolicy: 'Local' } });
    await stage.allPassing('ported', 1);
    await ns.scale('ported', 0);
    await stage.gone('ported');
  });

  test('has its external IPs, its cluster IP, its name, or an address that the configuration allows', async () => {
    await deployed('own', 1);
    await addService('own', { address: 'external-ips' }, { externalIPs: ['198.51.100.7', '198.51.100.8'] });
    await found('own', ['198.51.100.7:80', '198.51.100.8:80']);
    await stage.kube.api.patchAs(path('own'), { spec: { externalIPs: ['198.51.100.8'] } }, 'merge');
    await found('own', ['198.51.100.8:80']);
    const { spec } = await stage.kube.api.get<{ spec: { clusterIP: string } }>(path('own'));
    await annotate('own', { address: 'cluster-ip' });
    await found('own', [`${spec.clusterIP}:80`]);
    await annotate('own', { address: 'own.lb.example' });
    await found('own', ['own.lb.example:80']);
    await annotate('own', { address: '192.0.2.1' });
    await stage.eventually('it hears that this is not allowed', async () =>
      assert.ok(
        stage.operator
          .logs('AnnotationDenied')
          .some(({ service, message }) => service === 'shop/own' && /literalAddresses/.test(`${message}`)),
      ),
    );
    await found('own', ['own.lb.example:80']);
    await stage.kube.api.delete(path('own'));
    await stage.gone('own');

    await addService('named', {}, { type: 'ExternalName', externalName: 'db.example.com', selector: null });
    await found('named', ['db.example.com:80']);
    await stage.kube.api.patchAs(path('named'), { spec: { externalName: 'db-2.example.com' } });
    await found('named', ['db-2.example.com:80']);
    await stage.kube.api.delete(path('named'));
    await stage.gone('named');
  });

  test('that is headless refuses its cluster IP, and keeps pods that are published though not ready critical', async () => {
    const [pod] = await deployed('headless', 1);
    stage.kubelet.setUnready('shop', pod!, { reason: 'Loading', message: 'the index is read' });
    await addService('headless', {}, { clusterIP: 'None', publishNotReadyAddresses: true });
    const entry = await stage.eventually('it is critical', async () => {
      const [only] = await stage.instances('headless');
      assert.ok(only !== undefined && !isPassing(only));
      return only;
    });
    assert.match(readiness(entry)!.Output, /the index is read/);
    await annotate('headless', { address: 'cluster-ip' });
    await stage.eventually('it hears that it has none', async () =>
      assert.ok(
        stage.operator
          .logs('RegistrationFailed')
          .some(({ service, message }) => service === 'shop/headless' && /is headless/.test(`${message}`)),
      ),
    );
    assert.equal((await stage.instances('headless')).length, 1, 'it stays as it was');
    stage.kubelet.setReady('shop', pod!);
    await stage.allPassing('headless', 1);
    await stage.kube.api.delete(path('headless'));
    await stage.gone('headless');
  });
});

test('a Service whose address changes is found at every moment', async () => {
  await deployed('moving', 3);
  await addService('moving', {}, { type: 'LoadBalancer', externalIPs: ['198.51.100.9'] });
  const pods = passing(await stage.allPassing('moving', 3));
  const ended = new AbortController();
  const seen: string[][] = [];
  const watching = (async () => {
    for await (const entries of states(stage.consul, 'moving', ended.signal)) seen.push(passing(entries));
  })().catch(() => ended.signal.aborted || assert.fail('the watch broke'));

  await annotate('moving', { address: 'load-balancer' });
  await stage.eventually('the Service hears that it has no address yet', async () =>
    assert.ok(
      stage.operator
        .logs('RegistrationFailed')
        .some(({ service, message }) => service === 'shop/moving' && /no address yet/.test(`${message}`)),
    ),
  );
  assert.deepEqual(passing(await stage.allPassing('moving', 3)), pods, 'a balancer without address');
  const stops: string[][] = [pods];
  const reach = async (change: () => Promise<unknown>, expected: readonly string[]) => {
    stops.push([...expected].sort());
    await change();
    await found('moving', expected);
  };
  await reach(() => provide('moving', [{ ip: '203.0.113.9' }]), ['203.0.113.9:80']);
  await reach(() => annotate('moving', { address: 'external-ips' }), ['198.51.100.9:80']);
  await reach(() => annotate('moving', { address: null }), pods);
  const { spec } = await stage.kube.api.get<{ spec: { ports: { nodePort: number }[] } }>(path('moving'));
  const nodes = stage.kubelet.nodes.map(({ address }) => `${address}:${spec.ports[0]!.nodePort}`);
  await reach(() => annotate('moving', { address: 'node-port', 'node-port': 'nodes' }), nodes);
  await reach(() => annotate('moving', { address: 'auto' }), ['198.51.100.9:80']);
  ended.abort();
  await watching;
  const hasOneOf = (list: readonly string[]) =>
    stops.some((stop) => stop.every((address) => list.includes(address)));
  assert.deepEqual(
    seen.filter((list) => !hasOneOf(list)),
    [],
  );
  assert.ok(seen.length > stops.length, 'the watch saw them come and go');
});

test('a pod and its Service that ask for one name are registered once each', async () => {
  await ns.deploy({ name: 'both', replicas: 1, annotations: { service: 'both', port: 'http' } });
  await addService('both', { address: 'pod' }, { type: 'LoadBalancer' });
  const [pod] = await stage.allPassing('both', 1);
  await annotate('both', { address: 'load-balancer' });
  await provide('both', [{ ip: '203.0.113.20' }]);
  const entries = await found('both', [addressOf(pod!), '203.0.113.20:80']);
  assert.equal(new Set(entries.map(({ Service }) => Service.ID)).size, 2);
});
