import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  anyEntry,
  desired,
  entry,
  instance,
  observed,
  owner,
  readiness,
} from '../../../test/support/entries.ts';
import { consulNodeName } from '../../model/keys.ts';
import type { Change } from '../../plan/change.ts';
import { diff } from '../../plan/diff.ts';
import { rank } from '../../plan/order.ts';
import { bodyOf, defaultLimits, pack } from './batch.ts';

/** Changes of several nodes, each in the order of diff(). */
const anyChanges: fc.Arbitrary<Change[]> = fc
  .array(fc.tuple(anyEntry, anyEntry, fc.constantFrom('create', 'change', 'remove')), { maxLength: 6 })
  .map((pairs) =>
    pairs.flatMap(([before, after, how], position) => {
      const name = consulNodeName(`demo-worker-${position}`);
      const [old, wanted] = [
        { ...before, name },
        { ...after, name },
      ];
      const seen = how === 'create' ? undefined : observed(old);
      const want = how === 'remove' ? { ...desired(undefined), name } : desired(wanted);
      return [...diff(want, seen, { owner }).changes];
    }),
  );
const anyLimits = fc.record({
  operations: fc.integer({ min: 3, max: 12 }),
  bytes: fc.integer({ min: 3_000, max: 6_000 }),
});

const changesOf = ({ batches }: ReturnType<typeof pack>): Change[] =>
  batches.flatMap(({ changes }) => changes.map(({ change }) => change));

describe('pack()', () => {
  test('loses and duplicates nothing', () => {
    fc.assert(
      fc.property(anyChanges, anyLimits, (changes, limits) => {
        const packed = pack(changes, limits);
        assert.deepEqual(packed.invalid, []);
        assert.deepEqual(new Set(changesOf(packed)), new Set(changes));
        assert.equal(changesOf(packed).length, changes.length);
      }),
    );
  });

  test('never exceeds the limits, by what is really sent', () => {
    fc.assert(
      fc.property(anyChanges, anyLimits, (changes, limits) => {
        for (const batch of pack(changes, limits).batches) {
          const body = bodyOf(batch);
          assert.equal(JSON.parse(body).length, batch.operations);
          assert.equal(Buffer.byteLength(body), batch.bytes);
          assert.ok(batch.operations <= limits.operations);
          assert.ok(batch.bytes <= limits.bytes);
        }
      }),
    );
  });

  test("keeps the order of each node's changes", () => {
    fc.assert(
      fc.property(anyChanges, anyLimits, (changes, limits) => {
        const byNode = (all: readonly Change[]) => Map.groupBy(all, ({ node }) => node);
        const packed = byNode(changesOf(pack(changes, limits)));
        for (const [node, expected] of byNode(changes)) assert.deepEqual(packed.get(node), expected);
      }),
    );
  });

  test('gives the same batches for the same changes', () => {
    fc.assert(
      fc.property(anyChanges, anyLimits, (changes, limits) => {
        assert.deepEqual(pack(changes, limits), pack(changes, limits));
      }),
    );
  });

  test('puts new nodes first, then what comes into service, then what goes out, over all nodes', () => {
    fc.assert(
      fc.property(anyChanges, (changes) => {
        const ranks = changesOf(pack(changes)).map(rank);
        assert.deepEqual(ranks, ranks.toSorted());
      }),
    );
  });

  test('lets nothing leave a service in an earlier batch than what comes into it, nor without waiting for that', () => {
    fc.assert(
      fc.property(anyChanges, anyLimits, (changes, limits) => {
        const { batches } = pack(changes, limits);
        for (const [position, batch] of batches.entries()) {
          const leaving = batch.changes.flatMap(({ change }) =>
            change.kind === 'delete-instance' ? [change.service] : [],
          );
          for (const [other, { changes: among, gates }] of batches.entries()) {
            const comes = among.some(
              ({ change }) =>
                rank(change) === 1 &&
                change.kind === 'put-instance' &&
                leaving.includes(change.instance.service),
            );
            if (!comes || other === position) continue;
            assert.ok(other < position);
            assert.ok(!gates.isDisjointFrom(batch.awaits));
          }
        }
      }),
    );
  });

  test('puts all it can into one transaction', () => {
    const wanted = entry(Array.from({ length: 63 }, (_, position) => instance(`web-${position}`)));
    const { changes } = diff(desired(wanted), undefined, { owner });
    const { batches } = pack(changes);
    assert.deepEqual(
      batches.map(({ operations }) => operations),
      [128],
    );
    assert.ok(batches[0]?.gates.has(`node ${wanted.name}`));
  });

  test('makes later batches of a new node wait for its own', () => {
    const wanted = entry(Array.from({ length: 100 }, (_, position) => instance(`web-${position}`)));
    const { batches } = pack(diff(desired(wanted), undefined, { owner }).changes);
    assert.deepEqual(
      batches.map(({ gates, awaits }) => [gates, awaits].map((each) => each.has(`node ${wanted.name}`))),
      [
        [true, true],
        [false, true],
      ],
    );
  });

  test('removes few nodes at once', () => {
    const changes = Array.from(
      { length: 20 },
      (_, position): Change => ({
        kind: 'delete-node',
        node: consulNodeName(`n${position}`),
        modifyIndex: 1,
      }),
    );
    assert.deepEqual(
      pack(changes).batches.map(({ operations }) => operations),
      [8, 8, 4],
    );
  });

  test('measures the body in bytes, not in characters', () => {
    const wide = (id: string) => instance(id, { checks: [readiness(id, 'critical', '€'.repeat(1_300))] });
    const wanted = entry(Array.from({ length: 60 }, (_, position) => wide(`web-${position}`)));
    const { changes } = diff(desired(wanted), undefined, { owner });
    const { batches } = pack(changes, { ...defaultLimits, bytes: 100_000 });
    assert.ok(batches.length > 1);
    for (const batch of batches) assert.ok(Buffer.byteLength(bodyOf(batch)) <= 100_000);
  });

  test('sets aside a change that fits into no transaction', () => {
    const { changes } = diff(desired(entry([instance('web-1')])), undefined, { owner });
    const { batches, invalid } = pack(changes, { operations: 1, bytes: 100_000 });
    assert.equal(batches.length, 2);
    assert.match(invalid[0]?.problem ?? '', /2 operations/);
  });

  describe('sets aside what Consul would take without complaint', () => {
    const base = entry([instance('web-1')]);
    const cases: readonly (readonly [string, ReturnType<typeof entry>, RegExp])[] = [
      ['a node without an address', { ...base, address: '' }, /no address/],
      ['odd node meta', { ...base, meta: { ...base.meta, 'a b': 'c' } }, /meta key "a b"/],
      [
        'an unknown status',
        entry([instance('web-1', { checks: [{ ...readiness('web-1'), status: 'fine' as 'passing' }] })]),
        /unknown status "fine"/,
      ],
      ['long service meta', entry([instance('web-1', { meta: { a: 'x'.repeat(513) } })]), /513 bytes/],
      ['a port out of range', entry([instance('web-1', { port: 70_000 })]), /port 70000/],
      [
        'a passing weight of 0',
        entry([instance('web-1', { weights: { passing: 0, warning: 1 } })]),
        /passing weight 0/,
      ],
    ];
    for (const [what, wanted, problem] of cases) {
      test(what, () => {
        const { invalid } = pack(diff(desired(wanted), undefined, { owner }).changes);
        assert.equal(invalid.length, 1);
        assert.match(invalid[0]?.problem ?? '', problem);
      });
    }
  });
});
