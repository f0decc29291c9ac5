import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, readiness } from '../../test/support/entries.ts';
import { gateVerdicts } from './gate-verdict.ts';

const meta = { 'kube-pod-uid': 'u1' };
const one = instance('a', { meta });
const other = instance('b', { meta });

describe('gateVerdicts()', () => {
  test('waits until every instance of the pod is there with the status it should have', () => {
    const node = desired(entry([one, other]));
    assert.equal(gateVerdicts(node, undefined)({ uid: 'u1' }), 'wait');
    assert.equal(gateVerdicts(node, observed(entry([one])))({ uid: 'u1' }), 'wait');
    const failing = { ...other, checks: [readiness('b', 'critical', 'x')] };
    assert.equal(gateVerdicts(node, observed(entry([one, failing])))({ uid: 'u1' }), 'wait');
    assert.equal(
      gateVerdicts(node, observed(entry([one, { ...other, address: '10.9.9.9' }])))({ uid: 'u1' }),
      'wait',
    );
    assert.equal(gateVerdicts(node, observed(entry([one, other])))({ uid: 'u1' }), 'registered');
  });

  test('does not wait for tags and meta, nor for other pods', () => {
    const node = desired(
      entry([{ ...one, tags: ['new'] }, instance('c', { meta: { 'kube-pod-uid': 'u2' } })]),
    );
    assert.equal(gateVerdicts(node, observed(entry([one])))({ uid: 'u1' }), 'registered');
  });

  test('a pod without wanted instances, and a node without any, want nothing', () => {
    assert.equal(gateVerdicts(desired(entry([one])), undefined)({ uid: 'u2' }), 'not-asked');
    assert.equal(gateVerdicts(desired(undefined), undefined)({ uid: 'u1' }), 'not-asked');
  });
});
