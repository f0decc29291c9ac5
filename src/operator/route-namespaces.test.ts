import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  gatewayObject,
  gatewayStatus,
  ingressObject,
  ingressStatus,
  routeObject,
  routeStatus,
} from '../../test/support/route-objects.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

type Texts = Readonly<Record<string, string>>;

function putNamespace(cluster: SmallCluster, name: string, labels: Texts = {}, annotations: Texts = {}) {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]);
  const metadata = { name, labels, annotations: Object.fromEntries(prefixed) };
  cluster.kube.store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata });
}

const parents = [{ name: 'edge', namespace: 'infra' }];

/** An Ingress and a route in this namespace, the latter of a Gateway in the namespace `infra`. */
function putRoutes(cluster: SmallCluster, namespace: string, name = 'web', more: Texts = {}): void {
  addresses += 1;
  cluster.kube.addNamespace(namespace);
  cluster.kube.store.apply({
    ...ingressObject({ service: `${name}-ingress`, ...more }, { name, namespace }),
    status: ingressStatus(`203.0.113.${addresses}`),
  });
  cluster.kube.store.apply({
    ...routeObject({ service: `${name}-route`, ...more }, { name, namespace, parents }),
    status: routeStatus(parents),
  });
}
let addresses = 0;

function clusterWithGateway(): SmallCluster {
  const cluster = new SmallCluster();
  cluster.kube.addNamespace('infra');
  cluster.kube.store.apply({
    ...gatewayObject({ namespace: 'infra' }),
    status: gatewayStatus(['203.0.113.9']),
  });
  return cluster;
}

const sourced = (sync: object) => ({ sync: { sources: ['ingresses', 'gateways'], ...sync } });

const registered = (cluster: SmallCluster): string[] =>
  cluster.consul.outsider
    .services('kubernetes-endpoints')
    .map(({ Service, Meta }) => `${Meta?.['kube-namespace']} ${Service}`)
    .sort();

const both = (namespace: string, name = 'web'): string[] => [
  `${namespace} ${name}-ingress`,
  `${namespace} ${name}-route`,
];

describe('sync.namespaces, for Ingresses and routes', () => {
  const rows: readonly (readonly [string, object, readonly string[]])[] = [
    ['exclude', { exclude: ['de*'] }, both('shop')],
    ['include', { include: ['shop'] }, both('shop')],
    ['exclude wins over include', { include: ['shop', 'dev'], exclude: ['dev'] }, both('shop')],
    ['selector', { selector: 'consul=yes' }, both('shop')],
  ];
  for (const [what, namespaces, expected] of rows) {
    test(`${what}: counts by their own namespace, and not by that of the Gateway`, async () => {
      const cluster = clusterWithGateway();
      putRoutes(cluster, 'shop');
      putRoutes(cluster, 'dev');
      putNamespace(cluster, 'shop', { consul: 'yes' });
      cluster.start(sourced({ namespaces }));
      await cluster.clock.advance(10_000);
      assert.deepEqual(registered(cluster), expected);
    });
  }

  test('a namespace is followed as its labels change', async () => {
    const cluster = clusterWithGateway();
    putRoutes(cluster, 'shop');
    putNamespace(cluster, 'shop', { consul: 'yes' });
    for (let more = 0; more < 15; more += 1) putRoutes(cluster, 'dev', `dev-${more}`);
    cluster.start(sourced({ namespaces: { selector: 'consul=yes' } }));
    await cluster.clock.advance(10_000);
    assert.deepEqual(registered(cluster), both('shop'));
    putNamespace(cluster, 'dev', { consul: 'yes' });
    await cluster.clock.advance(1_000);
    assert.equal(registered(cluster).length, 32);
    putNamespace(cluster, 'dev', {});
    await cluster.clock.advance(1_000);
    assert.deepEqual(registered(cluster), both('shop'), 'it was seen to leave: many go at once');
  });

  test('of a namespace that has not been read, nothing comes and nothing goes', async () => {
    const cluster = clusterWithGateway();
    const config = sourced({ namespaces: { selector: 'consul=yes' } });
    putRoutes(cluster, 'shop');
    putNamespace(cluster, 'shop', { consul: 'yes' });
    const first = cluster.start(config);
    await cluster.clock.advance(10_000);
    await first.stop();
    cluster.kube.faults.intercept = ({ path }) =>
      path.startsWith('/api/v1/namespaces?') ? { kind: 'answer', status: 403 } : undefined;
    cluster.start(config);
    putRoutes(cluster, 'shop', 'new');
    await cluster.clock.advance(60_000);
    assert.deepEqual(registered(cluster), both('shop'));
  });

  test('what a configuration leaves out that it took before is held, and goes in the end', async () => {
    const cluster = clusterWithGateway();
    for (let more = 0; more < 15; more += 1) putRoutes(cluster, 'shop', `web-${more}`);
    const first = cluster.start(sourced({}));
    await cluster.clock.advance(10_000);
    await first.stop();
    const { log, operator } = cluster.start(sourced({ namespaces: { exclude: ['shop'] } }));
    await cluster.clock.advance(60_000);
    assert.equal(registered(cluster).length, 30);
    assert.equal(operator.status().held.length, 30);
    const held = log.find(({ fields }) => fields['reason'] === 'RemovalHeld');
    assert.ok(Number(held?.fields['leftOut']) > 10);
    // Something happens in the cluster all the time: an API server without any history proves nothing.
    for (let tick = 0; tick < 180; tick += 1) {
      putNamespace(cluster, 'busy', {}, { tick: `${tick}` });
      await cluster.clock.advance(5_000);
    }
    assert.deepEqual(registered(cluster), []);
  });

  test('nothing is registered by default, and nothing that opts out', async () => {
    const cluster = clusterWithGateway();
    cluster.kube.store.apply({ ...ingressObject({}), status: ingressStatus('203.0.113.7') });
    putRoutes(cluster, 'shop', 'quiet', { service: 'false' });
    putRoutes(cluster, 'kube-system');
    for (const kind of ['services', 'pods']) {
      const running = cluster.start(
        sourced({ default: kind, serviceTypes: ['ExternalName'], labelSelector: 'a=b' }),
      );
      await cluster.clock.advance(10_000);
      // The system's namespaces are left out of the default only.
      assert.deepEqual(registered(cluster), both('kube-system'));
      await running.stop();
    }
  });

  test('the annotations of a Namespace are defaults for them, but for what is not theirs', async () => {
    const cluster = clusterWithGateway();
    putRoutes(cluster, 'shop');
    putRoutes(cluster, 'shop', 'own', { tags: 'own' });
    putNamespace(cluster, 'shop', {}, { tags: 'of-shop', 'meta.team': 'a', port: '8080', address: 'host' });
    const { operator } = cluster.start(sourced({ namespaceAnnotations: ['*'] }));
    await cluster.clock.advance(10_000);
    const found = cluster.consul.outsider
      .services('kubernetes-endpoints')
      .map(({ Service, Tags, Meta }) => `${Service} ${Tags?.join()} ${Meta?.['team']}`);
    assert.deepEqual(found.sort(), [
      'own-ingress own a',
      'own-route own a',
      'web-ingress of-shop a',
      'web-route of-shop a',
    ]);
    assert.deepEqual(operator.status().problems, []);
  });
});
