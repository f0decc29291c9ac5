import { parentPort, workerData } from 'node:worker_threads';
import { mutants } from './mutants.ts';
import { mutate } from './mutate.ts';
import type { SeedFailure, SeedJob, SeedResult } from './seed-workers.ts';

const job = workerData as SeedJob;
const mutant = mutants.find(({ name }) => name === job.mutant);
if (mutant !== undefined) mutate(mutant);
// Only now: the operator is loaded with them.
const { report, simulate } = await import('./simulation.ts');
const { scriptOf, scriptAbout } = await import('./scenarios.ts');
const { shrink } = await import('./shrink.ts');

const rows = new Set<string>();
const failures: SeedFailure[] = [];
let ran = 0;
for (const seed of job.seeds) {
  const script = job.rows.length === 0 ? scriptOf(seed) : scriptAbout(seed, job.rows);
  for (const row of script.rows) rows.add(row);
  const outcome = await simulate(script);
  ran += 1;
  const [violation] = outcome.violations;
  if (violation === undefined) continue;
  const told = mutant === undefined ? report(await shrink(outcome)) : violation.what;
  failures.push({ seed, invariant: violation.invariant, report: told });
  if (job.stopAt <= failures.length) break;
}
parentPort?.postMessage({ ran, rows: [...rows], failures } satisfies SeedResult);
