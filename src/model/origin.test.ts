import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFromKubernetes, originOf, ownerOf } from './origin.ts';

const ofPod = { 'kube-namespace': 'shop', 'kube-pod': 'web-1', 'kube-pod-uid': 'u1', 'kube-service': 'web' };

describe('origin', () => {
  test('is read from meta, with empty texts for what is not there', () => {
    assert.deepEqual(originOf({ ...ofPod, 'kube-node': 'n1', 'kube-cluster': 'demo' }), {
      ...{ namespace: 'shop', pod: 'web-1', podUid: 'u1' },
      ...{ service: 'web', route: '', gateway: '', node: 'n1', cluster: 'demo', reach: '', byDefault: '' },
    });
    assert.deepEqual(new Set(Object.values(originOf({}))), new Set(['']));
  });

  test('an instance is owned by its pod, or else by the Service, Ingress or route that asks for it', () => {
    const { 'kube-pod': _, 'kube-pod-uid': _uid, ...ofService } = ofPod;
    assert.deepEqual(ownerOf(originOf(ofPod)), { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' });
    assert.deepEqual(ownerOf(originOf(ofService)), {
      ...{ kind: 'Service', namespace: 'shop', name: 'web', uid: '' },
    });
    assert.deepEqual(ownerOf(originOf({ 'kube-namespace': 'shop', 'kube-route': 'Ingress/web' })), {
      ...{ kind: 'Ingress', namespace: 'shop', name: 'web', uid: '' },
    });
    for (const route of ['', 'Ingress', 'Ingress/', 'Ingress/a/b', 'Pod/a']) {
      assert.equal(ownerOf(originOf({ 'kube-namespace': 'shop', 'kube-route': route })), undefined, route);
    }
  });

  test('an instance comes from Kubernetes when its meta says so and names a cluster', () => {
    assert.equal(isFromKubernetes({ 'external-source': 'kubernetes', 'kube-cluster': 'demo' }), true);
    assert.equal(isFromKubernetes({ 'external-source': 'kubernetes' }), false);
    assert.equal(isFromKubernetes({ 'external-source': 'nomad', 'kube-cluster': 'demo' }), false);
  });
});
