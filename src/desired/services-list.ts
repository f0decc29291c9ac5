import { defineMappingTag, FAILSAFE_SCHEMA, loadAll, YAMLException } from 'js-yaml';
import { longestText } from './annotations.ts';
import { isField, metaPrefix, type RawDeclaration, servicesField, tooLong, unknownField } from './fields.ts';
import { error, type Mistake, quote, warning } from './mistake.ts';
import { splitTags } from './tags.ts';

/** Limits of the list: anybody who may create a pod can write one. */
const mostEntries = 32;
const mostFields = 100;
/** A list of maps of lists or maps has four levels. */
const deepest = 8;

export type ReadList = (text: string) => readonly RawDeclaration[];

/** Of all texts whose reading is remembered, in characters. */
const mostRemembered = 262_144;

/**
 * `readServicesList()` with a cache. Parsing YAML costs more than the rest of a declaration, and the pods of a
 * template share the text. It holds at most 256 texts and 256 Ki characters, and is emptied when it is full.
 */
export function rememberLists(): ReadList {
  const known = new Map<string, readonly RawDeclaration[]>();
  let length = 0;
  return (text) => {
    const last = known.get(text);
    if (last !== undefined) return last;
    if (known.size >= 256 || length + text.length > mostRemembered) {
      known.clear();
      length = 0;
    }
    const list = readServicesList(text);
    known.set(text, list);
    length += text.length;
    return list;
  };
}

/**
 * The entries of the annotation `services`. A mistake in one entry does not affect the others. Text that is not
 * YAML gives one declaration that only has mistakes, so that the object's instances count as stale.
 */
export function readServicesList(text: string): RawDeclaration[] {
  if (Buffer.byteLength(text) > longestText(servicesField)) return [unreadable(tooLong(servicesField))];
  const read = parse(text);
  if ('refused' in read) return [unreadable(`${servicesField} ${read.refused}`)];
  const { list } = read;
  if (!Array.isArray(list)) {
    return [
      unreadable(
        `${servicesField} must be a YAML list of services, each with the fields "service", "port" …`,
      ),
    ];
  }
  const entries = list.slice(0, mostEntries).map((item: unknown, index) => readEntry(item, index));
  const hidden = list.length - entries.length;
  if (hidden > 0) {
    const message = `${servicesField} has more than ${mostEntries} entries; the last ${hidden} are ignored`;
    entries.push(unreadable(message));
  }
  return entries;
}

/** A YAML map as written. Keys may have any type and may be repeated: such a mistake only affects its own entry. */
class Pairs {
  readonly pairs: [key: unknown, value: unknown][] = [];
}

const pairsTag = defineMappingTag<Pairs>('tag:yaml.org,2002:map', {
  create: () => new Pairs(),
  addPair: ({ pairs }, key, value) => {
    pairs.push([key, value]);
    return '';
  },
  has: () => false,
  keys: () => [],
  get: () => undefined,
  identify: () => false,
});

/** Every scalar is the text as written, so that a port is never 1e3 and a tag never null. */
const schema = FAILSAFE_SCHEMA.withTags(pairsTag);

/**
 * The content of the text, or what is wrong with it. The parser stops at the first mistake, at an alias and at too
 * deep a level, so that its time is linear in the length.
 */
function parse(text: string): { readonly list: unknown } | { readonly refused: string } {
  try {
    const documents = loadAll(text, { schema, maxDepth: deepest, maxAliases: 0 });
    if (documents.length > 1) return { refused: 'must be one YAML document' };
    return { list: documents[0] };
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) return { refused: 'is not valid YAML: it cannot be read' };
    const { reason, mark } = thrown;
    const place = mark === undefined ? '' : `line ${mark.line + 1}, column ${mark.column + 1}: `;
    return { refused: `is not valid YAML: ${place}${reason}` };
  }
}

const unreadable = (message: string): RawDeclaration => ({
  at: servicesField,
  fields: new Map(),
  tags: [],
  mistakes: [error(servicesField, message)],
});

function readEntry(item: unknown, index: number): RawDeclaration {
  const at = `${servicesField}[${index}]`;
  const entry = { at, fields: new Map<string, string>(), tags: [] as string[], mistakes: [] as Mistake[] };
  if (!(item instanceof Pairs)) {
    entry.mistakes.push(error(at, `${at} must be a map of fields, such as "service: web"`));
    return entry;
  }
  for (const [name, value] of pairsOf(item, at, entry.mistakes)) {
    const field = `${at}.${name}`;
    if (name === 'tags') readTags(value, field, entry);
    else if (name === 'meta') readMeta(value, field, entry);
    else if (!isField(name)) entry.mistakes.push(warning(field, () => unknownField(name, 'field')));
    else put(entry, name, field, value);
  }
  return entry;
}

interface Entry {
  readonly fields: Map<string, string>;
  readonly tags: string[];
  readonly mistakes: Mistake[];
}

function put(entry: Entry, name: string, field: string, value: unknown): void {
  if (typeof value !== 'string') entry.mistakes.push(error(field, `${name} must be a single value`));
  else if (entry.fields.has(name)) entry.mistakes.push(error(field, `${name} is given twice`));
  else entry.fields.set(name, value);
}

function readTags(value: unknown, field: string, entry: Entry): void {
  if (typeof value === 'string') entry.tags.push(...splitTags(value));
  else if (!Array.isArray(value)) {
    entry.mistakes.push(error(field, 'tags must be a list, or one comma-separated string'));
  } else {
    for (const [index, tag] of value.entries()) {
      if (typeof tag === 'string') entry.tags.push(tag);
      else entry.mistakes.push(error(`${field}[${index}]`, 'a tag must be a single value'));
    }
  }
}

function readMeta(value: unknown, field: string, entry: Entry): void {
  if (!(value instanceof Pairs)) {
    entry.mistakes.push(error(field, 'meta must be a map of keys and values'));
    return;
  }
  for (const [key, item] of pairsOf(value, field, entry.mistakes)) {
    put(entry, `${metaPrefix}${key}`, `${field}.${key}`, item);
  }
}

/** The pairs of a map; a key that is not text, or is repeated, is a mistake. */
function* pairsOf({ pairs }: Pairs, field: string, mistakes: Mistake[]): Generator<[string, unknown]> {
  if (pairs.length > mostFields) {
    mistakes.push(error(field, `${field} has more than ${mostFields} keys`));
    return;
  }
  const seen = new Set<string>();
  for (const [name, value] of pairs) {
    if (typeof name !== 'string') {
      mistakes.push(error(field, `${field} has a key that is not plain text`));
    } else if (seen.has(name)) {
      mistakes.push(error(`${field}.${name}`, `${quote(name)} is given twice`));
    } else {
      seen.add(name);
      yield [name, value];
    }
  }
}
