import type { Scope } from '../model/scope.ts';
import type { BrokenDeclaration, WrittenDeclaration } from './declaration.ts';
import { isOfDefault, withDefaults } from './default-fields.ts';
import type { Mistake } from './mistake.ts';
import { type Naming, nameIn } from './naming.ts';
import { parseDeclaration } from './parse-declaration.ts';
import type { Placeholders } from './placeholders.ts';
import { readAnnotations } from './read-annotations.ts';
import { type ReadList, readServicesList } from './services-list.ts';
import type { Carrier } from './values.ts';

/** An object with kube-registrar's annotations: a pod or a Service record, or a manifest's. */
export interface Declaring extends Carrier {
  /** Only annotations under the prefix, and without it. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly scope?: Pick<Scope, 'defaults' | 'byDefault'> | undefined;
}

export interface Declarations {
  readonly outcomes: readonly (WrittenDeclaration | BrokenDeclaration)[];
  /** All mistakes, of single declarations and of the whole. */
  readonly mistakes: readonly Mistake[];
  /** Names of the Consul services asked for, in small letters, wrong declarations included. */
  readonly services: ReadonlySet<string>;
}

/** What reading takes beside the object. */
export interface Reading {
  readonly readList: ReadList;
  readonly naming?: Naming | undefined;
}

/** `describeDeclarations()` of a pod. */
export type DescribePod = (pod: Omit<Declaring, 'kind'>, places: Placeholders) => Declarations;

/** Readings remembered of one set of annotations: those with `{node.name}` differ from node to node. */
const mostRemembered = 8;

interface Remembered {
  /** What the annotations took from the pod and its node. */
  readonly taken: readonly (keyof Placeholders)[];
  readonly places: Placeholders;
  readonly defaults: Scope['defaults'];
  readonly byDefault: Scope['byDefault'];
  readonly declarations: Declarations;
}

/**
 * `describeDeclarations()` that remembers what it read without mistakes. The pods of a template share their
 * annotations (the very object, see kube/intern-pool.ts), so they are read, and kept in memory, once.
 */
export function rememberDeclarations(reading: Reading): DescribePod {
  const known = new WeakMap<Declaring['annotations'], Remembered[]>();
  return ({ name, annotations, scope }, places) => {
    const { defaults, byDefault } = scope ?? {};
    const remembered = known.get(annotations) ?? [];
    const same = remembered.find(
      (last) =>
        last.defaults === defaults &&
        last.byDefault === byDefault &&
        last.taken.every((field) => last.places[field] === places[field]),
    );
    if (same !== undefined) return same.declarations;
    const taken = new Set<keyof Placeholders>();
    const noted = new Proxy(places, {
      get: (target, field: keyof Placeholders) => {
        taken.add(field);
        return target[field];
      },
    });
    const declarations = describeDeclarations({ kind: 'Pod', name, annotations, scope }, noted, reading);
    // A mistake may speak of more than what was taken.
    if (declarations.mistakes.length > 0 || taken.has('podName')) return declarations;
    if (remembered.length === mostRemembered) remembered.shift();
    remembered.push({ taken: [...taken], places, defaults, byDefault, declarations });
    known.set(annotations, remembered);
    return declarations;
  };
}

/**
 * Everything an object asks for, with the defaults of its Namespace, and everything wrong with it. Never throws. `isMeant`: leaves out
 * declarations with their mistakes. Default: none.
 */
export function describeDeclarations(
  object: Declaring,
  places: Placeholders,
  { readList, naming }: Reading = { readList: readServicesList },
  isMeant: (outcome: WrittenDeclaration | BrokenDeclaration) => boolean = () => true,
): Declarations {
  const raw = readAnnotations(object.annotations, readList);
  const byDefault = object.scope?.byDefault === true;
  const carrier = naming === undefined ? object : { ...object, nameOf: nameIn(places, naming, byDefault) };
  const parsed = raw.declarations
    .map((declaration) => {
      const whole = withDefaults(declaration, object.scope?.defaults);
      const { outcome, mistakes } = parseDeclaration(whole.raw, carrier, places);
      const isKnown = isOfDefault(whole);
      return { outcome, mistakes: mistakes.filter((mistake) => !isKnown(mistake)) };
    })
    .filter(({ outcome }) => isMeant(outcome));
  const outcomes = parsed.map(({ outcome }) => outcome);
  return {
    outcomes,
    services: namesOf(outcomes),
    mistakes: [...raw.mistakes, ...parsed.flatMap(({ mistakes }) => mistakes)],
  };
}

export const namesOf = (outcomes: readonly { readonly service: string }[]): ReadonlySet<string> =>
  new Set(outcomes.map(({ service }) => service.toLowerCase()).filter((service) => service !== ''));
