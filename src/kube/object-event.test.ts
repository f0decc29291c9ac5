import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cutToBytes, kubeEvent, type ObjectEvent } from './object-event.ts';

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

  test('has a series from the second time on', () => {
    assert.deepEqual(kubeEvent(event, { ...once, count: 2 }).series, {
      count: 2,
      lastObservedTime: '1970-01-01T00:00:05.000000Z',
    });
  });
});

describe('cutToBytes()', () => {
  test('never exceeds the limit nor cuts a character, and leaves alone what fits', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 3, max: 40 }),
        (text, limit) => {
          const cut = cutToBytes(text, limit);
          assert.ok(Buffer.byteLength(cut) <= limit);
          if (Buffer.byteLength(text) <= limit) assert.equal(cut, text);
          else assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)));
        },
      ),
    );
  });
});
