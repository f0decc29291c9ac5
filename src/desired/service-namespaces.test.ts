import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SmallCluster } from '../../test/support/small-cluster.ts';
import { consulNodeName, serviceName } from '../model/keys.ts';
import { ServiceNamespaces } from './service-namespaces.ts';

const [n1, n2] = [consulNodeName('n1'), consulNodeName('n2')];
const placed = (service: string, namespace: string) => ({
  service: serviceName(service),
  meta: { 'kube-namespace': namespace },
});
const web = [{ service: serviceName('web') }];

describe('ServiceNamespaces', () => {
  test('says nothing while a service is of one namespace', () => {
    const namespaces = new ServiceNamespaces();
    namespaces.update(n1, [placed('web', 'a'), placed('api', 'b')]);
    namespaces.update(n2, [placed('web', 'a')]);
    namespaces.update(n1, []);
    assert.deepEqual(namespaces.remarks(web), []);
  });

  test('names both namespaces while a service is of two, on whichever nodes', () => {
    const namespaces = new ServiceNamespaces();
    namespaces.update(n1, [placed('web', 'b')]);
    namespaces.update(n2, [placed('Web', 'a')]);
    assert.deepEqual(namespaces.remarks(web), [{ service: 'web', namespaces: ['a', 'b'], takenFrom: [] }]);
    namespaces.update(n1, []);
    assert.deepEqual(namespaces.remarks(web), []);
  });

  test("says from whom a name was taken over, also when it was nobody's in between", () => {
    const namespaces = new ServiceNamespaces();
    namespaces.update(n1, [placed('web', 'a')]);
    namespaces.update(n1, []);
    namespaces.update(n2, [placed('web', 'b')]);
    assert.deepEqual(namespaces.remarks(web), [{ service: 'web', namespaces: ['b'], takenFrom: ['a'] }]);
    namespaces.update(n2, []);
    namespaces.update(n2, [placed('web', 'b')]);
    assert.deepEqual(namespaces.remarks(web), [], 'it is its own by now');
  });

  test('knows at every moment what a count of everything would give', () => {
    const instances = fc.array(fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom('a', 'b', 'c')), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('n1', 'n2', 'n3'), instances), { maxLength: 20 }),
        (updates) => {
          const namespaces = new ServiceNamespaces();
          const nodes = new Map<string, readonly (readonly [string, string])[]>();
          for (const [node, pairs] of updates) {
            nodes.set(node, pairs);
            namespaces.update(
              consulNodeName(node),
              pairs.map(([service, namespace]) => placed(service, namespace)),
            );
            for (const service of ['x', 'y']) {
              const all = [...nodes.values()]
                .flat()
                .flatMap(([name, namespace]) => (name === service ? [namespace] : []));
              const expected = [...new Set(all)].sort();
              const [remark] = namespaces.remarks([{ service: serviceName(service) }]);
              if (expected.length > 1) assert.deepEqual(remark?.namespaces, expected);
              else if (remark !== undefined)
                assert.deepEqual([remark.namespaces, remark.takenFrom.length > 0], [expected, true]);
            }
          }
        },
      ),
    );
  });
});

describe('the operator, when a name is used by two namespaces', () => {
  const told = (log: readonly { readonly fields: Readonly<Record<string, unknown>> }[]) =>
    log.flatMap(({ fields }) =>
      fields['reason'] === 'SharedServiceName'
        ? [[fields['service'], fields['namespaces'], fields['takenFrom']]]
        : [],
    );

  test('says so once, with both', async () => {
    const cluster = new SmallCluster();
    for (const [index, node] of ['n1', 'n2'].entries()) {
      cluster.putPod(`web-${index}`, { service: 'web' }, { namespace: 'a', node });
    }
    const operator = cluster.start();
    await cluster.clock.advance(1_000);
    assert.deepEqual(told(operator.log), []);
    for (const [index, node] of ['n1', 'n2'].entries()) {
      cluster.putPod(`web-${index}`, { service: 'web' }, { namespace: 'b', node });
    }
    await cluster.clock.advance(300_000);
    assert.deepEqual(told(operator.log), [['web', ['a', 'b'], []]]);
    const { stdout } = await cluster.run(['plan']);
    assert.match(stdout, /! service web has instances of namespaces a, b\n/);
    await operator.stop();
  });

  test('says whose it was when another one takes it over, also across a restart', async () => {
    const cluster = new SmallCluster();
    cluster.putPod('web', { service: 'web' }, { namespace: 'a' });
    const first = cluster.start();
    await cluster.clock.advance(1_000);
    cluster.putPod('web', {}, { namespace: 'a' });
    await cluster.clock.advance(120_000);
    cluster.putPod('web', { service: 'web' }, { namespace: 'b' });
    await cluster.clock.advance(1_000);
    assert.deepEqual(told(first.log), [['web', ['b'], ['a']]]);
    await first.stop();
    cluster.putPod('web', {}, { namespace: 'b' });
    cluster.putPod('web', { service: 'web' }, { namespace: 'c', node: 'n2' });
    const second = cluster.start();
    await cluster.clock.advance(1_000);
    assert.equal(told(second.log).length, 1);
    assert.ok(JSON.stringify(told(second.log)).includes('"b"'));
    await second.stop();
  });
});
