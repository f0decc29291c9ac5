import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';

/**
 * How often blocks of the code in src/ and of the YAML parser are run: what V8 counts for coverage. It is the same
 * number in every run, on every machine: the code is interpreted meanwhile, as what a compiler made of it counts less,
 * and when it is ready depends on the machine.
 */
export async function operations(work: () => void): Promise<number> {
  const session = new Session();
  session.connect();
  setFlagsFromString('--no-opt');
  setFlagsFromString('--no-maglev');
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const counts = result
      .filter(({ url }) => /\/src\/(?!.*\.test\.ts$)|\/js-yaml\//.test(url))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
    return counts.reduce((sum, count) => sum + count, 0);
  } finally {
    setFlagsFromString('--opt');
    setFlagsFromString('--maglev');
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}
