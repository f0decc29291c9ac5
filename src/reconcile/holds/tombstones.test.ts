import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as records from '../../../test/support/cluster-records.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { createSync, serviceTypes } from '../../desired/sync-rules.ts';
import { Store } from '../../kube/store/store.ts';
import { silentLogger } from '../../logging/logger.ts';
import type { EndpointSliceRecord } from '../../model/endpoint-slice.ts';
import type { GatewayRecord } from '../../model/gateway.ts';
import type { NamespaceRecord } from '../../model/namespace.ts';
import type { PodRecord } from '../../model/pod.ts';
import type { RouteRecord } from '../../model/route.ts';
import type { ServiceRecord } from '../../model/service.ts';
import { Tombstones } from './tombstones.ts';

function start({ capacity = 100, doubtfulSince = (): number | undefined => undefined } = {}) {
  const clock = new VirtualClock();
  const pods = new Store<PodRecord>({ name: 'pods', logger: silentLogger });
  const services = new Store<ServiceRecord>({ name: 'services', logger: silentLogger });
  const endpointSlices = new Store<EndpointSliceRecord>({ name: 'endpointslices', logger: silentLogger });
  const namespaces = new Store<NamespaceRecord>({ name: 'namespaces', logger: silentLogger });
  const ingresses = new Store<RouteRecord>({ name: 'ingresses', logger: silentLogger });
  const gateways = new Store<GatewayRecord>({ name: 'gateways', logger: silentLogger });
  const book = new Tombstones({ clock, regressionMs: 1_000, doubtfulSince, capacity });
  const sync = createSync({
    default: 'services',
    namespaces: { selector: 'consul=yes' },
    serviceTypes,
    namespaceAnnotations: [],
  });
  book.follow({
    pods,
    services,
    endpointSlices,
    namespaces,
    namespaceScope: (namespace, record) => sync?.namespace(namespace, record),
    service: (namespace, name) => services.get(namespace, name),
    routeStores: { routes: new Map([['Ingress', ingresses]]), gateways },
  });
  const [pod, service, slice] = [pods.writer(), services.writer(), endpointSlices.writer()];
  return {
    ...{ clock, book, pod, service, slice, namespaces: namespaces.writer() },
    ...{ ingress: ingresses.writer(), gateway: gateways.writer() },
  };
}

const { uid, namespace, name } = records.pod();

describe('Tombstones', () => {
  test('remembers a namespace that lost its labels, until it has them again or is gone', () => {
    const { book, namespaces } = start();
    const at = (resourceVersion: string, consul: string) =>
      namespaces.put(records.namespace({ resourceVersion, labels: { consul } }), 'event', 0);
    at('1', 'no');
    at('2', 'never');
    assert.equal(book.namespaceLeft('shop'), false, 'it was never seen with them');
    at('3', 'yes');
    at('4', 'no');
    assert.equal(book.namespaceLeft('shop'), true);
    at('5', 'never');
    assert.equal(book.namespaceLeft('shop'), true);
    at('6', 'yes');
    assert.equal(book.namespaceLeft('shop'), false);
    at('7', 'no');
    namespaces.delete('', 'shop', records.namespace().uid, 0);
    assert.equal(book.namespaceLeft('shop'), false);
    at('8', 'yes');
    at('9', 'no');
    book.regress();
    assert.equal(book.namespaceLeft('shop'), false, 'another history');
  });

  test('tells an Ingress, a route and a Gateway that were deleted, until one of the name is there again', async () => {
    const { book, ingress, gateway, clock } = start();
    const [web, edge] = [records.ingress(), records.gateway()];
    ingress.put(web, 'event', 0);
    gateway.put(edge, 'event', 0);
    assert.equal(book.routeDeleted('Ingress', web.namespace, web.name), false);
    ingress.delete(web.namespace, web.name, web.uid, 0);
    gateway.delete(edge.namespace, edge.name, edge.uid, 0);
    assert.equal(book.routeDeleted('Ingress', web.namespace, web.name), true);
    assert.equal(book.routeDeleted('HTTPRoute', web.namespace, web.name), false);
    assert.equal(book.routeDeleted('Gateway', edge.namespace, edge.name), true);
    ingress.put(web, 'event', 0);
    assert.equal(book.routeDeleted('Ingress', web.namespace, web.name), false);
    await clock.advance(60_001);
    const nothing = { podUids: new Set<string>(), services: new Set<string>() };
    book.sweep({ ...nothing, routes: new Set(['Gateway/infra/edge']) });
    assert.equal(book.routeDeleted('Gateway', edge.namespace, edge.name), true);
    book.sweep({ ...nothing, routes: new Set() });
    assert.equal(book.size, 0);
    gateway.put(edge, 'event', 0);
    gateway.removeAbsent(edge, 0);
    assert.equal(book.routeDeleted('Gateway', edge.namespace, edge.name), false, 'a relist proves nothing');
  });

  test('tells a pod that was seen ending, or ended, from one that was only deleted, and from one that vanished', () => {
    const { book, pod } = start();
    pod.put(records.pod({ deleting: true }), 'event', 0);
    pod.delete(namespace, name, uid, 0);
    assert.equal(book.podEnd(uid), 'terminating');

    const only = records.pod({ uid: 'u2', name: 'b' });
    pod.put(only, 'event', 0);
    pod.delete(namespace, 'b', 'u2', 0);
    assert.equal(book.podEnd('u2'), 'deleted');

    const finished = records.pod({ uid: 'u4', name: 'd', phase: 'Succeeded' });
    pod.put(finished, 'event', 0);
    pod.delete(namespace, 'd', 'u4', 0);
    assert.equal(book.podEnd('u4'), 'finished');

    const vanished = records.pod({ uid: 'u3', name: 'c' });
    pod.put(vanished, 'event', 0);
    pod.removeAbsent(vanished, 0);
    assert.equal(book.podEnd('u3'), 'lost');
    assert.equal(book.podEnd('never seen'), undefined);
  });

  test('takes the word of an earlier record when the end itself was missed', () => {
    const { book, pod } = start();
    const ending = records.pod({ deleting: true });
    pod.put(ending, 'event', 0);
    pod.removeAbsent(ending, 0);
    assert.equal(book.podEnd(uid), 'terminating');
  });

  test('forgets the end of a pod that is there again: the whole cluster went back', () => {
    const { book, pod } = start();
    pod.put(records.pod({ deleting: true }), 'event', 0);
    pod.delete(namespace, name, uid, 0);
    pod.put(records.pod(), 'relist', 0);
    assert.equal(book.podEnd(uid), undefined);
  });

  test('believes the DELETED event of a Service, not its absence, until it is there again', () => {
    const { book, service } = start();
    const one = records.service();
    service.put(one, 'event', 0);
    service.removeAbsent(one, 0);
    assert.equal(book.serviceDeleted('shop', 'search'), false);
    service.put(one, 'event', 0);
    service.delete('shop', 'search', one.uid, 0);
    assert.equal(book.serviceDeleted('shop', 'search'), true);
    service.put(records.service({ uid: 'new' }), 'event', 0);
    assert.equal(book.serviceDeleted('shop', 'search'), false);
  });

  test('tells endpoints that left their slice from those that went with it', () => {
    const { book, service, slice } = start();
    service.put(records.service(), 'event', 0);
    const both = [
      records.endpoint(),
      records.endpoint({ podUid: 'u2', podName: 'b', addresses: ['10.0.0.2'] }),
    ];
    slice.put(records.slice({ endpoints: both }), 'event', 0);
    slice.put(records.slice({ resourceVersion: '2', endpoints: both.slice(0, 1) }), 'event', 0);
    slice.delete('shop', 'search-abcde', 'slice-uid-1', 0);
    assert.equal(book.sliceEnd('shop', 'search', 'u2'), undefined);
    assert.equal(book.sliceEnd('shop', 'search', uid), 'deleted');
    slice.put(records.slice({ name: 'search-fghij', uid: 'slice-uid-2' }), 'event', 0);
    assert.equal(book.sliceEnd('shop', 'search', uid), undefined, 'listed again');
  });

  test('learns from a slice that a pod outside the label selector ended', () => {
    const { book, service, slice } = start();
    service.put(records.service(), 'event', 0);
    slice.put(records.slice({ endpoints: [records.endpoint({ terminating: true })] }), 'event', 0);
    slice.put(records.slice({ resourceVersion: '2', endpoints: [] }), 'event', 0);
    assert.equal(book.podEnd(uid), 'terminating');
  });

  test('remembers what is registered, and the rest for a minute', async () => {
    const { book, pod, clock } = start();
    for (const part of [
      { uid: 'u1', name: 'a' },
      { uid: 'u2', name: 'b' },
    ]) {
      pod.put(records.pod({ ...part, deleting: true }), 'event', 0);
      pod.delete(namespace, part.name, part.uid, 0);
    }
    const registered = { podUids: new Set(['u1']), services: new Set<string>(), routes: new Set<string>() };
    book.sweep(registered);
    assert.equal(book.size, 2);
    await clock.advance(60_001);
    book.sweep(registered);
    assert.equal(book.size, 1);
    assert.equal(book.podEnd('u1'), 'terminating');
  });

  test('has room for so many, the oldest go first', () => {
    const { book, pod } = start({ capacity: 3 });
    for (let index = 0; index < 5; index += 1) {
      pod.put(records.pod({ uid: `u${index}`, name: `p${index}` }), 'event', 0);
      pod.delete(namespace, `p${index}`, `u${index}`, 0);
    }
    assert.equal(book.size, 3);
    assert.equal(book.podEnd('u1'), undefined);
    assert.equal(book.podEnd('u4'), 'deleted');
  });

  test('forgets what was seen of another history', () => {
    const { book, pod } = start();
    pod.put(records.pod({ uid: 'u1', deleting: true }), 'event', 0);
    pod.delete(namespace, name, 'u1', 0);
    assert.equal(book.podEnd('u1'), 'terminating');
    book.regress();
    assert.equal(book.podEnd('u1'), undefined);
  });

  test('believes what was seen before a watch was lost only once the store is found well', async () => {
    let since: number | undefined;
    const { book, pod, clock } = start({ doubtfulSince: () => since });
    for (const [uid, name] of [
      ['u1', 'a'],
      ['u2', 'b'],
    ] as const) {
      pod.put(records.pod({ uid, name, deleting: true }), 'event', 0);
    }
    pod.delete(namespace, 'a', 'u1', 0);
    await clock.advance(10);
    since = clock.now();
    pod.delete(namespace, 'b', 'u2', 0);
    assert.equal(book.regressed, true);
    assert.equal(book.podEnd('u1'), undefined);
    assert.equal(book.podEnd('u2'), 'terminating', 'that came since then');
    since = undefined;
    assert.equal(book.podEnd('u1'), 'terminating');
  });

  test('trusts states less for a while after history went back', async () => {
    const { book, clock } = start();
    assert.equal(book.regressed, false);
    book.regress();
    assert.equal(book.regressed, true);
    await clock.advance(1_000);
    assert.equal(book.regressed, false);
  });
});
