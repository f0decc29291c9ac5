import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type InstanceView, passingOf, sameView, serviceView, transitions } from './service-view.ts';

const entry = (pod: string, checks: readonly object[], owner = 'uid-1') => ({
  Node: { Node: 'demo-node-1', Meta: { 'kube-cluster-uid': owner, 'kube-node': 'node-1' } },
  Service: {
    ID: `shop.${pod}`,
    Service: 'web',
    Address: '10.0.0.1',
    Port: 8080,
    Tags: ['v1'],
    Meta: { 'kube-pod': pod, 'kube-pod-uid': `uid-of-${pod}`, 'kube-node': 'node-1' },
  },
  Checks: checks,
});
const check = (Status: string, Output: string, ServiceID = 'shop.web-1') => ({ Status, Output, ServiceID });

const instance = (pod: string, changes: Partial<InstanceView> = {}): InstanceView => ({
  service: 'web',
  id: pod,
  pod,
  podUid: pod,
  node: 'node-1',
  address: '10.0.0.1:8080',
  tags: [],
  status: 'passing',
  reason: '',
  ...changes,
});

describe('serviceView()', () => {
  test('reads an instance with its pod, its place and its tags', () => {
    const [view] = serviceView([entry('web-1', [check('passing', 'fine')])], 'uid-1');
    assert.deepEqual(view, {
      service: 'web',
      id: 'shop.web-1',
      pod: 'web-1',
      podUid: 'uid-of-web-1',
      node: 'node-1',
      address: '10.0.0.1:8080',
      tags: ['v1'],
      status: 'passing',
      reason: '',
    });
  });

  test('takes the worst check, and says when it is the one of the node', () => {
    const checks = [check('critical', 'gone', ''), check('passing', 'fine'), check('warning', 'slow')];
    const [view] = serviceView([entry('web-1', checks)], 'uid-1');
    assert.deepEqual([view?.status, view?.reason], ['critical', 'node: gone']);
  });

  test('leaves out what belongs to another cluster, and sorts by pod', () => {
    const body = [entry('web-2', []), entry('web-3', [], 'uid-2'), entry('web-1', [])];
    const pods = serviceView(body, 'uid-1').map(({ pod }) => pod);
    assert.deepEqual(pods, ['web-1', 'web-2']);
  });

  test('refuses what is no health answer', () => {
    for (const body of [undefined, {}, 'rpc error']) {
      assert.throws(() => serviceView(body, 'uid-1'), { code: 'protocol' });
    }
  });
});

describe('transitions()', () => {
  test('names who appeared, changed its status, has other data, and left', () => {
    const before = [instance('a'), instance('b'), instance('c'), instance('d')];
    const after = [
      instance('a'),
      instance('b', { status: 'critical', reason: 'probe' }),
      instance('c', { tags: ['v2'] }),
      instance('e'),
    ];
    const told = transitions(before, after).map(({ kind, instance: { pod } }) => `${pod} ${kind}`);
    assert.deepEqual(told, ['b changed', 'c edited', 'e appeared', 'd left']);
    assert.equal(sameView(before, after), false);
    assert.equal(passingOf(after), 3);
  });

  test('does not count another reason for the same status', () => {
    const before = [instance('a', { status: 'critical', reason: 'one' })];
    const after = [instance('a', { status: 'critical', reason: 'two' })];
    assert.deepEqual(transitions(before, after), []);
    assert.equal(sameView(before, after), true);
  });
});
