import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { endpointInstanceId, podInstanceId, podOf, serviceInstanceId } from './identity.ts';

const usual = { namespace: 'shop', name: 'web-x2x7q', uid: '1f0c9a3e-0000-4000-8000-000000000001' };

// Names that are easily mistaken for one another when they are joined.
const label = fc.constantFrom('a', 'b', 'a-b', 'a-a', '1f0c9a3e', '10-0-0-1');
const subdomain = fc.constantFrom('a', 'a.b', 'a.b.a', 'a-b.a', 'b.1f0c9a3e', '1f0c9a3e.a');
const start = fc.constantFrom('1f0c9a3e', '00000000', 'abcdefab');
const port = fc.constantFrom(1, 11, 80);

describe('instance ids', () => {
  test('are the same for ever', () => {
    assert.equal(podInstanceId(usual, 'web', 8080), 'shop.web-x2x7q.1f0c9a3e.web.8080');
    const endpoint = { namespace: 'shop', service: 'db', address: '10.0.0.7' };
    assert.equal(endpointInstanceId(endpoint, 'sql', 5432), 'shop.db.10-0-0-7.sql.5432');
    assert.equal(endpointInstanceId({ ...endpoint, address: 'fd00::7' }, 'sql', 1), 'shop.db.fd00--7.sql.1');
  });

  test('of what a Service is reached by are those of an endpoint with the address, or name their node', () => {
    const place = { namespace: 'shop', service: 'db', node: '', address: '10.0.0.7' };
    assert.equal(serviceInstanceId(place, 'sql', 5432), endpointInstanceId(place, 'sql', 5432));
    assert.equal(
      serviceInstanceId({ ...place, node: 'ip-1.ec2.internal' }, 'sql', 30_000),
      'shop.db.ip-1.ec2.internal.10-0-0-7.sql.30000',
    );
    assert.equal(
      serviceInstanceId({ ...place, address: 'lb-1.example' }, 'sql', 1),
      'shop.db.h-lb--1-example.sql.1',
    );
  });

  test('of what a Service is reached by differ as soon as one part does, and from those of pods', () => {
    const address = fc.constantFrom(
      '10.0.0.1',
      'fd00::1',
      'a.b',
      'a-b',
      'a--b',
      'a',
      '-a.b',
      'a_b',
      '1f0c9a3e',
    );
    const node = fc.constantFrom('', 'a', 'a.b', 'a.1f0c9a3e', '10-0-0-1', 'x.10-0-0-1');
    const parts = fc.tuple(label, label, node, address, label, port);
    const id = ([namespace, service, on, host, name, number]: [
      string,
      string,
      string,
      string,
      string,
      number,
    ]) => serviceInstanceId({ namespace, service, node: on, address: host }, name, number);
    const pods = fc.tuple(label, subdomain, start, label, port);
    fc.assert(
      fc.property(parts, parts, pods, (a, b, [namespace, name, uid, service, number]) => {
        assert.equal(id(a) === id(b), JSON.stringify(a) === JSON.stringify(b));
        const pod = { namespace, name, uid: `${uid}-0000-4000-8000-000000000000` };
        assert.notEqual(id(a), podInstanceId(pod, service, number));
        assert.match(id(a), /^[a-z0-9.-]+$/);
      }),
      { numRuns: 5_000 },
    );
  });

  test('give back the pod, and none for an endpoint without one', () => {
    fc.assert(
      fc.property(label, subdomain, start, label, port, (namespace, name, uid, service, number) => {
        assert.equal(podOf(podInstanceId({ namespace, name, uid }, service, number)), `${namespace}/${name}`);
      }),
    );
    const odd = podInstanceId({ namespace: 'shop', name: 'web', uid: 'no uuid' }, 'web', 1);
    assert.equal(podOf(odd), 'shop/web');
    const endpoint = { namespace: 'shop', service: 'db' };
    for (const address of ['10.0.0.7', 'fd00::7', '::1']) {
      assert.equal(podOf(endpointInstanceId({ ...endpoint, address }, 'sql', 5432)), undefined);
    }
    for (const address of ['10.0.0.7', 'lb-1.example', 'deadbeef']) {
      const place = { ...endpoint, node: 'n.1f0c9a3e', address };
      assert.equal(podOf(serviceInstanceId(place, 'sql', 5432)), undefined);
    }
  });

  test('tell a recreated StatefulSet pod from its predecessor', () => {
    const again = { ...usual, uid: '2f0c9a3e-0000-4000-8000-000000000001' };
    assert.notEqual(podInstanceId(again, 'web', 80), podInstanceId(usual, 'web', 80));
  });

  test('of pods differ as soon as one part does', () => {
    const parts = fc.tuple(label, subdomain, start, label, port);
    const id = ([namespace, name, uid, service, number]: [string, string, string, string, number]) =>
      podInstanceId({ namespace, name, uid: `${uid}-0000-4000-8000-000000000000` }, service, number);
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        assert.equal(id(a) === id(b), JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 5_000 },
    );
  });

  test('of endpoints differ from those of pods and from each other', () => {
    const address = fc.constantFrom('10.0.0.1', '10.0.0.11', 'fd00::1', '::', 'fd00:1::');
    const parts = fc.tuple(label, label, address, label, port);
    const pods = fc.tuple(label, subdomain, start, label, port);
    fc.assert(
      fc.property(parts, parts, pods, (a, b, [namespace, name, uid, service, number]) => {
        const id = ([ns, kube, ip, of, at]: typeof a) =>
          endpointInstanceId({ namespace: ns, service: kube, address: ip }, of, at);
        assert.equal(id(a) === id(b), JSON.stringify(a) === JSON.stringify(b));
        assert.notEqual(id(a), podInstanceId({ namespace, name, uid }, service, number));
      }),
      { numRuns: 5_000 },
    );
  });

  test('are safe in URLs whatever the names are', () => {
    const any = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(any, any, any, (namespace, name, uid) => {
        assert.match(podInstanceId({ namespace, name, uid }, 'web', 80), /^[A-Za-z0-9.-]+$/);
        const endpoint = { namespace, service: name, address: uid };
        assert.match(endpointInstanceId(endpoint, 'web', 80), /^[A-Za-z0-9.-]+$/);
      }),
    );
  });
});
