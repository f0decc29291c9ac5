import type { BrokenDeclaration, Declaration } from './declaration.ts';
import type { Mistake } from './mistake.ts';
import { parseDeclaration } from './parse-declaration.ts';
import type { Placeholders } from './placeholders.ts';
import { readAnnotations } from './read-annotations.ts';
import { type ReadList, readServicesList } from './services-list.ts';

/** An object with annotations of ours: a pod or a Service record, or a manifest's. */
export interface Declaring {
  readonly kind: 'Pod' | 'Service';
  readonly name: string;
  /** Only annotations under our prefix, and without it. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Declarations {
  readonly outcomes: readonly (Declaration | BrokenDeclaration)[];
  /** All mistakes, of single declarations and of the whole. */
  readonly mistakes: readonly Mistake[];
}

/** Everything an object's annotations ask for, and everything wrong with them. Never throws. */
export function describeDeclarations(
  object: Declaring,
  places: Placeholders,
  readList: ReadList = readServicesList,
): Declarations {
  const raw = readAnnotations(object.annotations, readList);
  const parsed = raw.declarations.map((declaration) => parseDeclaration(declaration, object, places));
  return {
    outcomes: parsed.map(({ outcome }) => outcome),
    mistakes: [...raw.mistakes, ...parsed.flatMap(({ mistakes }) => mistakes)],
  };
}
