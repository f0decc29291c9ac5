import type { Script, Step } from './script.ts';
import { type Outcome, simulate } from './simulation.ts';

/** Most runs to spend on making one failure smaller. */
const mostRuns = 150;

/**
 * The same failure with fewer steps: parts of the script are left out, ever smaller ones, as long as the
 * first violated invariant stays the same (delta debugging, Zeller and Hildebrandt 2002).
 */
export async function shrink(failed: Outcome): Promise<Outcome> {
  const invariant = failed.violations[0]?.invariant;
  let best = failed;
  let runs = 0;
  const fails = async (steps: readonly Step[]): Promise<boolean> => {
    runs += 1;
    const script: Script = { ...failed.script, steps };
    const outcome = await simulate(script);
    if (outcome.violations[0]?.invariant !== invariant) return false;
    best = outcome;
    return true;
  };
  for (
    let size = Math.ceil(failed.script.steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < best.script.steps.length && runs < mostRuns; ) {
      const { steps } = best.script;
      if (!(await fails([...steps.slice(0, from), ...steps.slice(from + size)]))) from += size;
    }
  }
  return best;
}
