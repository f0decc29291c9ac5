import { annotations, longestText } from './annotations.ts';
import { didYouMean, type Mistake, quote } from './mistake.ts';

/** One declaration as written: fields by name, values not yet read. */
export interface RawDeclaration {
  /** Where it stands: empty for plain annotations, `services[1]` for an entry of the list. */
  readonly at: string;
  /** Values by field, `meta.<key>` included, `tags` not. */
  readonly fields: ReadonlyMap<string, string>;
  readonly tags: readonly string[];
  /** What is wrong with its form. */
  readonly mistakes: readonly Mistake[];
}

/** The full name of a field: `port`, `services[1].port`. */
export const fieldOf = (raw: Pick<RawDeclaration, 'at'>, name: string): string =>
  raw.at === '' ? name : `${raw.at}.${name}`;

export const metaPrefix = 'meta.';
export const servicesField = 'services';

/** The fields of one declaration: annotations of their own, or keys of an entry of `services`. */
export const fields = Object.keys(annotations).filter(
  (name) => !name.startsWith(metaPrefix) && name !== servicesField,
);
const known: ReadonlySet<string> = new Set(fields);

export const tooLong = (name: string): string => `${name} is longer than ${longestText(name)} bytes`;

/** Whether a declaration may have it: a field by name, or `meta.<key>`. */
export const isField = (name: string): boolean => known.has(name) || name.startsWith(metaPrefix);

/** What to say about a name that is no field. */
export function unknownField(name: string, what: 'annotation' | 'field'): string {
  const candidates = what === 'annotation' ? [...fields, servicesField] : fields;
  const hint = /^meta(?:[/_-]|$)/.test(name) ? `; did you mean "meta.<key>"?` : didYouMean(name, candidates);
  return `unknown ${what} ${quote(name)} is ignored${hint}`;
}
