import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { desired, entry, instance, observed, owner } from '../../test/support/entries.ts';
import { diff } from './diff.ts';
import { policies } from './policy.ts';

const { changes } = diff(desired(entry([instance('new')])), observed(entry([instance('old')])), { owner });
const [addition, removal] = changes;

describe('policies', () => {
  test('sync writes everything in order', () => {
    assert.deepEqual(policies.sync(changes), { written: changes, held: [] });
  });

  test('upsert-only holds removals and writes the rest', () => {
    assert.deepEqual(policies['upsert-only'](changes), { written: [addition], held: [removal] });
  });

  test('dry-run writes nothing', () => {
    assert.deepEqual(policies['dry-run'](changes), { written: [], held: changes });
  });
});
