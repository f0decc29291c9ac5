/** The files that a page of docs/ shows, so that tests run what a reader copies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(import.meta.dirname, '../../docs');

export interface GuideFile {
  readonly name: string;
  readonly text: string;
}

/** Every code fence that `<!-- file: NAME -->` stands above. */
export function guideFiles(page: string): GuideFile[] {
  const text = readFileSync(join(docs, page), 'utf8');
  const fences = text.matchAll(/<!-- file: (\S+) -->\n```\w*\n(.*?)^```$/gms);
  return [...fences].map(([, name = '', file = '']) => ({ name, text: file }));
}

/**
 * A file of a page with other values where a test must differ from the page, as ports. Throws when one of them is
 * not in the file: then it is not the file that is tested.
 */
export function guideFile(
  page: string,
  name: string,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const found = guideFiles(page).find((file) => file.name === name);
  if (found === undefined) throw new Error(`docs/${page} shows no file ${name}`);
  let { text } = found;
  for (const [shown, value] of Object.entries(values)) {
    if (!text.includes(shown)) throw new Error(`${name} in docs/${page} has no ${shown}`);
    text = text.replaceAll(shown, String(value));
  }
  return text;
}
