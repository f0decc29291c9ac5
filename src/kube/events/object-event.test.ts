import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kubeEvent, type ObjectEvent } from './object-event.ts';

const event: ObjectEvent = {
  regarding: { kind: 'Node', namespace: '', name: 'n1', uid: 'node-uid' },
  type: 'Warning',
  reason: 'RemovalHeld',
  action: 'Deregister',
  note: 'x'.repeat(2_000),
};
const once = { name: 'n1.1', reportingInstance: 'i'.repeat(200), count: 1, firstAt: 0, lastAt: 5_000 };

describe('kubeEvent()', () => {
  test('keeps the limits of the API, and puts an object without namespace into default', () => {
    const made = kubeEvent(event, once);
    assert.equal(made.metadata?.namespace, 'default');
    assert.equal(made.eventTime, '1970-01-01T00:00:00.000000Z');
    assert.equal(Buffer.byteLength(made.note), 1_024);
    assert.equal(made.reportingInstance.length, 128);
    assert.equal(made.series, undefined);
    assert.deepEqual(made.regarding, { ...event.regarding, apiVersion: 'v1' });
  });

  test('shows what would steer the terminal of who reads it', () => {
    const note = 'a\u001b[31m\u009bb\u202ec\u2028d';
    assert.equal(kubeEvent({ ...event, note }, once).note, 'a\\u001b[31m\\u009bb\\u202ec\\u2028d');
  });

  test('has a series from the second time on', () => {
    assert.deepEqual(kubeEvent(event, { ...once, count: 2 }).series, {
      count: 2,
      lastObservedTime: '1970-01-01T00:00:05.000000Z',
    });
  });
});
