import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Percentiles } from './percentiles.ts';

test('percentiles are exact to a twentieth', () => {
  const durations = fc.array(fc.double({ min: 1, max: 3_000_000, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.99), (all, share) => {
      const percentiles = new Percentiles();
      for (const each of all) percentiles.add(each);
      const exact = [...all].sort((a, b) => a - b)[Math.ceil(all.length * share) - 1]!;
      const found = percentiles.at(share)!;
      assert.ok(Math.abs(found / exact - 1) < 0.05, `${found} for ${exact}`);
    }),
  );
});

test('without durations there are no percentiles, and very short and long ones have their place', () => {
  const percentiles = new Percentiles();
  assert.equal(percentiles.at(0.5), undefined);
  percentiles.add(0);
  assert.equal(percentiles.at(0.5), 1);
  percentiles.add(1e12);
  assert.ok(percentiles.at(0.99)! > 3_600_000);
  percentiles.clear();
  assert.equal(percentiles.at(0.99), undefined);
});
