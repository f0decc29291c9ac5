import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkTimes, claimed, expiresAt, firstLease, type Lease, observe, released } from './lease-record.ts';

const held = (spec: Lease['spec'] = {}): Lease => ({
  metadata: { name: 'registrar', resourceVersion: '7' },
  spec: {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: '2020-01-01T00:00:00.000000Z',
    renewTime: '2020-01-01T00:00:00.000000Z',
    leaseTransitions: 3,
    ...spec,
  },
});
const claim = (identity: string) => ({ identity, durationMs: 15_000, wall: Date.UTC(2026, 0, 1) });

describe('the lease record', () => {
  test('expires a lease duration after it last changed before our eyes, whatever its times say', () => {
    const first = observe(undefined, held({ renewTime: '2099-01-01T00:00:00.000000Z' }), 1_000);
    assert.equal(expiresAt(first, 1), 16_000);
    const same = observe(first, held({ renewTime: '2099-01-01T00:00:00.000000Z' }), 9_000);
    assert.equal(expiresAt(same, 1), 16_000);
    const renewed = observe(same, held({ renewTime: '2001-01-01T00:00:00.000000Z' }), 9_000);
    assert.equal(expiresAt(renewed, 1), 24_000);
  });

  test('does not age anew when only its metadata changed', () => {
    const first = observe(undefined, held(), 1_000);
    const { changedAt } = observe(first, { ...held(), metadata: { resourceVersion: '8' } }, 5_000);
    assert.equal(changedAt, 1_000);
  });

  test("expires by the holder's duration, by ours where it names none, and at once without a holder", () => {
    assert.equal(expiresAt(observe(undefined, held({ leaseDurationSeconds: 60 }), 0), 15_000), 60_000);
    assert.equal(expiresAt(observe(undefined, held({ leaseDurationSeconds: 0 }), 0), 15_000), 15_000);
    assert.ok(expiresAt(observe(undefined, held({ holderIdentity: '' }), 5), 15_000) < 5);
    assert.ok(expiresAt(observe(undefined, {}, 5), 15_000) < 5);
  });

  test('taken over counts a transition and a new acquireTime; renewed keeps both', () => {
    const renewed = claimed(held(), claim('a')).spec;
    assert.equal(renewed?.leaseTransitions, 3);
    assert.equal(renewed?.acquireTime, '2020-01-01T00:00:00.000000Z');
    assert.equal(renewed?.renewTime, '2026-01-01T00:00:00.000000Z');
    const taken = claimed(held(), claim('b'));
    assert.equal(taken.spec?.leaseTransitions, 4);
    assert.equal(taken.spec?.acquireTime, '2026-01-01T00:00:00.000000Z');
    assert.equal(taken.metadata?.resourceVersion, '7', 'the version it replaces');
  });

  test('starts with no transition', () => {
    const lease = firstLease('registrar', 'ops', claim('a'));
    assert.equal(lease.spec?.leaseTransitions, 0);
    assert.equal(lease.spec?.holderIdentity, 'a');
    assert.deepEqual(lease.metadata, { name: 'registrar', namespace: 'ops' });
  });

  test('given back has no holder and keeps its transitions', () => {
    const { spec } = released(held(), Date.UTC(2026, 0, 1));
    assert.equal(spec?.holderIdentity, '');
    assert.equal(spec?.leaseTransitions, 3);
  });

  test('refuses times under which two could lead or one attempt would decide', () => {
    const times = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
    assert.doesNotThrow(() => checkTimes(times));
    assert.throws(() => checkTimes({ ...times, leaseDurationMs: 10_000 }), { code: 'config' });
    assert.throws(() => checkTimes({ ...times, retryPeriodMs: 8_334 }), { code: 'config' });
  });
});
