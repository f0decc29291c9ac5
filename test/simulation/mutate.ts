import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import type { Mutant } from './mutants.ts';

/**
 * Lets every module that is loaded from now on have the mutant's text in place of the original. Throws when
 * an original is not found exactly once: then the code has moved on, and the mutant has to follow.
 */
export function mutate({ name, edits }: Mutant): void {
  const changed = new Map<string, string>();
  for (const { file, original, mutated } of edits) {
    const url = new URL(`../../${file}`, import.meta.url);
    const source = changed.get(url.href) ?? readFileSync(url, 'utf8');
    const found = source.split(original).length - 1;
    if (found !== 1) throw new Error(`mutant "${name}": its original is ${found} times in ${file}, not once`);
    changed.set(
      url.href,
      source.replace(original, () => mutated),
    );
  }
  registerHooks({
    load(url, context, nextLoad) {
      const source = changed.get(url);
      if (source === undefined) return nextLoad(url, context);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
