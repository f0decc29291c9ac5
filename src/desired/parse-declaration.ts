import { type AnnotationValues, longestText, metaSetters, plainAnnotations } from './annotations.ts';
import type { BrokenDeclaration, WrittenDeclaration } from './declaration.ts';
import { fieldOf, metaPrefix, type RawDeclaration, tooLong } from './fields.ts';
import { mostUserKeys, readMetaValue, refuseMetaKey } from './meta.ts';
import { error, hasError, type Mistake } from './mistake.ts';
import { expand, type Placeholders } from './placeholders.ts';
import { cleanTags } from './tags.ts';
import type { Carrier } from './values.ts';

export interface Parsed {
  readonly outcome: WrittenDeclaration | BrokenDeclaration;
  readonly mistakes: readonly Mistake[];
}

/** Reads a text with its placeholders filled in; undefined when that alone is a mistake. */
type Expand = (name: string, text: string, strict?: boolean) => string | undefined;

/** Reads one declaration in full, so that all its mistakes are reported at once. */
export function parseDeclaration(raw: RawDeclaration, carrier: Carrier, places: Placeholders): Parsed {
  const mistakes: Mistake[] = [...raw.mistakes];
  const expanded: Expand = (name, text, strict = false) => {
    const field = fieldOf(raw, name);
    const refused = refuseText(text, name);
    if (refused !== undefined) {
      mistakes.push(error(field, refused));
      return undefined;
    }
    const result = expand(text, places, { field, strict });
    mistakes.push(...result.mistakes);
    return hasError(result.mistakes) ? undefined : result.text;
  };

  const values = Object.fromEntries(
    plainAnnotations.map(({ name, form, initial, lenient }) => {
      const text = raw.fields.get(name);
      const value = text === undefined ? undefined : expanded(name, text, lenient !== true)?.trim();
      if (value === undefined) return [name, initial];
      const read = form.read(value, carrier);
      if ('refused' in read) mistakes.push(error(fieldOf(raw, name), `${name} ${read.refused}`));
      return [name, 'value' in read ? read.value : initial];
    }),
  ) as unknown as AnnotationValues;
  const { service, check, drain } = values;
  const isAddressed =
    !hasError(raw.mistakes) &&
    !mistakes.some(({ field, severity }) => severity === 'error' && field === fieldOf(raw, 'address'));
  if (!raw.fields.has('service') && !hasError(raw.mistakes)) {
    mistakes.push(error(fieldOf(raw, 'service'), 'service is missing; write the name of the Consul service'));
  }
  const tags = readTags(raw, expanded, mistakes);
  const meta = readMeta(raw, expanded, mistakes);
  for (const { name, metaKey } of metaSetters) {
    // `health_url` is written once its address is known.
    if (typeof values[name] === 'string') meta.set(metaKey, values[name]);
  }
  if (service === undefined || hasError(mistakes)) {
    const address = isAddressed ? values.address : undefined;
    return { outcome: { kind: 'broken', service: service ?? '', check, drain, address }, mistakes };
  }
  return { outcome: { ...values, kind: 'declared', at: raw.at, service, tags, meta }, mistakes };
}

/** Why a text is refused before it is parsed at all. */
function refuseText(text: string, name: string): string | undefined {
  if (Buffer.byteLength(text) > longestText(name)) return tooLong(name);
  // JSON carries it, UTF-8 does not: Consul would keep another text than we wrote.
  if (!text.isWellFormed()) return `${name} has half a character (an unpaired surrogate such as \\ud800)`;
  return undefined;
}

/** How many tags are read, as written. */
const mostTexts = 256;

function readTags(raw: RawDeclaration, expanded: Expand, mistakes: Mistake[]): readonly string[] {
  const field = fieldOf(raw, 'tags');
  if (raw.tags.length > mostTexts) {
    mistakes.push(error(field, `has more than ${mostTexts} tags, empty and repeated ones included`));
    return [];
  }
  const texts = raw.tags.map((tag) => expanded('tags', tag));
  if (!texts.every((text) => text !== undefined)) return [];
  const { tags, mistakes: more } = cleanTags(texts, field);
  mistakes.push(...more);
  return tags;
}

function readMeta(raw: RawDeclaration, expanded: Expand, mistakes: Mistake[]): Map<string, string> {
  const meta = new Map<string, string>();
  const setters = metaSetters.filter(({ name }) => raw.fields.has(name));
  for (const [name, text] of raw.fields) {
    if (!name.startsWith(metaPrefix)) continue;
    const key = name.slice(metaPrefix.length);
    const field = fieldOf(raw, name);
    const twin = setters.find(({ metaKey }) => metaKey === key);
    const refused = twin ? `meta key "${key}" is already set by "${twin.name}"` : refuseMetaKey(key);
    if (refused !== undefined) {
      mistakes.push(error(field, refused));
      continue;
    }
    const filled = expanded(name, text);
    if (filled === undefined) continue;
    const value = readMetaValue(filled);
    if ('value' in value) meta.set(key, value.value);
    else mistakes.push(error(field, `meta value ${value.refused}`));
  }
  if (meta.size + setters.length > mostUserKeys) {
    const message = `more than ${mostUserKeys} meta keys; Consul allows 64, and ${64 - mostUserKeys} are kube-registrar's own`;
    mistakes.push(error(fieldOf(raw, 'meta'), message));
  }
  return meta;
}
