import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { kubeNode, options, pod, view } from '../../test/support/cluster-records.ts';
import type { KubeNodeRecord } from '../model/kube-node.ts';
import type { PodRecord } from '../model/pod.ts';
import { desiredNode } from './desired.ts';
import { consulNodeNameOf } from './node-entry.ts';

const entryOf = (nodes: readonly KubeNodeRecord[], pods: readonly PodRecord[] = [pod()], some = options) =>
  desiredNode('n1', view({ nodes, pods }), some).entry;

describe('a Consul node', () => {
  test('stands for the Kubernetes node', () => {
    const entry = entryOf([kubeNode()]);
    assert.equal(entry?.name, 'c1-n1');
    assert.equal(entry?.address, '192.168.0.1');
    assert.deepEqual(entry?.taggedAddresses, {});
    assert.deepEqual(entry?.meta, {
      'external-node': 'true',
      'external-probe': 'false',
      'kube-cluster-uid': options.clusterUid,
      'kube-node': 'n1',
      'managed-by': 'kube-registrar',
      region: 'r1',
      zone: 'z1',
    });
    assert.deepEqual(entry?.checks, [
      {
        id: 'kubernetes-node',
        name: 'Kubernetes node',
        type: 'kubernetes-node',
        status: 'passing',
        output: 'KubeletReady: kubelet is posting ready status',
      },
    ]);
  });

  for (const ready of ['False', 'Unknown'] as const) {
    test(`is critical while Ready is ${ready}`, () => {
      const gone = { ready, reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
      const [check] = entryOf([kubeNode(gone)])?.checks ?? [];
      assert.equal(check?.status, 'critical');
      assert.equal(check?.output, 'NodeStatusUnknown: Kubelet stopped posting node status.');
      const [silent] = entryOf([kubeNode({ ready, reason: '', message: '' })])?.checks ?? [];
      assert.equal(silent?.output, `Node's condition Ready is ${ready}`);
    });
  }

  test('has both families of a dual-stack node', () => {
    assert.deepEqual(entryOf([kubeNode({ internalIps: ['192.168.0.1', 'fd00:1::1'] })])?.taggedAddresses, {
      lan_ipv4: '192.168.0.1',
      lan_ipv6: 'fd00:1::1',
    });
  });

  test("has its pods' host IP and no check while the Node object is not known", () => {
    const entry = entryOf([], [pod({ hostIps: ['192.168.0.7'] })]);
    assert.equal(entry?.address, '192.168.0.7');
    assert.deepEqual(entry?.checks, []);
    assert.equal(entry?.meta['zone'], undefined);
  });

  test("has its pods' host IP and no check in namespaced mode", () => {
    const entry = entryOf([kubeNode()], [pod({ hostIps: ['192.168.0.7'] })], {
      ...options,
      namespaced: true,
    });
    assert.equal(entry?.address, '192.168.0.7');
    assert.deepEqual(entry?.checks, []);
  });

  test('has a placeholder for an address when none is known', () => {
    assert.equal(entryOf([], [pod({ hostIps: [] })])?.address, '127.0.0.1');
  });

  test('is not wanted without instances', () => {
    assert.deepEqual(desiredNode('n1', view({}), options), {
      name: 'c1-n1',
      entry: undefined,
      stale: [],
      problems: [],
    });
  });
});

describe('consulNodeNameOf()', () => {
  test('keeps dots', () =>
    assert.equal(consulNodeNameOf('ip-10-0-0-1.ec2.internal', 'c1'), 'c1-ip-10-0-0-1.ec2.internal'));

  test('never gives two nodes one name', () => {
    const name = fc.oneof(
      fc.constantFrom('', 'endpoints', 'node-endpoints', 'node-node-endpoints', 'xendpoints'),
      fc.constantFrom('kube-registrar', 'node-kube-registrar', 'x-kube-registrar'),
      fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
    );
    fc.assert(
      fc.property(name, name, (a, b) => {
        assert.equal(consulNodeNameOf(a, 'c') === consulNodeNameOf(b, 'c'), a === b);
        // The node of the operator's own entry.
        assert.notEqual(consulNodeNameOf(a, 'c'), 'c-kube-registrar');
      }),
    );
  });
});
