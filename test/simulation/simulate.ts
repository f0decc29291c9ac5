import { parseArgs } from 'node:util';
import { mutants } from './mutants.ts';
import { mutate } from './mutate.ts';

const { values } = parseArgs({
  options: {
    /** The first seed, or several with commas. */
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    minutes: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
  },
});

const mutant = mutants.find(({ name }) => name === values.mutant);
if (values.mutant !== undefined && mutant === undefined) throw new Error(`no mutant "${values.mutant}"`);
if (mutant !== undefined) mutate(mutant);
// Only now: the operator is loaded with them.
const { report, simulate } = await import('./simulation.ts');
const { scriptAbout, scriptOf } = await import('./scenarios.ts');
const { shrink } = await import('./shrink.ts');

const started = performance.now();
const until =
  started + (values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000);
let ran = 0;
let failed = 0;
let slowestMs = 0;
for (const seed of seeds()) {
  if (performance.now() >= until) break;
  const rows = mutant?.rows ?? [];
  const outcome = await simulate(rows.length === 0 ? scriptOf(seed) : scriptAbout(seed, rows));
  ran += 1;
  slowestMs = Math.max(slowestMs, outcome.convergedMs ?? 0);
  if (values.trace) console.log(outcome.trace.join('\n'));
  const [violation] = outcome.violations;
  if (violation === undefined) continue;
  failed += 1;
  if (mutant === undefined) console.log(report(await shrink(outcome)));
  else console.log(`seed ${seed}: ${violation.invariant}: ${violation.what}`);
}
console.log(
  `${ran} seeds, ${failed} failed, ${((performance.now() - started) / 1_000).toFixed(1)} s; ` +
    `slowest convergence ${(slowestMs / 1_000).toFixed(1)} s of virtual time`,
);
process.exitCode = failed === 0 ? 0 : 1;

function* seeds(): Iterable<number> {
  const given = values.seed.split(',').map(Number);
  if (given.some(Number.isNaN)) throw new Error(`--seed ${values.seed} is no number`);
  if (given.length > 1) return yield* given;
  const runs = values.runs ?? (values.minutes === undefined ? '1' : 'Infinity');
  for (let seed = given[0]!; seed < given[0]! + Number(runs); seed += 1) yield seed;
}
