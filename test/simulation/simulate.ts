import { parseArgs } from 'node:util';
import { scriptOf } from './scenarios.ts';
import { shrink } from './shrink.ts';
import { report, simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    minutes: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const first = Number(values.seed);
const runs =
  values.runs === undefined
    ? values.minutes === undefined
      ? 1
      : Number.POSITIVE_INFINITY
    : Number(values.runs);
const until =
  values.minutes === undefined
    ? Number.POSITIVE_INFINITY
    : performance.now() + Number(values.minutes) * 60_000;
const started = performance.now();
let failed = 0;
let seed = first;
let slowest = 0;
for (; seed < first + runs && performance.now() < until; seed += 1) {
  const outcome = await simulate(scriptOf(seed));
  slowest = Math.max(slowest, outcome.convergedMs ?? 0);
  if (values.trace) console.log(outcome.trace.join('\n'));
  if (outcome.violations.length === 0) continue;
  failed += 1;
  console.log(report(await shrink(outcome)));
}
const seconds = (performance.now() - started) / 1_000;
console.log(
  `${seed - first} seeds from ${first}, ${failed} failed, ${seconds.toFixed(1)} s; ` +
    `slowest convergence ${(slowest / 1_000).toFixed(1)} s of virtual time`,
);
process.exitCode = failed === 0 ? 0 : 1;
