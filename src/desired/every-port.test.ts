import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { endpoint, options, pod, service, slice, view } from '../../test/support/cluster-records.ts';
import type { DesiredNode } from '../model/desired-node.ts';
import type { ContainerPort } from '../model/pod.ts';
import { createClaims } from './claims.ts';
import { desiredNode } from './desired.ts';
import { mostServices } from './every-port.ts';
import { isDnsLabel } from './values.ts';

const port = (name: string, number: number, protocol = 'TCP'): ContainerPort => ({
  name,
  port: number,
  protocol,
});
const every = { service: 'web', port: '*' };

const ofPod = (ports: readonly ContainerPort[], annotations: Record<string, string> = every): DesiredNode =>
  desiredNode('n1', view({ pods: [pod({ ports, annotations })] }), options);

const registered = ({ entry }: DesiredNode): string[] =>
  [...(entry?.instances.values() ?? [])].map(({ service: name, port: number }) => `${name} ${number}`).sort();

const messages = ({ problems }: DesiredNode): string[] =>
  problems.map(({ severity, field, message }) => `${severity} ${field}: ${message}`);

describe('port "*"', () => {
  const cases: [title: string, ports: readonly ContainerPort[], services: readonly string[]][] = [
    [
      'registers each port under its name',
      [port('http', 8080), port('metrics', 9090)],
      ['web-http 8080', 'web-metrics 9090'],
    ],
    ['registers the only port by its name, too', [port('http', 8080)], ['web-http 8080']],
    ['registers the only port as the service when it has no name', [port('', 8080)], ['web 8080']],
    [
      'calls ports without a name by their numbers',
      [port('', 8080), port('', 9090), port('http', 80)],
      ['web-8080 8080', 'web-9090 9090', 'web-http 80'],
    ],
    [
      'takes a port without a name for TCP and UDP as one',
      [port('', 53, 'UDP'), port('', 53, 'TCP')],
      ['web 53'],
    ],
    [
      'takes ports with names as two, whatever their number and protocol',
      [port('dns', 53, 'UDP'), port('dns-tcp', 53, 'TCP'), port('sctp', 9, 'SCTP')],
      ['web-dns 53', 'web-dns-tcp 53', 'web-sctp 9'],
    ],
  ];
  for (const [title, ports, services] of cases) {
    test(title, () => {
      const found = ofPod(ports);
      assert.deepEqual(messages(found), []);
      assert.deepEqual(registered(found), services);
    });
  }

  test('needs a port', () => {
    assert.deepEqual(messages(ofPod([])), [
      'error port: port "*" finds no port, because the pod declares none; write its number',
    ]);
  });

  test('refuses two ports with one name', () => {
    const found = ofPod([port('http', 8080), port('http', 9090), port('metrics', 1)]);
    assert.deepEqual(registered(found), []);
    assert.deepEqual(messages(found), [
      'error port: port "*" needs a name for each port, but the pod has "http" twice, as 8080 and 9090; rename one, or list the ports in "services"',
    ]);
  });

  test('refuses a name that is too long, and registers the others', () => {
    const long = 'a'.repeat(58);
    const found = ofPod([port('http', 8080), port('metrics', 9090)], { service: long, port: '*' });
    assert.deepEqual(registered(found), [`${long}-http 8080`]);
    assert.match(
      messages(found).join(),
      /^error port: port "\*" gives the name "a+-m.*", which is not usable in DNS/,
    );
    assert.deepEqual(
      found.stale.map(({ service: name }) => name),
      [`${long}-metrics`],
      'what is registered under it stays',
    );
  });

  test('refuses more services than one object may have', () => {
    const many = Array.from({ length: mostServices + 1 }, (_, index) => port(`p${index}`, index + 1));
    assert.deepEqual(messages(ofPod(many)), [
      'error port: port "*" would create more than 64 services for the pod; choose ports',
    ]);
    const half = many.slice(0, 40);
    const twice = ofPod(half, { services: '[{service: a, port: "*"}, {service: b, port: "*"}]' });
    assert.equal(registered(twice).length, 40);
    assert.match(messages(twice).join(), /^error services\[1\]\.port: port "\*" would create more than 64/);
  });

  test('lets claims decide about the names that come out', () => {
    const claims = createClaims([{ namespaces: ['other'], services: ['web-admin'] }]);
    const ports = [port('http', 8080), port('admin', 9090)];
    const found = desiredNode('n1', view({ pods: [pod({ ports, annotations: every })] }), {
      ...options,
      claims,
    });
    assert.deepEqual(registered(found), ['web-http 8080']);
    assert.match(messages(found).join(), /service "web-admin" is claimed by namespace "other"/);
  });

  test('keeps what is registered for each port while another annotation is wrong', () => {
    const found = ofPod([port('http', 8080)], { ...every, weight: '0' });
    assert.deepEqual(
      found.stale.map(({ service: name }) => name),
      ['web'],
    );
  });

  test('sends a probe without a port to each of them', () => {
    const { entry } = ofPod([port('a', 1), port('b', 2)], { ...every, 'health-url': '/up' });
    assert.deepEqual(
      [...(entry?.instances.values() ?? [])].map(({ meta }) => meta['health_url']),
      ['http://10.0.0.1:1/up', 'http://10.0.0.1:2/up'],
    );
  });

  const ofService = (ports: readonly ContainerPort[], annotations: Record<string, string> = {}) =>
    desiredNode(
      'n1',
      view({
        pods: [pod({ annotations })],
        services: [service({ ports, annotations: { service: 'true', port: '*' } })],
        slices: [
          slice({
            ports: ports.map((each) => ({ ...each, port: each.port + 8000 })),
            endpoints: [endpoint()],
          }),
        ],
      }),
      options,
    );

  test('registers each port of a Service at the port behind it', () => {
    assert.deepEqual(registered(ofService([port('http', 80), port('admin', 90)])), [
      'search-admin 8090',
      'search-http 8080',
    ]);
    assert.deepEqual(registered(ofService([port('', 80)])), ['search 8080']);
  });

  test('leaves a name to the pod that asks for it by itself', () => {
    const both = ofService([port('http', 80), port('admin', 90)], { service: 'search-http', port: '1234' });
    assert.deepEqual(registered(both), ['search-admin 8090', 'search-http 1234']);
    const { entry } = ofService([port('http', 80)], { service: 'search', port: '*' });
    assert.deepEqual(
      [...(entry?.instances.values() ?? [])].map(({ meta, service: name }) => [name, meta['kube-service']]),
      [['search-http', undefined]],
      'the pod has a port of this name, so the Service does not register it again',
    );
  });

  test('says of a Service without endpoints what is wrong with it', () => {
    const wrong = service({ ports: [], annotations: { service: 'true', port: '*' } });
    const found = desiredNode('', view({ services: [wrong] }), options);
    assert.deepEqual(messages(found), [
      'error port: port "*" finds no port, because the Service declares none; write its number',
    ]);
  });

  test('gives every declared port one usable name, whatever the ports are', () => {
    const any = fc.record({
      name: fc.oneof(
        fc.constantFrom('', 'http', 'HTTP', 'a', '8080', 'x'.repeat(62)),
        fc.string({ unit: 'binary' }),
      ),
      port: fc.integer({ min: 1, max: 5 }),
      protocol: fc.constantFrom('TCP', 'UDP'),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), (ports) => {
        const found = ofPod(ports);
        const names = registered(found);
        assert.equal(new Set(names.map((text) => text.split(' ')[0]?.toLowerCase())).size, names.length);
        for (const text of names) assert.ok(isDnsLabel(text.split(' ')[0]!), text);
        if (messages(found).length > 0) return;
        assert.deepEqual(
          new Set(names.map((text) => Number(text.split(' ')[1]))),
          new Set(ports.map((each) => each.port)),
        );
      }),
    );
  });
});
