import { longestText } from './annotations.ts';
import { type NotFollowed, notFollowedText, type Translated } from './dialects/dialect.ts';
import { isField, metaPrefix, servicesField } from './fields.ts';
import { mostUserKeys } from './meta.ts';

/** Unknown names that are kept, and those that are not followed: as many as `toProblems()` reports, and one more. */
const mostUnknown = 21;
/** Kubernetes allows no longer names (IsQualifiedName). */
const longestName = 63;
/** A whole key, with its prefix. */
const longestKey = 317;

/**
 * The annotations that a record keeps: those whose key starts with `prefix` (`kube-registrar.io/`), by the rest of
 * the key. They win over what other programs' annotations on the object ask for (`translated`, see dialects/). An
 * object may have 256 KiB of annotations, so invalid ones are kept only as far as needed to report what
 * is wrong: a value that is too long is cut to be just too long, one `meta.` key too many is kept, and 21 unknown
 * names without their values.
 */
export function keptAnnotations(
  prefix: string,
  annotations: Readonly<Record<string, string>> = {},
  translated: Translated = {},
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  let [metaKeys, unknown] = [0, 0];
  const keep = (name: string, value: string): void => {
    if (name === servicesField || (isField(name) && !name.startsWith(metaPrefix))) {
      kept[name] = justTooLong(value, longestText(name));
    } else if (name.startsWith(metaPrefix) && name.length <= longestName) {
      metaKeys += 1;
      if (metaKeys <= mostUserKeys + 1) kept[name] = justTooLong(value, longestText(name));
    } else {
      unknown += 1;
      if (unknown > mostUnknown) return;
      kept[name.length <= longestName ? name : `${copied(name, longestName)}…`] = '';
    }
  };
  const notFollowed: [name: string, what: NotFollowed][] = [];
  for (const name in translated) {
    const value = translated[name]!;
    if (typeof value === 'string') keep(name, value);
    else if (value.counterpart === undefined || annotations[`${prefix}${value.counterpart}`] === undefined) {
      notFollowed.push([name, value]);
    }
  }
  // What refuses the object comes first.
  notFollowed.sort(
    ([, one], [, other]) => Number(one.severity !== 'error') - Number(other.severity !== 'error'),
  );
  for (const [name, value] of notFollowed.slice(0, mostUnknown)) {
    kept[name.length <= longestKey ? name : `${copied(name, longestKey)}…`] = notFollowedText(value);
  }
  for (const key in annotations) {
    if (key.startsWith(prefix)) keep(key.slice(prefix.length), annotations[key] ?? '');
  }
  return kept;
}

/** The text, or a start of it that is still longer than `bytes`. */
const justTooLong = (text: string, bytes: number): string =>
  Buffer.byteLength(text) <= bytes ? text : copied(text, bytes + 1);

/** A copy of the start of a text. A slice would keep the whole text in memory. */
const copied = (text: string, length: number): string =>
  Buffer.from(text.slice(0, length), 'utf16le').toString('utf16le');
