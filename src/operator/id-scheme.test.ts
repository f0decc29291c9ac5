import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import type { Transport } from '../lib/transport.ts';

const pods = 150;
const following = (ids: boolean) => ({ compatibility: { consulK8s: { enabled: true, ids } } });
const addressOf = (index: number): string => `10.1.${index >> 8}.${index & 255}`;
const addresses = Array.from({ length: pods }, (_, index) => addressOf(index));

/** A Service that consul-k8s would register, with more endpoints on a node than fit into one transaction. */
class Followed extends SmallCluster {
  /** Fewest different addresses that passed after any request to Consul. */
  fewest = Number.POSITIVE_INFINITY;

  constructor() {
    super({ through: (transport) => this.#watching(transport) });
    for (const [index, ip] of addresses.entries()) {
      this.putPod(`web-${index}`, {}, { namespace: 'shop', ip, node: index % 3 === 0 ? 'n2' : 'n1' });
    }
    this.putService(['http']);
    this.kube.store.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-a', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [
        { name: 'http', port: 8080, protocol: 'TCP' },
        { name: 'admin', port: 9090, protocol: 'TCP' },
      ],
      endpoints: addresses.map((address, index) => ({
        addresses: [address],
        nodeName: index % 3 === 0 ? 'n2' : 'n1',
        conditions: { ready: true },
        targetRef: {
          kind: 'Pod',
          namespace: 'shop',
          name: `web-${index}`,
          uid: this.kube.store.get('pods', 'shop', `web-${index}`)?.metadata?.uid,
        },
      })),
    } as never);
  }

  putService(ports: readonly string[], annotations: Readonly<Record<string, string>> = {}): void {
    this.kube.store.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop', annotations },
      spec: { ports: ports.map((name, index) => ({ name, port: 80 + index, targetPort: 8080 })) },
    } as never);
  }

  /** The ids that pass, as a set of what they are like. */
  get schemes(): Set<string> {
    const ids = this.consul.outsider
      .nodes()
      .flatMap(({ Node }) => this.consul.outsider.services(Node))
      .filter(({ Service }) => Service === 'web-shop')
      .map(({ ID }) => ID);
    assert.equal(ids.length, pods, 'nothing is there twice');
    return new Set(ids.map((id) => (/^web-shop-[0-9a-f]{12}$/.test(id) ? 'theirs' : 'ours')));
  }

  /** From now on every address passes at every moment. */
  watch(): void {
    this.fewest = Number.POSITIVE_INFINITY;
  }

  #watching(transport: Transport): Transport {
    return {
      request: async (request) => {
        try {
          return await transport.request(request);
        } finally {
          this.fewest = Math.min(this.fewest, this.#passing);
        }
      },
      close: () => transport.close(),
    };
  }

  get #passing(): number {
    return new Set(this.passing('web-shop').map((place) => place.replace(/.*\//, ''))).size;
  }
}

describe('an instance that changes its id', () => {
  test('is there at every moment, when the configuration changes the ids of all', async () => {
    const cluster = new Followed();
    let operator = cluster.start(following(true));
    await cluster.clock.advance(5_000);
    assert.deepEqual([...cluster.schemes], ['theirs']);
    for (const [ids, scheme] of [
      [false, 'ours'],
      [true, 'theirs'],
    ] as const) {
      await operator.stop();
      cluster.watch();
      operator = cluster.start(following(ids));
      await cluster.clock.advance(60_000);
      assert.deepEqual([...cluster.schemes], [scheme]);
      assert.equal(cluster.fewest, pods);
    }
    await operator.stop();
  });

  test('is there at every moment, when an annotation changes those of its Service', async () => {
    const cluster = new Followed();
    const operator = cluster.start(following(true));
    await cluster.clock.advance(5_000);
    cluster.watch();
    cluster.putService(['http'], { 'kube-registrar.io/id-scheme': 'kube-registrar' });
    await cluster.clock.advance(60_000);
    assert.deepEqual([...cluster.schemes], ['ours']);
    cluster.putService(['http']);
    await cluster.clock.advance(60_000);
    assert.deepEqual([...cluster.schemes], ['theirs']);
    assert.equal(cluster.fewest, pods);
    await operator.stop();
  });

  test('keeps its id while its port would have to be named', async () => {
    const cluster = new Followed();
    const operator = cluster.start(following(true));
    await cluster.clock.advance(5_000);
    cluster.watch();
    cluster.putService(['http', 'admin'], { 'kube-registrar.io/id-scheme': 'kube-registrar' });
    await cluster.clock.advance(60_000);
    assert.deepEqual([...cluster.schemes], ['theirs']);
    cluster.putService(['http', 'admin'], {
      'kube-registrar.io/id-scheme': 'kube-registrar',
      'kube-registrar.io/port': 'http',
    });
    await cluster.clock.advance(60_000);
    assert.deepEqual([...cluster.schemes], ['ours']);
    assert.equal(cluster.fewest, pods);
    await operator.stop();
  });
});
