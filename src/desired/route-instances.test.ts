import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  gateway,
  httpRoute,
  ingress,
  listener,
  options,
  parent,
  view,
} from '../../test/support/cluster-records.ts';
import type { GatewayRecord } from '../model/gateway.ts';
import type { Instance } from '../model/instance.ts';
import type { RouteRecord } from '../model/route.ts';
import { createClaims } from './claims.ts';
import { desiredNode } from './desired.ts';
import type { DesiredOptions } from './options.ts';

function desired(
  routes: readonly RouteRecord[],
  gateways: readonly GatewayRecord[] = [],
  more: Partial<DesiredOptions> = {},
) {
  const { entry, problems, stale } = desiredNode('', view({ routes, gateways }), { ...options, ...more });
  return { instances: [...(entry?.instances.values() ?? [])], problems, stale };
}

const places = (instances: readonly Instance[]): string[] =>
  instances.map(({ service, address, port }) => `${service} ${address} ${port}`).sort();
const messages = ({ problems }: ReturnType<typeof desired>): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);
const hosts = (instances: readonly Instance[]) =>
  Object.fromEntries(instances.map(({ port, meta }) => [port, meta['kube-hosts']]));

describe('an annotated Ingress', () => {
  test('is registered with the address of its status, its hosts and its paths', () => {
    const { instances, problems } = desired([
      ingress({ hosts: ['shop.example', 'www.shop.example'], paths: ['/', '/a,b c'] }),
    ]);
    assert.deepEqual(problems, []);
    const [instance] = instances;
    assert.deepEqual(places(instances), ['web 203.0.113.7 80']);
    assert.equal(instance?.id, 'shop.web.ingress-203-0-113-7.web.80');
    assert.deepEqual(instance.meta, {
      'external-source': 'kubernetes',
      'kube-cluster': 'c1',
      'kube-hosts': 'shop.example,www.shop.example',
      'kube-namespace': 'shop',
      'kube-paths': '/,/a%2Cb%20c',
      'kube-route': 'Ingress/web',
    });
    assert.deepEqual(
      instance.checks.map(({ status, output }) => [status, output]),
      [['passing', 'Ingress has an address']],
    );
  });

  test('is reached at port 443 where it has TLS, and at 80 for the hosts that have none', () => {
    const all = ingress({ hosts: ['a.example', 'b.example'], tlsHosts: ['*.example'] });
    assert.deepEqual(places(desired([all]).instances), ['web 203.0.113.7 443']);
    const some = ingress({ hosts: ['a.example', 'b.example'], tlsHosts: ['a.example'] });
    assert.deepEqual(hosts(desired([some]).instances), { 443: 'a.example', 80: 'b.example' });
    const every = ingress({ hosts: [], tlsHosts: [''] });
    assert.deepEqual(places(desired([every]).instances), ['web 203.0.113.7 443']);
  });

  test('is reached at the port that is asked for, if it has it', () => {
    const secure = { tlsHosts: ['shop.example'] };
    const plain = ingress({ ...secure, annotations: { service: 'web', port: 'http' } });
    assert.deepEqual(places(desired([plain]).instances), ['web 203.0.113.7 80']);
    const other = ingress({ annotations: { service: 'web', port: '8443' } });
    assert.deepEqual(messages(desired([other])), [
      'error port: port "8443" is not one by which it is reached; it has "http" (80)',
    ]);
    const list = `[{service: web, port: https}, {service: web-plain, port: 80}]`;
    const both = ingress({ ...secure, annotations: { services: list } });
    assert.deepEqual(places(desired([both]).instances), ['web 203.0.113.7 443', 'web-plain 203.0.113.7 80']);
  });

  test('has an instance for each address, host names among them, with ids that never meet', () => {
    const addresses = ['2001:db8::7', 'a.b.lb.example', 'a-b.lb.example'];
    const { instances } = desired([ingress({ addresses })]);
    assert.deepEqual(places(instances), [
      'web 2001:db8::7 80',
      'web a-b.lb.example 80',
      'web a.b.lb.example 80',
    ]);
    assert.equal(new Set(instances.map(({ id }) => id)).size, 3);
  });

  test('is not registered before it has an address, and says so', () => {
    const none = desired([ingress({ addresses: [] })]);
    assert.deepEqual(none.instances, []);
    assert.deepEqual(messages(none), [
      'error : its status has no address yet; it is registered as soon as its controller writes one',
    ]);
    assert.deepEqual(none.problems[0]?.object.kind, 'Ingress');
  });

  test('is never registered with an address that is special to whoever reads it', () => {
    const found = desired([ingress({ addresses: ['localhost', '169.254.169.254', '203.0.113.7'] })]);
    assert.deepEqual(places(found.instances), ['web 203.0.113.7 80']);
    assert.deepEqual(messages(found), [
      'warning : its status: "169.254.169.254" is a link-local address, where metadata services are, which is never registered',
      'warning : its status: "localhost" is a name of the loopback address, which is never registered',
    ]);
  });

  test('takes "true" as its name, and is left out with "false"', () => {
    assert.deepEqual(places(desired([ingress({ annotations: { service: 'true' } })]).instances), [
      'web 203.0.113.7 80',
    ]);
    assert.deepEqual(desired([ingress({ addresses: [], annotations: { service: 'false' } })]).problems, []);
  });

  test('is subject to the claims of its namespace, and keeps what is registered while it is wrong', () => {
    const claims = createClaims([{ namespaces: ['infra'], services: ['web'] }]);
    const { instances, problems, stale } = desired([ingress()], [], { claims });
    assert.deepEqual(instances, []);
    assert.equal(problems[0]?.reason, 'ServiceNameDenied');
    assert.deepEqual(stale, [
      {
        namespace: 'shop',
        podUid: '',
        kubeService: '',
        route: 'Ingress/web',
        service: 'web',
        check: undefined,
      },
    ]);
  });

  test('refuses an address that only pods have', () => {
    assert.deepEqual(messages(desired([ingress({ annotations: { service: 'web', address: 'host' } })])), [
      'error address: address "host" is not for Ingress: it has the address of its status; leave it out',
    ]);
  });

  test('drains while it is being deleted', () => {
    const status = (annotations: object) =>
      desired([
        ingress({ deleting: true, annotations: { service: 'web', ...annotations } }),
      ]).instances.flatMap(({ checks }) => checks.map((check) => check.status));
    assert.deepEqual(status({}), ['critical']);
    assert.deepEqual(status({ drain: 'warning' }), ['warning']);
    assert.deepEqual(status({ drain: 'deregister' }), []);
  });

  test('cannot be registered with an agent', () => {
    const found = desired([ingress()], [], { agents: { ttlMs: 1 } });
    assert.deepEqual(found.instances, []);
    assert.match(
      messages(found)[0] ?? '',
      /an object of kind Ingress is on no node, so no agent can register it/,
    );
  });
});

describe('an annotated route', () => {
  test('is registered with the address of the Gateway that has accepted it', () => {
    const { instances, problems } = desired([httpRoute()], [gateway()]);
    assert.deepEqual(problems, []);
    assert.deepEqual(places(instances), ['web 203.0.113.9 443']);
    const [instance] = instances;
    assert.equal(instance?.id, 'shop.web.httproute-203-0-113-9.web.443');
    assert.equal(instance.meta['kube-gateway'], 'infra/edge');
    assert.equal(instance.checks[0]?.output, 'Gateway infra/edge is programmed');
  });

  test('is not registered through a Gateway that has not accepted it, that is not there, or that has no address', () => {
    const refused = httpRoute({
      parents: [parent({ accepted: false, message: 'NotAllowedByListeners' }), parent({ name: 'gone' })],
    });
    const found = desired([refused], [gateway()]);
    assert.deepEqual(found.instances, []);
    assert.deepEqual(messages(found), [
      'error : Gateway infra/edge has not accepted it (NotAllowedByListeners)',
      'error : Gateway infra/gone does not exist, or kube-registrar may not read it',
    ]);
    const bare = desired([httpRoute()], [gateway({ addresses: [] })]);
    assert.deepEqual(messages(bare), [
      'error : Gateway infra/edge has no address in its status yet; the route is registered as soon as it has one',
    ]);
    const confined = desired([httpRoute()], [], { namespaced: true });
    assert.match(messages(confined)[0] ?? '', /kubernetes.namespaces must include its namespace as well$/);
  });

  test('takes the listeners that it can be attached to: by name, port, protocol, kind, host and namespace', () => {
    const ports = (route: Partial<RouteRecord>, ...listeners: Parameters<typeof listener>[0][]) =>
      desired([httpRoute(route)], [gateway({ listeners: listeners.map(listener) })]).instances.map(
        ({ port }) => port,
      );
    const two = [{}, { name: 'other', port: 8443 }];
    assert.deepEqual(ports({ parents: [parent({ listener: 'other' })] }, ...two), [8443]);
    assert.deepEqual(ports({ parents: [parent({ port: 443 })] }, ...two), [443]);
    assert.deepEqual(ports({}, {}, { name: 'tls', port: 9443, protocol: 'TLS' }), [443]);
    assert.deepEqual(ports({ kind: 'TLSRoute' }, {}, { name: 'tls', port: 9443, protocol: 'TLS' }), [9443]);
    assert.deepEqual(ports({}, {}, { name: 'grpc', port: 9443, kinds: ['GRPCRoute'] }), [443]);
    assert.deepEqual(ports({}, {}, { name: 'other', port: 9443, hostname: '*.other.example' }), [443]);
    assert.deepEqual(ports({}, {}, { name: 'own', port: 9443, ownNamespaceOnly: true }), [443]);
  });

  test('names the hosts that it shares with the listener', () => {
    const on = (hostname: string, own: readonly string[]) =>
      hosts(
        desired([httpRoute({ hosts: own })], [gateway({ listeners: [listener({ hostname })] })]).instances,
      );
    assert.deepEqual(on('*.example', ['a.example', 'b.other']), { 443: 'a.example' });
    assert.deepEqual(on('a.example', ['*.example']), { 443: 'a.example' });
    assert.deepEqual(on('a.example', []), { 443: 'a.example' });
    assert.deepEqual(on('', []), { 443: undefined });
  });

  test('leaves a listener without TLS alone where one with TLS serves the same host, unless it is asked for', () => {
    const edge = gateway({ listeners: [listener(), listener({ name: 'http', port: 80, protocol: 'HTTP' })] });
    assert.deepEqual(places(desired([httpRoute()], [edge]).instances), ['web 203.0.113.9 443']);
    const asked = httpRoute({ annotations: { service: 'web', port: 'http' } });
    assert.deepEqual(places(desired([asked], [edge]).instances), ['web 203.0.113.9 80']);
  });

  test('is critical while its Gateway or listener is not programmed, with the reason', () => {
    const failed = { status: 'False', reason: 'Pending', message: 'no data plane' } as const;
    const output = (edge: GatewayRecord) =>
      desired([httpRoute()], [edge]).instances.flatMap(({ checks }) =>
        checks.map((check) => `${check.status}: ${check.output}`),
      );
    assert.deepEqual(output(gateway({ programmed: failed })), [
      'critical: Gateway infra/edge is not programmed: Pending: no data plane',
    ]);
    assert.deepEqual(output(gateway({ listeners: [listener({ programmed: failed })] })), [
      'critical: Listener https of Gateway infra/edge is not programmed: Pending: no data plane',
    ]);
    assert.deepEqual(output(gateway({ programmed: { status: 'Unknown', reason: '', message: '' } })), [
      'critical: Gateway infra/edge is not programmed yet',
    ]);
  });

  test('is computed again when its Gateway changes, and not otherwise', () => {
    const route = httpRoute();
    const before = desired([route], [gateway()]);
    const after = desired([route], [gateway({ addresses: ['203.0.113.10'] })]);
    assert.deepEqual(places(before.instances), ['web 203.0.113.9 443']);
    assert.deepEqual(places(after.instances), ['web 203.0.113.10 443']);
  });

  test('has at most 64 addresses and ports', () => {
    const addresses = Array.from({ length: 64 }, (_, index) => `203.0.113.${index}`);
    const listeners = Array.from({ length: 64 }, (_, index) =>
      listener({ name: `l${index}`, port: 1_000 + index }),
    );
    const found = desired([httpRoute()], [gateway({ addresses, listeners })]);
    assert.equal(found.instances.length, 64);
    assert.deepEqual(messages(found), [
      'warning : it has more than 64 addresses and ports; the others are ignored',
    ]);
  });
});
