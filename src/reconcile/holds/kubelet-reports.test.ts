import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KubeletReports } from './kubelet-reports.ts';

const nodes = new Set(['n1']);

/** Contact of n1 after reads of these Leases, at these times; undefined: there is none. */
function contact(reads: readonly (readonly [at: number, renewTime: string | undefined])[]) {
  const reports = new KubeletReports(30);
  for (const [at, renewTime] of reads) {
    const leases = new Map(renewTime === undefined ? [] : [['n1', renewTime]]);
    reports.read(nodes, leases, at, at + 1);
  }
  return reports.contact('n1');
}

describe('KubeletReports', () => {
  test('knows of no contact from one read, whatever the Lease says, nor while it stays the same', () => {
    assert.equal(contact([[0, '2099-01-01T00:00:00Z']]), undefined);
    const same = [0, 10, 20].map((at) => [at, 'a'] as const);
    assert.equal(contact(same), undefined);
  });

  test('takes a Lease that changed for renewed after the read before it, whichever way its time went', () => {
    assert.deepEqual(
      contact([
        [0, 'b'],
        [10, 'b'],
        [20, 'a'],
      ]),
      { from: 10, until: 10, heardAt: 21 },
    );
  });

  test('counts renewals without a gap as one contact, and begins anew after one', () => {
    const often = [
      [0, 'a'],
      [10, 'b'],
      [20, 'c'],
      [30, 'c'],
      [40, 'd'],
    ] as const;
    assert.deepEqual(contact(often), { from: 0, until: 30, heardAt: 41 });
    assert.deepEqual(contact([...often, [50, 'd'], [60, 'd'], [70, 'd'], [80, 'e']]), {
      from: 70,
      until: 70,
      heardAt: 81,
    });
  });

  test('forgets a Lease that is gone', () => {
    assert.equal(
      contact([
        [0, 'a'],
        [10, 'b'],
        [20, undefined],
        [30, 'c'],
      ]),
      undefined,
    );
  });
});
