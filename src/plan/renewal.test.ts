import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as records from '../../test/support/cluster-records.ts';
import { entry, instance, observed, readiness } from '../../test/support/entries.ts';
import type { PodRecord } from '../model/pod.ts';
import { countInService, createdAtOf, readyPods, renewed } from './renewal.ts';

/** So many pods, created at that time. */
const pods = (count: number, createdAt: number): number[] => Array(count).fill(createdAt);
const missing = (count: number, createdAt: number, inService = true) =>
  pods(count, createdAt).map((each) => ({ createdAt: each, inService }));

describe('renewed()', () => {
  const rows: readonly [string, Parameters<typeof renewed>[0], number][] = [
    [
      'a rollout that was finished while nobody watched',
      { before: 40, missing: missing(40, 1), ready: pods(40, 5) },
      40,
    ],
    [
      'a rollout under way: some of the old are there still',
      { before: 40, missing: missing(16, 1), ready: [...pods(24, 1), ...pods(16, 5)] },
      16,
    ],
    [
      'a rollout whose surge was registered before: one that was there replaces nobody',
      { before: 44, missing: missing(40, 1), ready: pods(40, 5) },
      36,
    ],
    ['a loss of data, nothing in its place', { before: 300, missing: missing(300, 1), ready: [] }, 0],
    ['a loss of data, some made anew', { before: 300, missing: missing(300, 1), ready: pods(120, 5) }, 120],
    [
      'a loss of the elder half: the younger half was there before',
      { before: 40, missing: missing(20, 1), ready: pods(20, 5) },
      0,
    ],
    [
      'an older state of the cluster, in which other pods are called ready',
      { before: 100, missing: missing(100, 5), ready: pods(100, 1) },
      0,
    ],
    [
      'pods of the same second: which is the younger is not known',
      { before: 9, missing: missing(9, 5), ready: pods(9, 5) },
      0,
    ],
    [
      'pods whose age Consul does not tell',
      { before: 9, missing: [...missing(8, 1), ...missing(1, 0)], ready: pods(9, 5) },
      0,
    ],
    [
      'pods that were not in service: nobody misses them, but they want a younger one all the same',
      { before: 4, missing: missing(3, 1, false), ready: [...pods(4, 1), ...pods(2, 5)] },
      2,
    ],
    [
      'a service that grows beside a loss of data',
      { before: 40, missing: missing(20, 1), ready: [...pods(20, 1), ...pods(30, 5)] },
      20,
    ],
    [
      'a service that is scaled down beside a loss of data',
      { before: 40, missing: missing(20, 1), ready: [...pods(2, 1), ...pods(15, 5)] },
      0,
    ],
  ];
  for (const [title, group, expected] of rows) {
    test(`counts ${expected} of ${group.missing.length} in ${title}`, () => {
      assert.equal(renewed(group), expected);
    });
  }

  const time = fc.integer({ min: 0, max: 5 });
  const anyMissing = fc.array(fc.record({ createdAt: time, inService: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });
  const anyGroup = fc.record({
    before: fc.nat(12),
    missing: anyMissing,
    ready: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 }),
  });

  test('leaves at least as many in service as there were, all of them real, for each that goes a younger one', () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const count = renewed(group);
        assert.ok(count >= 0 && count <= group.missing.length);
        if (count === 0) return;
        const found = group.missing.filter(({ inService }) => inService).length;
        assert.ok(group.ready.length >= group.before - found + count);
        for (const { createdAt } of group.missing) {
          assert.notEqual(createdAt, 0);
          assert.ok(group.ready.filter((ready) => ready > createdAt).length >= count);
        }
      }),
    );
  });

  test('grows only with the pods that are ready', () => {
    fc.assert(
      fc.property(anyGroup, fc.integer({ min: 1, max: 6 }), (group, one) => {
        assert.ok(renewed({ ...group, ready: [...group.ready, one] }) >= renewed(group));
        assert.ok(renewed({ ...group, before: group.before + 1 }) <= renewed(group));
      }),
    );
  });

  test('believes nothing of a state that is no younger than what is missing', () => {
    fc.assert(
      fc.property(anyGroup, ({ missing: gone, ...group }) => {
        const late = gone.map((each) => ({ ...each, createdAt: each.createdAt + 6 }));
        assert.equal(renewed({ ...group, missing: late }), 0);
      }),
    );
  });
});

describe('what is in service', () => {
  const meta = (name: string, namespace = 'shop') => ({
    'external-source': 'kubernetes',
    'kube-cluster': 'demo',
    'kube-namespace': namespace,
    'kube-pod': name,
    'kube-pod-uid': `uid-of-${name}`,
    'kube-pod-created': '2026-01-01T00:00:07Z',
  });
  const at = Date.UTC(2026, 0, 1, 0, 0, 7);
  const pod = (name: string, part: Partial<PodRecord> = {}) =>
    records.pod({ name, uid: `uid-of-${name}`, createdAt: at, ...part });
  const known = new Map(
    [
      pod('a'),
      pod('b'),
      pod('not-ready', { ready: false }),
      pod('ending', { deleting: true }),
      pod('other', { uid: 'another' }),
      pod('critical'),
    ].map((each) => [each.name, each]),
  );
  const view = { pod: (_: string, name: string) => known.get(name) };
  const node = observed(
    entry([
      ...['a', 'b', 'gone', 'not-ready', 'ending', 'other'].map((name) =>
        instance(name, { meta: meta(name) }),
      ),
      instance('critical', { meta: meta('critical'), checks: [readiness('critical', 'critical')] }),
      instance('elsewhere', { meta: meta('a', 'other') }),
    ]),
  );

  test('is what Consul shows as passing, by service and namespace', () => {
    assert.deepEqual(
      [...countInService([node])],
      [
        ['shop/web', 6],
        ['other/web', 1],
      ],
    );
    const lost = {
      ...node,
      checks: new Map([...node.checks].map(([id, check]) => [id, { ...check, status: 'critical' }])),
    };
    assert.deepEqual([...countInService([lost])], []);
  });

  test('counts as a replacement only with a pod that is there, ready and stays', () => {
    assert.deepEqual([...readyPods([node], new Set(['shop/web']), view)], [['shop/web', [at, at]]]);
  });

  test('says when its pod was created, if it does', () => {
    assert.equal(createdAtOf({ meta: meta('a') }), at);
    assert.equal(createdAtOf({ meta: {} }), 0);
    assert.equal(createdAtOf({ meta: { 'kube-pod-created': 'yesterday' } }), 0);
  });
});
