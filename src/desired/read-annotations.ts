import { longestText } from './annotations.ts';
import { isForeign, readNotFollowed } from './dialects/dialect.ts';
import { fields, isField, type RawDeclaration, servicesField, tooLong, unknownField } from './fields.ts';
import { error, type Mistake, quote, warning } from './mistake.ts';
import type { ReadList } from './services-list.ts';
import { splitTags } from './tags.ts';

export interface RawDeclarations {
  readonly declarations: readonly RawDeclaration[];
  /** Mistakes that belong to no declaration. */
  readonly mistakes: readonly Mistake[];
}

/**
 * Whether an object is kept out: `service: "false"`, a pod template's annotation overridden by a patch, as with
 * other controllers. A pod is then left out of the annotated Services in front of it, too.
 */
export const isSwitchedOff = ({ service }: Readonly<Record<string, string>>): boolean =>
  service?.trim().toLowerCase() === 'false';

/** The declarations in an object's annotations (keys without our prefix). */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  readList: ReadList,
): RawDeclarations {
  const declarations: RawDeclaration[] = [];
  const mistakes: Mistake[] = [];
  const refused: Mistake[] = [];
  const own = new Map<string, string>();
  // Sorted, because the order of annotations means nothing.
  for (const name of Object.keys(annotations).sort()) {
    if (isForeign(name)) {
      const { severity, why } = readNotFollowed(annotations[name]!);
      const message = `${name.slice(name.indexOf('/') + 1)} ${why}`;
      if (severity === 'error') refused.push(error(name, message));
      else if (!isSwitchedOff(annotations)) mistakes.push(warning(name, message));
    } else if (isField(name)) own.set(name, annotations[name]!);
    else if (name !== servicesField) mistakes.push(warning(name, () => unknownField(name, 'annotation')));
  }
  const list = Object.hasOwn(annotations, servicesField) ? annotations[servicesField] : undefined;
  const service = own.get('service');
  if (isSwitchedOff(annotations)) {
    // Nothing of it is read.
  } else if (service !== undefined || refused.length > 0) declarations.push(plain(own, refused));
  else if (service === undefined && own.size > 0) mistakes.push(withoutEffect(own, list !== undefined));
  if (list !== undefined) declarations.push(...readList(list));
  return { declarations, mistakes };
}

function plain(own: ReadonlyMap<string, string>, refused: readonly Mistake[]): RawDeclaration {
  const values = new Map<string, string>();
  const mistakes: Mistake[] = [...refused];
  let tags: readonly string[] = [];
  for (const [name, value] of own) {
    if (name !== 'tags') values.set(name, value);
    else if (Buffer.byteLength(value) > longestText(name)) mistakes.push(error(name, tooLong(name)));
    else tags = splitTags(value);
  }
  return { at: '', fields: values, tags, mistakes };
}

function withoutEffect(own: ReadonlyMap<string, string>, hasList: boolean): Mistake {
  const order = new Map<string, number>(fields.map((name, index) => [name, index]));
  const rank = (name: string): number => order.get(name) ?? fields.length;
  const first = [...own.keys()].sort((a, b) => rank(a) - rank(b))[0]!;
  const others = own.size > 1 ? ` and ${own.size - 1} more have` : ' has';
  const what = `${quote(first)}${others} no effect`;
  const hint = hasList
    ? `: with "services", fields belong into its entries`
    : ` without "service"; add it, or put the annotations on the same object`;
  return warning(first, `${what}${hint}`);
}
