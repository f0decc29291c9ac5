import { metaSetters } from './annotations.ts';
import { fieldOf, metaPrefix, type RawDeclaration } from './fields.ts';
import type { Mistake } from './mistake.ts';
import { splitTags } from './tags.ts';

/** A declaration with the defaults of its Namespace, and which of its fields are such. */
export interface WithDefaults {
  readonly raw: RawDeclaration;
  readonly filled: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();

/** Each default holds where the declaration does not have the field itself. */
export function withDefaults(
  raw: RawDeclaration,
  defaults: Readonly<Record<string, string>> | undefined,
): WithDefaults {
  if (defaults === undefined) return { raw, filled: none };
  const fields = new Map(raw.fields);
  const filled = new Set<string>();
  for (const [name, value] of Object.entries(defaults)) {
    if (name === 'tags' ? raw.tags.length > 0 : isSet(raw, name)) continue;
    filled.add(name);
    if (name !== 'tags') fields.set(name, value);
  }
  const tags = filled.has('tags') ? splitTags(defaults['tags'] ?? '') : raw.tags;
  return { raw: { ...raw, fields, tags }, filled };
}

/** `protocol` and `meta.protocol` are one field. */
const isSet = ({ fields }: RawDeclaration, name: string): boolean =>
  fields.has(name) ||
  metaSetters.some((setter) => {
    const twin = `${metaPrefix}${setter.metaKey}`;
    return (name === setter.name && fields.has(twin)) || (name === twin && fields.has(setter.name));
  });

/** Whether the mistake is only a warning about a default: that is reported at the Namespace. */
export const isOfDefault =
  ({ raw, filled }: WithDefaults) =>
  ({ severity, field }: Mistake): boolean =>
    severity === 'warning' && filled.size > 0 && [...filled].some((name) => field === fieldOf(raw, name));
