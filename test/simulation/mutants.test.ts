import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mutants } from './mutants.ts';
import { inWorker } from './seed-workers.ts';

/** Seeds to be tried; most mutants are found by one of the first. */
const seeds = Array.from({ length: 60 }, (_, index) => index + 1);

describe('the simulator bites: it notices an operator that', { concurrency: 2 }, () => {
  for (const { name, rows, invariants } of mutants) {
    test(name, async () => {
      const { failures, ran } = await inWorker({ seeds, rows, mutant: name, stopAt: 1 });
      assert.equal(
        failures.length,
        1,
        `none of ${ran} seeds about ${rows.join(' + ') || 'anything'} shows it`,
      );
      const [{ seed, invariant, report } = { seed: 0, invariant: '', report: '' }] = failures;
      assert.ok(invariants.includes(invariant), `seed ${seed}: ${invariant}: ${report}`);
    });
  }
});
