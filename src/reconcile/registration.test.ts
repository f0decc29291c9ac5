import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, readiness } from '../../test/support/entries.ts';
import { registrations } from './registration.ts';

const meta = { 'kube-pod-uid': 'u1' };
const one = instance('a', { meta });
const other = instance('b', { meta });

describe('registrations()', () => {
  test('waits until every instance of the pod is there with the status it should have', () => {
    const node = desired(entry([one, other]));
    assert.equal(registrations(node, undefined)('u1'), 'waiting');
    assert.equal(registrations(node, observed(entry([one])))('u1'), 'waiting');
    const failing = { ...other, checks: [readiness('b', 'critical', 'x')] };
    assert.equal(registrations(node, observed(entry([one, failing])))('u1'), 'waiting');
    assert.equal(
      registrations(node, observed(entry([one, { ...other, address: '10.9.9.9' }])))('u1'),
      'waiting',
    );
    assert.equal(registrations(node, observed(entry([one, other])))('u1'), 'committed');
  });

  test('does not wait for tags and meta, nor for other pods', () => {
    const node = desired(
      entry([{ ...one, tags: ['new'] }, instance('c', { meta: { 'kube-pod-uid': 'u2' } })]),
    );
    assert.equal(registrations(node, observed(entry([one])))('u1'), 'committed');
  });

  test('a pod without wanted instances, and a node without any, want nothing', () => {
    assert.equal(registrations(desired(entry([one])), undefined)('u2'), 'unwanted');
    assert.equal(registrations(desired(undefined), undefined)('u1'), 'unwanted');
  });
});
