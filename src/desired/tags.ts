import { Buffer } from 'node:buffer';
import { error, type Mistake, quote, warning } from './mistake.ts';
import { isDnsLabel } from './values.ts';

const mostTags = 64;
const longestTag = 512;

/** The tags of a comma-separated text; `\,` is a comma within a tag. */
export function splitTags(text: string): string[] {
  return text.split(/(?<!\\),/).map((tag) => tag.replaceAll('\\,', ','));
}

/**
 * Tags in canonical form: trimmed, without empty tags and duplicates, sorted. Tags that DNS cannot carry are kept,
 * because HTTP queries and other tools (`traefik.enable=true`) use them; one warning names them all. A tag with a colon
 * (`app:web`) is never meant for DNS.
 */
export function cleanTags(
  list: readonly string[],
  field: string,
): { readonly tags: readonly string[]; readonly mistakes: readonly Mistake[] } {
  const different = new Set(list.map((tag) => tag.trim()).filter((tag) => tag !== ''));
  // The limit is checked before any tag is processed.
  if (different.size > mostTags)
    return { tags: [], mistakes: [error(field, `has more than ${mostTags} tags`)] };
  const tags = [...different].sort();
  const mistakes: Mistake[] = [];
  for (const tag of tags) {
    if (Buffer.byteLength(tag) > longestTag) {
      mistakes.push(error(field, `tag ${quote(tag)} is longer than ${longestTag} bytes`));
    } else if (hasControl(tag)) mistakes.push(error(field, `tag ${quote(tag)} has a control character`));
  }
  if (mistakes.length > 0) return { tags: [], mistakes };
  const unusable = tags.filter((tag) => !isDnsLabel(tag) && !tag.includes(':'));
  if (unusable.length > 0) {
    const some = unusable.slice(0, 3).map(quote).join(', ');
    const rest = unusable.length > 3 ? ` and ${unusable.length - 3} more` : '';
    const message = `kept, but not usable in DNS (letters, digits and hyphens, at most 63): ${some}${rest}`;
    mistakes.push(warning(field, message));
  }
  return { tags, mistakes };
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
