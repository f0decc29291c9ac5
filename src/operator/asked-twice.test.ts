/** A pod and the Service in front of it ask for one name: who gets it, by annotation and by default. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { putPodSlice } from '../../test/support/pod-slice.ts';
import { SmallCluster } from '../../test/support/small-cluster.ts';

type Texts = Readonly<Record<string, string>>;

const prefixed = (annotations: Texts): Texts =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`kube-registrar.io/${key}`, value]));

const podIp = '10.1.0.7';

/** A Service `web` with every address that a Service can have, and the pod `web` behind it. */
function clusterOf(pod: Texts, service: Texts): SmallCluster {
  const cluster = new SmallCluster();
  cluster.putPod('web', pod, { ip: podIp });
  cluster.kube.store.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', annotations: prefixed(service) },
    spec: {
      type: 'LoadBalancer',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
      clusterIPs: ['10.96.0.7'],
      externalIPs: ['203.0.113.5'],
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
  });
  putPodSlice(cluster);
  return cluster;
}

/** `service address:port tags` of everything in Consul, after a while. */
async function registered(cluster: SmallCluster, config: object): Promise<string[]> {
  const { operator } = cluster.start(config);
  await cluster.clock.advance(10_000);
  assert.deepEqual(operator.status().problems, []);
  const { outsider } = cluster.consul;
  return outsider
    .nodes()
    .flatMap(({ Node }) => outsider.services(Node))
    .filter(({ Service }) => Service !== 'consul')
    .map(({ Service, Address, Port, Tags }) => `${Service} ${Address}:${Port} ${Tags?.join()}`)
    .sort();
}

const ofPod = { service: 'web', tags: 'pod' };
const ofService = { service: 'web', tags: 'svc' };
const defaults = {
  none: {},
  pods: { sync: { default: 'pods' } },
  services: { sync: { default: 'services' } },
};

describe('a pod and a Service that ask for the same name', () => {
  const rows: readonly (readonly [string, Texts, Texts, object, string])[] = [
    ['both annotated: the pod', ofPod, ofService, defaults.none, 'pod'],
    ['both annotated, pods by default: the pod', ofPod, ofService, defaults.pods, 'pod'],
    ['both annotated, Services by default: the pod', ofPod, ofService, defaults.services, 'pod'],
    ['the pod annotated, Services by default: the pod', ofPod, {}, defaults.services, 'pod'],
    ['the Service annotated, pods by default: the Service', {}, ofService, defaults.pods, 'svc'],
    ['the pod by default', {}, {}, defaults.pods, ''],
    ['the Service by default', {}, {}, defaults.services, ''],
    ['the pod opts out: neither', { service: 'false' }, ofService, defaults.pods, 'none'],
    ['the Service opts out: the pod', ofPod, { service: 'false' }, defaults.services, 'pod'],
  ];
  for (const [what, pod, service, config, tags] of rows) {
    test(`are registered once, ${what}`, async () => {
      const expected = tags === 'none' ? [] : [`web ${podIp}:8080 ${tags}`];
      assert.deepEqual(await registered(clusterOf(pod, service), config), expected);
    });
  }

  const addresses: readonly (readonly [string, readonly string[]])[] = [
    ['load-balancer', ['203.0.113.7:80']],
    ['node-port', ['10.0.0.1:30080']],
    ['external-ips', ['203.0.113.5:80']],
    ['cluster-ip', ['10.96.0.7:80']],
    ['auto', ['203.0.113.5:80']],
  ];
  for (const [address, places] of addresses) {
    test(`have an instance each, once, where the Service has address ${address}`, async () => {
      const own = places.map((place) => `web ${place} svc`);
      const service = { ...ofService, address };
      for (const [pod, config, tags] of [
        [ofPod, defaults.none, 'pod'],
        [ofPod, defaults.services, 'pod'],
        [{}, defaults.pods, ''],
      ] as const) {
        const expected = [`web ${podIp}:8080 ${tags}`, ...own].sort();
        assert.deepEqual(await registered(clusterOf(pod, service), config), expected);
      }
      assert.deepEqual(await registered(clusterOf({}, service), defaults.services), own);
      const optedOut = clusterOf({ service: 'false' }, service);
      assert.deepEqual(await registered(optedOut, defaults.pods), own);
    });
  }

  test('have no more instances when both are in a list of services', async () => {
    const services = '[{service: web, tags: svc}, {service: web-lb, address: load-balancer}]';
    const cluster = clusterOf({ services: '[{service: web, tags: pod}]' }, { services });
    assert.deepEqual(await registered(cluster, defaults.pods), [
      `web ${podIp}:8080 pod`,
      'web-lb 203.0.113.7:80 ',
    ]);
  });
});
