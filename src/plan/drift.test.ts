import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entry, instance, observed, readiness } from '../../test/support/entries.ts';
import { drift } from './drift.ts';

const known = observed(entry([instance('web-1'), instance('web-2')]), 10);

describe('drift()', () => {
  test('is empty when nothing differs', () => {
    assert.deepEqual(drift(known, observed(entry([instance('web-1'), instance('web-2')]), 10)), []);
  });

  test('is empty when an entry was written again as it was', () => {
    assert.deepEqual(drift(known, observed(entry([instance('web-1'), instance('web-2')]), 11)), []);
  });

  test('names a node that is gone once', () => {
    const found = drift(known, undefined);
    assert.deepEqual(
      found.map(({ what, at }) => [what, at.kind]),
      [['missing', 'node']],
    );
  });

  test('says which field of a check somebody changed', () => {
    const flipped = instance('web-2', { checks: [readiness('web-2', 'critical')] });
    const [found, ...others] = drift(known, observed(entry([instance('web-1'), flipped]), 11));
    assert.deepEqual(others, []);
    assert.deepEqual(
      [found?.what, found?.at.kind, found?.at.check],
      ['changed', 'instance-check', 'web-2:readiness'],
    );
    assert.deepEqual(found?.fields, [{ field: 'status', before: 'passing', after: 'critical' }]);
  });

  test('keeps the beginning of a long value that somebody wrote', () => {
    const edited = instance('web-2', { tags: ['x'.repeat(100_000)], checks: [] });
    const before = observed(entry([instance('web-2', { checks: [] })]), 10);
    const [found] = drift(before, observed(entry([edited]), 11));
    const [tags] = found?.fields ?? [];
    assert.equal(tags?.before, '["a","b"]');
    assert.match(tags?.after ?? '', /^\["x{995}…$/);
  });

  test('names an instance that is gone and one that came', () => {
    const found = drift(known, observed(entry([instance('web-1'), instance('web-3')]), 10));
    assert.deepEqual(
      found.map(({ what, at }) => [what, at.kind, at.instance]),
      [
        ['missing', 'instance', 'web-2'],
        ['unexpected', 'instance', 'web-3'],
      ],
    );
  });
});
