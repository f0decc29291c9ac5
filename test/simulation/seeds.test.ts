import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultScenarios } from './default-scenarios.ts';
import { faultRows } from './fault-rows.ts';
import { regressions } from './regressions.ts';
import { addressScenarios, routeScenarios, scenarios, scriptOf } from './scenarios.ts';
import { inWorkers } from './seed-workers.ts';
import { report, simulate } from './simulation.ts';

const seeds = 2_000;

describe('the simulator', () => {
  test(`${seeds} seeds keep every invariant, and every kind of fault is among them`, async () => {
    const { ran, rows, failures } = await inWorkers(1, seeds);
    assert.deepEqual(
      failures.map((failure) => failure.report),
      [],
    );
    assert.equal(ran, seeds);
    assert.deepEqual(
      rows,
      [
        ...new Set(
          [...scenarios, ...addressScenarios, ...routeScenarios, ...defaultScenarios].map(({ row }) => row),
        ),
      ].sort(),
    );
  });

  test('has a scenario for every row of the table of faults', () => {
    const known = new Set([...scenarios, ...defaultScenarios].map(({ row }) => row));
    assert.deepEqual(
      faultRows.filter((row) => !known.has(row)),
      [],
    );
  });

  for (const { what, script } of regressions) {
    test(`regression: ${what}`, async () => {
      const outcome = await simulate(script);
      assert.equal(outcome.violations.length, 0, report(outcome));
    });
  }

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
