import { type Document, isMap, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';
import { isField, metaPrefix, servicesField, unknownField } from './fields.ts';
import { error, type Mistake, quote, warning } from './mistake.ts';
import type { RawDeclaration } from './raw-declaration.ts';
import { splitTags } from './tags.ts';

/** Caps of the list: it comes from whoever may write a pod. */
const longestText = 32_768;
const mostEntries = 32;

export type ReadList = (text: string) => readonly RawDeclaration[];

/**
 * `readServicesList()` that remembers what it read. YAML costs more than all the rest of a declaration, and
 * the pods of a template share the text. At most 256 texts; then it starts over.
 */
export function rememberLists(): ReadList {
  const known = new Map<string, readonly RawDeclaration[]>();
  return (text) => {
    const last = known.get(text);
    if (last !== undefined) return last;
    if (known.size >= 256) known.clear();
    const list = readServicesList(text);
    known.set(text, list);
    return list;
  };
}

/**
 * The entries of the annotation `services`. A mistake in an entry stays with the entry; text that is no
 * YAML at all is one declaration that only has mistakes, so that the object's instances count as stale.
 */
export function readServicesList(text: string): RawDeclaration[] {
  if (text.length > longestText) return [wreck(`is longer than ${longestText} characters`)];
  const document = parse(text);
  if (typeof document === 'string') return [wreck(document)];
  const list: unknown = document.contents;
  if (!isSeq(list)) {
    return [wreck(`must be a YAML list of services, each with the fields "service", "port" …`)];
  }
  const entries = list.items.slice(0, mostEntries).map((item, index) => readEntry(item, index));
  const hidden = list.items.length - entries.length;
  if (hidden > 0) entries.push(wreck(`has more than ${mostEntries} entries; the last ${hidden} are ignored`));
  return entries;
}

/** The document, or what is wrong with it. */
function parse(text: string): Document | string {
  try {
    // Failsafe: every scalar is the text as written, so that a port is never 1e3 and a tag never null.
    // Duplicate keys are looked for here, where they only cost their own entry.
    const document = parseDocument(text, { schema: 'failsafe', uniqueKeys: false });
    const [first] = document.errors;
    if (first === undefined) return document;
    const [start] = first.linePos ?? [];
    const place = start === undefined ? '' : `line ${start.line}, column ${start.col}: `;
    const [message = 'cannot be read'] = first.message.split(/ at line \d+|\n/);
    return `is not valid YAML: ${place}${message}`;
  } catch {
    // The parser is recursive: deep nesting exhausts the stack.
    return 'is not valid YAML: it cannot be read';
  }
}

const wreck = (message: string): RawDeclaration => ({
  at: servicesField,
  fields: new Map(),
  tags: [],
  mistakes: [error(servicesField, `${servicesField} ${message}`)],
});

function readEntry(item: unknown, index: number): RawDeclaration {
  const at = `${servicesField}[${index}]`;
  const entry = { at, fields: new Map<string, string>(), tags: [] as string[], mistakes: [] as Mistake[] };
  if (!isMap(item)) {
    entry.mistakes.push(error(at, `${at} must be a map of fields, such as "service: web"`));
    return entry;
  }
  for (const [name, value] of pairs(item, at, entry.mistakes)) {
    const field = `${at}.${name}`;
    if (name === 'tags') readTags(value, field, entry);
    else if (name === 'meta') readMeta(value, field, entry);
    else if (!isField(name)) entry.mistakes.push(warning(field, unknownField(name, 'field')));
    else put(entry, name, field, value);
  }
  return entry;
}

interface Entry {
  readonly fields: Map<string, string>;
  readonly tags: string[];
  readonly mistakes: Mistake[];
}

function put(entry: Entry, name: string, field: string, value: Node | null): void {
  const text = scalarText(value);
  if (text === undefined) entry.mistakes.push(error(field, `${name} must be a single value`));
  else if (entry.fields.has(name)) entry.mistakes.push(error(field, `${name} is given twice`));
  else entry.fields.set(name, text);
}

function readTags(value: Node | null, field: string, entry: Entry): void {
  const text = scalarText(value);
  if (text !== undefined) entry.tags.push(...splitTags(text));
  else if (!isSeq(value)) entry.mistakes.push(error(field, 'tags must be a list, or one text with commas'));
  else {
    for (const [index, item] of value.items.entries()) {
      const tag = scalarText(item);
      if (tag === undefined) entry.mistakes.push(error(`${field}[${index}]`, 'a tag must be a single value'));
      else entry.tags.push(tag);
    }
  }
}

function readMeta(value: Node | null, field: string, entry: Entry): void {
  if (!isMap(value)) {
    entry.mistakes.push(error(field, 'meta must be a map of keys and values'));
    return;
  }
  for (const [key, item] of pairs(value, field, entry.mistakes)) {
    put(entry, `${metaPrefix}${key}`, `${field}.${key}`, item);
  }
}

/** The pairs of a map; keys that are no text or come twice are mistakes. */
function* pairs(map: YAMLMap, field: string, mistakes: Mistake[]): Generator<[string, Node | null]> {
  const seen = new Set<string>();
  for (const { key, value } of map.items) {
    const name = scalarText(key);
    if (name === undefined) mistakes.push(error(field, `${field} has a key that is not plain text`));
    else if (seen.has(name)) mistakes.push(error(`${field}.${name}`, `${quote(name)} is given twice`));
    else {
      seen.add(name);
      yield [name, value as Node | null];
    }
  }
}

function scalarText(node: unknown): string | undefined {
  if (node === null) return '';
  return isScalar(node) && typeof node.value === 'string' ? node.value : undefined;
}
