import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeObject, routeStatus } from '../../test/support/route-objects.ts';
import { seeded } from '../../test/support/seeded-random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Transport } from '../lib/transport.ts';
import { silentLogger } from '../logging/logger.ts';
import { KubeApi } from '../sandbox/kube/kube-api.ts';
import { ClusterStores } from './cluster-stores.ts';
import { ConsistentReads } from './consistent-reads.ts';

/** An API server that serves TLSRoutes in one version only. */
function start(served: () => string) {
  const clock = new VirtualClock();
  const kube = new KubeApi({ clock, random: seeded(1) });
  const inner = kube.transport();
  const asked: string[] = [];
  const transport: Transport = {
    close: () => inner.close(),
    request: (request) => {
      const version = /^\/apis\/gateway\.networking\.k8s\.io\/([^/]+)\/(?:.*\/)?tlsroutes/.exec(
        request.path,
      )?.[1];
      if (version === undefined) return inner.request(request);
      asked.push(version);
      const path = request.path.replace(version, version === served() ? 'v1' : 'v0');
      return inner.request({ ...request, path });
    },
  };
  const dirty: string[] = [];
  const stores = new ClusterStores({
    transport,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    annotationPrefix: 'kube-registrar.io/',
    sources: ['gateways'],
    onDirty: (node) => dirty.push(node),
  });
  const reads = new ConsistentReads({
    transport,
    clock,
    view: stores,
    namespaces: [],
    sources: ['gateways'],
  });
  return { clock, kube, stores, reads, asked, dirty };
}

const route = () => ({ ...routeObject({ service: 'web' }, { kind: 'TLSRoute' }), status: routeStatus() });
const ref = { kind: 'TLSRoute', namespace: 'default', name: 'web' } as const;
const subject = { kind: 'route', route: 'TLSRoute', namespace: 'default', name: 'web' } as const;

test('TLSRoutes are read in the version that the API server serves, also when it serves another later', async () => {
  let served = 'v1alpha2';
  const { clock, kube, stores, reads, asked, dirty } = start(() => served);
  kube.store.apply(route());
  const abort = new AbortController();
  const done = stores.reflectors.start(abort.signal);
  await clock.advance(1_000);
  assert.deepEqual(asked.slice(0, 3), ['v1', 'v1alpha3', 'v1alpha2']);
  assert.equal(stores.route(ref)?.parents[0]?.accepted, true);
  assert.deepEqual([...stores.routes()], [stores.route(ref)]);
  assert.ok(dirty.includes(''));
  assert.deepEqual(stores.reflectors.pending, []);
  assert.deepEqual(await reads.at(subject, abort.signal), { kind: 'unchanged' });

  served = 'v1';
  kube.faults.cutWatches('end');
  await clock.advance(5_000);
  assert.equal(asked.at(-1), 'v1');
  kube.store.delete('tlsroutes.gateway.networking.k8s.io', 'default', 'web');
  await clock.advance(1_000);
  assert.equal(stores.route(ref), undefined);
  assert.deepEqual([...stores.routes()], []);
  assert.deepEqual(await reads.at(subject, abort.signal), { kind: 'absent' });
  abort.abort();
  await done;
});

test('what is served in no version is not installed, so that nothing of it can be there', async () => {
  const { clock, stores, reads } = start(() => 'none');
  const abort = new AbortController();
  const done = stores.reflectors.start(abort.signal);
  await clock.advance(1_000);
  const found = stores.reflectors.status().find(({ resource }) => resource === 'tlsroutes');
  assert.equal(found?.notInstalled, true);
  assert.deepEqual([stores.reflectors.pending, stores.reflectors.unread], [[], []]);
  assert.deepEqual(await reads.at(subject, abort.signal), { kind: 'absent' });
  await clock.advance(600_000);
  assert.equal(stores.reflectors.doubtfulSince, undefined);
  abort.abort();
  await done;
});

test('a change that no record holds marks nothing', async () => {
  const { clock, kube, stores, dirty } = start(() => 'v1');
  kube.store.apply(route());
  const abort = new AbortController();
  const done = stores.reflectors.start(abort.signal);
  await clock.advance(1_000);
  const [record] = stores.routes();
  dirty.length = 0;
  kube.store.apply({ ...route(), spec: { ...route().spec, rules: [] } });
  await clock.advance(1_000);
  assert.deepEqual([dirty, [...stores.routes()]], [[], [record]]);
  abort.abort();
  await done;
});
