/** What is switched off costs nothing: no request, no reflector, no object in memory, no work when it changes. */
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
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Transport } from '../lib/transport.ts';
import { silentLogger } from '../logging/logger.ts';
import { KubeApi } from '../sandbox/kube/kube-api.ts';
import { ClusterStores, type ClusterStoresOptions } from './cluster-stores.ts';

const syncOff: NonNullable<ClusterStoresOptions['sync']> = {
  default: 'none',
  namespaces: {},
  serviceTypes: ['ClusterIP'],
  namespaceAnnotations: [],
};

const metadata = { name: 'web', namespace: 'default', annotations: { 'kube-registrar.io/service': 'web' } };

/** Stores of a cluster with a pod and a Service, and so many Namespaces, Ingresses, Gateways and routes. */
async function started(count: number, options: Partial<ClusterStoresOptions> = {}) {
  const clock = new VirtualClock();
  const kube = new KubeApi({ clock, random: seeded(1) });
  const inner = kube.transport();
  const requests: string[] = [];
  const transport: Transport = {
    close: () => inner.close(),
    request: (request) => {
      requests.push(`${request.method} ${request.path.replace(/\?.*/, '')}`);
      return inner.request(request);
    },
  };
  kube.store.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } });
  const putOthers = (address: string) => {
    for (let index = 0; index < count; index += 1) {
      const name = `other-${index}`;
      const asks = { service: name };
      const labels = { tick: address.replaceAll('.', '-') };
      kube.store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
      kube.store.apply({ ...ingressObject(asks, { name }), status: ingressStatus(address) });
      kube.store.apply({ ...gatewayObject({ name }), status: gatewayStatus([address]) });
      for (const kind of ['HTTPRoute', 'GRPCRoute', 'TLSRoute'] as const) {
        const parents = [{ name }];
        kube.store.apply({ ...routeObject(asks, { kind, name, parents }), status: routeStatus(parents) });
      }
    }
  };
  putOthers('203.0.113.7');
  const dirty: string[] = [];
  const stores = new ClusterStores({
    transport,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    annotationPrefix: 'kube-registrar.io/',
    onDirty: (node) => dirty.push(node),
    ...options,
  });
  const abort = new AbortController();
  const done = stores.reflectors.start(abort.signal);
  // Long enough for everything that is done at intervals.
  await clock.advance(900_000);
  const calm = { requests: [...requests], dirty: dirty.length, timers: clock.pending };
  putOthers('203.0.113.8');
  await clock.advance(10_000);
  const { routes, gateways } = stores.routeStores;
  const found = {
    requests: calm.requests.sort(),
    reflectors: stores.reflectors.status().map(({ resource }) => resource),
    timers: calm.timers,
    records:
      [...routes.values()].reduce((sum, { size }) => sum + size, 0) + gateways.size + stores.namespaces.size,
    kinds: [...routes.keys()],
    asking: [...stores.routes()].length,
    woken: dirty.length - calm.dirty,
    // With nothing added to it, a record is the one of the store and no copy.
    isCopied: stores.service('default', 'web') !== stores.services.get('default', 'web'),
  };
  abort.abort();
  await done;
  return found;
}

describe('Namespaces, Ingresses, Gateways and routes', () => {
  const usual = ['pods', 'services', 'endpointslices', 'nodes'];

  for (const [what, options] of [
    ['switched off', {}],
    ['switched off, as the configuration says it', { sync: syncOff, sources: [] }],
    ['of names only', { sync: { ...syncOff, namespaces: { exclude: ['dev'] } } }],
  ] as const) {
    test(`${what}, cost nothing however many there are`, async () => {
      const [none, many] = [await started(0, options), await started(100, options)];
      assert.deepEqual(many, none);
      assert.deepEqual(many.reflectors, usual);
      assert.deepEqual([many.records, many.kinds, many.asking, many.woken], [0, [], 0, 0]);
      assert.equal(many.isCopied, false);
      const elsewhere = many.requests.filter((each) => !usual.some((name) => each.endsWith(`/${name}`)));
      assert.deepEqual(elsewhere, []);
    });
  }

  test('each switched on, start their own reflectors and no others', async () => {
    const more = async (options: Partial<ClusterStoresOptions>) => {
      const { reflectors, records } = await started(20, options);
      return [reflectors.slice(usual.length - 1).filter((name) => name !== 'nodes'), records] as const;
    };
    assert.deepEqual(await more({ sources: ['ingresses'] }), [['ingresses'], 20]);
    const gateways = ['httproutes', 'grpcroutes', 'tlsroutes', 'gateways'];
    assert.deepEqual(await more({ sources: ['gateways'] }), [gateways, 80]);
    const reading = { ...syncOff, namespaces: { selector: 'a=b' } };
    const [names, records] = await more({ sync: reading });
    assert.deepEqual(names, ['namespaces']);
    assert.ok(records >= 20);
  });
});
