import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scenarios, scriptOf } from './scenarios.ts';
import { shrink } from './shrink.ts';
import { report, simulate } from './simulation.ts';

describe('the simulator', () => {
  test('500 seeds keep every invariant', async () => {
    const rows = new Set<string>();
    for (let seed = 1; seed <= 500; seed += 1) {
      const script = scriptOf(seed);
      for (const row of script.rows) rows.add(row);
      const outcome = await simulate(script);
      if (outcome.violations.length > 0) assert.fail(report(await shrink(outcome)));
    }
    assert.deepEqual([...rows].sort(), [...new Set(scenarios.map(({ row }) => row))].sort());
  });

  test('the same seed gives the same trace to the last line, another seed another', async () => {
    for (const seed of [3, 8, 14, 21]) {
      const once = await simulate(scriptOf(seed));
      const again = await simulate(scriptOf(seed));
      assert.ok(once.trace.length > 5);
      assert.deepEqual(again.trace, once.trace);
      assert.notDeepEqual((await simulate(scriptOf(seed + 1_000))).trace, once.trace);
    }
  });
});
