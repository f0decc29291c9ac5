import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  condition,
  gatewayObject,
  gatewayStatus,
  type IngressParts,
  ingressObject,
  ingressStatus,
  type RouteParts,
  routeObject,
  routeStatus,
} from '../../test/support/route-objects.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

/** Keeps the node in Consul, whatever else goes. */
const keepNode = (cluster: SmallCluster) =>
  putIngress(cluster, ['203.0.113.99'], { name: 'stays' }, { service: 'stays' });

const sources = { sync: { sources: ['ingresses', 'gateways'] } };
const place = 'kubernetes-endpoints/';

function putIngress(
  cluster: SmallCluster,
  addresses: readonly string[],
  parts: IngressParts = {},
  annotations: Readonly<Record<string, string>> = { service: 'web' },
) {
  const object = ingressObject(annotations, parts);
  cluster.kube.store.apply({ ...object, status: ingressStatus(...addresses) });
}

function putGateway(cluster: SmallCluster, ...status: Parameters<typeof gatewayStatus>) {
  cluster.kube.store.apply({ ...gatewayObject(), status: gatewayStatus(...status) });
}

function putRoute(cluster: SmallCluster, parts: RouteParts = {}, status: object = routeStatus()) {
  cluster.kube.store.apply({ ...routeObject({ service: 'web' }, parts), status });
}

const because = (log: ReturnType<SmallCluster['start']>['log']) =>
  log.filter(({ fields }) => fields['reason'] === 'Deregistered').map(({ fields }) => fields['because']);

describe('an annotated Ingress, in the operator', () => {
  test('comes with its address, follows it, and goes with it', async () => {
    const cluster = new SmallCluster();
    keepNode(cluster);
    putIngress(cluster, []);
    const { log, operator } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.match(operator.status().problems[0]?.message ?? '', /its status has no address yet/);
    putIngress(cluster, ['203.0.113.7']);
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.7`]);
    putIngress(cluster, ['203.0.113.8']);
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.8`]);
    cluster.kube.store.delete('ingresses.networking.k8s.io', 'default', 'web');
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(because(log), ['confirmed', 'route-deleted']);
  });

  test('has tags and meta of its labels, and follows them', async () => {
    const cluster = new SmallCluster();
    const put = (track: string) => {
      const object = ingressObject({ service: 'web' });
      const metadata = { ...object.metadata, labels: { track, other: 'x' } };
      cluster.kube.store.apply({ ...object, metadata, status: ingressStatus('203.0.113.7') });
    };
    put('canary');
    const rules = { toTags: [{ label: 'track', tag: '{value}' }], toMeta: [{ label: 'track', key: 'ring' }] };
    cluster.start({ ...sources, labels: rules });
    const registered = () =>
      cluster.consul.outsider
        .services('kubernetes-endpoints')
        .map(({ Tags, Meta }) => [Tags, Meta?.['ring']]);
    await cluster.clock.advance(10_000);
    assert.deepEqual(registered(), [[['canary'], 'canary']]);
    put('stable');
    await cluster.clock.advance(1_000);
    assert.deepEqual(registered(), [[['stable'], 'stable']]);
  });

  test('is not looked at unless the configuration says so', async () => {
    const cluster = new SmallCluster();
    putIngress(cluster, ['203.0.113.7']);
    const { operator } = cluster.start();
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(
      operator.status().reflectors.map(({ resource }) => resource),
      ['pods', 'services', 'endpointslices', 'nodes'],
    );
    const { stdout } = await cluster.run(['explain', 'ingress/web', '-n', 'default']);
    assert.match(stdout, /objects of kind Ingress are not watched: sync.sources does not name ingresses/);
  });

  test('stays when a controller clears the status of many at once, and goes when it clears that of one', async () => {
    const cluster = new SmallCluster();
    const names = Array.from({ length: 12 }, (_, index) => `web-${index}`);
    const put = (name: string, ...addresses: string[]) =>
      putIngress(cluster, addresses, { name }, { service: name });
    for (const [index, name] of names.entries()) put(name, `203.0.113.${index + 1}`);
    const { log, operator } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    const [first = '', ...others] = names;
    put(first);
    await cluster.clock.advance(5_000);
    assert.deepEqual(cluster.passing(first), []);
    assert.deepEqual(because(log), ['confirmed']);
    for (const name of others) put(name);
    await cluster.clock.advance(20_000);
    assert.equal(others.filter((name) => cluster.passing(name).length === 1).length, 11);
    assert.equal(operator.status().held.filter(({ by }) => by === 'guard').length, 11);
    for (const [index, name] of names.entries()) put(name, `203.0.113.${index + 1}`);
    await cluster.clock.advance(5_000);
    assert.deepEqual(operator.status().held, []);
    assert.equal(names.filter((name) => cluster.passing(name).length === 1).length, 12);
  });

  test('that went while nobody looked is believed after a consistent read', async () => {
    const cluster = new SmallCluster();
    keepNode(cluster);
    putIngress(cluster, ['203.0.113.7']);
    const running = cluster.start(sources);
    await cluster.clock.advance(10_000);
    await running.stop();
    cluster.kube.store.delete('ingresses.networking.k8s.io', 'default', 'web');
    const { log } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(because(log), ['confirmed']);
  });

  test('goes when its source is taken out of the configuration', async () => {
    const cluster = new SmallCluster();
    putIngress(cluster, ['203.0.113.7']);
    const running = cluster.start(sources);
    await cluster.clock.advance(10_000);
    await running.stop();
    cluster.start();
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), []);
  });

  test('is explained', async () => {
    const cluster = new SmallCluster();
    putIngress(cluster, ['203.0.113.7']);
    cluster.start(sources);
    await cluster.clock.advance(10_000);
    const { stdout, exitCode } = await cluster.run(['explain', 'ing/web', '-n', 'default'], {
      environment: { KUBE_REGISTRAR_SYNC_SOURCES: 'ingresses,gateways' },
    });
    assert.match(
      stdout,
      /^Ingress default\/web\n {2}asks with its annotations:\n {4}kube-registrar\.io\/service: "web" → service web\n/,
    );
    assert.match(stdout, /web 203\.0\.113\.7:80 on node kubernetes-endpoints: registered as wanted/);
    assert.equal(exitCode, 0);
  });
});

describe('an annotated route, in the operator', () => {
  test('comes when its Gateway has accepted it, follows the Gateway, and goes with it', async () => {
    const cluster = new SmallCluster();
    putGateway(cluster, ['203.0.113.9']);
    keepNode(cluster);
    putRoute(cluster, {}, {});
    const { log } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), []);
    putRoute(cluster);
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.9`]);
    putGateway(cluster, ['203.0.113.9'], condition('Programmed', 'False', 'Pending'));
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.equal(cluster.consul.outsider.services('kubernetes-endpoints').length, 2);
    putGateway(cluster, ['203.0.113.9']);
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.9`]);
    const config = { environment: { KUBE_REGISTRAR_SYNC_SOURCES: 'gateways' } };
    const { stdout } = await cluster.run(['explain', 'gateway/edge', '-n', 'default'], config);
    assert.match(stdout, /has 203\.0\.113\.9; listeners: http \(HTTP 80\), https \(HTTPS 443\)/);
    assert.match(stdout, /web 203\.0\.113\.9:443 on node kubernetes-endpoints: registered as wanted/);
    cluster.kube.store.delete('gateways.gateway.networking.k8s.io', 'default', 'edge');
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(because(log), ['gateway-deleted']);
  });

  test('that cannot be read stays as it was, and keeps no other from being registered', async () => {
    const cluster = new SmallCluster();
    putGateway(cluster, ['203.0.113.9']);
    putRoute(cluster);
    const { log } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.9`]);
    // As a definition of the resource would allow it that is not the API's own.
    const { spec, ...wrong } = routeObject({ service: 'web' });
    cluster.kube.store.apply({
      ...wrong,
      spec: { ...spec, hostnames: [['a.example']] },
      status: routeStatus(),
    });
    putIngress(cluster, ['203.0.113.8'], { name: 'next' }, { service: 'next' });
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('next'), [`${place}203.0.113.8`]);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.9`]);
    const line = log.find(({ fields }) => fields['reason'] === 'BadObject');
    assert.equal(line?.fields['error'], 'spec.hostnames holds a list instead of text');
  });

  test('is found without a restart when the Gateway API is installed later, and delays nothing before', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('a', { service: 'pods' });
    cluster.kube.faults.intercept = ({ path }) =>
      path.includes('gateway.networking.k8s.io') ? { kind: 'answer', status: 404 } : undefined;
    const { operator, log } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.equal(cluster.passing('pods').length, 1);
    assert.deepEqual([operator.notReady(), operator.degraded()], [[], []]);
    const states = operator.status().reflectors.filter(({ state }) => state === 'not-installed');
    assert.deepEqual(
      states.map(({ resource }) => resource),
      ['httproutes', 'grpcroutes', 'tlsroutes', 'gateways'],
    );
    assert.equal(log.filter(({ fields }) => fields['reason'] === 'NotInstalled').length, 4);
    assert.equal(log.filter(({ level }) => level === 'warn' || level === 'error').length, 0);
    putGateway(cluster, ['203.0.113.9']);
    putRoute(cluster);
    putRoute(cluster, { kind: 'GRPCRoute', name: 'rpc' });
    cluster.kube.faults.intercept = undefined;
    await cluster.clock.advance(40_000);
    assert.equal(cluster.consul.outsider.services('kubernetes-endpoints').length, 2);
  });

  test('stays as it is while the Gateways may not be read, which hurts nothing else', async () => {
    const cluster = new SmallCluster();
    putGateway(cluster, ['203.0.113.9']);
    putRoute(cluster);
    putIngress(cluster, ['203.0.113.7'], {}, { service: 'ingress' });
    const first = cluster.start(sources);
    await cluster.clock.advance(10_000);
    await first.stop();
    cluster.kube.faults.intercept = ({ path }) =>
      path.includes('/gateways') ? { kind: 'answer', status: 403 } : undefined;
    const { operator } = cluster.start(sources);
    await cluster.clock.advance(10_000);
    assert.deepEqual(cluster.passing('web'), [`${place}203.0.113.9`]);
    assert.deepEqual(cluster.passing('ingress'), [`${place}203.0.113.7`]);
    assert.match(operator.degraded()[0] ?? '', /^gateways: may not be read/);
    cluster.kube.store.delete('ingresses.networking.k8s.io', 'default', 'web');
    await cluster.clock.advance(1_000);
    assert.deepEqual(cluster.passing('ingress'), []);
  });

  test('of an API that was removed while nobody looked goes after a consistent read', async () => {
    const cluster = new SmallCluster();
    keepNode(cluster);
    putGateway(cluster, ['203.0.113.9']);
    putRoute(cluster);
    const first = cluster.start(sources);
    await cluster.clock.advance(10_000);
    await first.stop();
    cluster.kube.faults.intercept = ({ path }) =>
      path.includes('gateway.networking.k8s.io') ? { kind: 'answer', status: 404 } : undefined;
    const { log } = cluster.start(sources);
    await cluster.clock.advance(20_000);
    assert.deepEqual(cluster.passing('web'), []);
    assert.deepEqual(because(log), ['confirmed']);
  });
});
