/** What the documents show as YAML can be read as YAML: a slip of indentation is not seen when reading. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const fences = globSync(['*.md', 'docs/**/*.md', 'helm/**/*.md', 'packages/*/*.md'], { cwd: root }).flatMap(
  (page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^( *)```ya?ml\n(.*?)^ *```$/gms)].map(
      ([, indent = '', text = '']) => ({ page, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }),
    ),
);

test('every YAML that a document shows can be read', () => {
  assert.ok(fences.length > 20, `${fences.length} found`);
  for (const { page, text } of fences) {
    const mistakes = [parseAllDocuments(text)].flat().flatMap((document) => document.errors.map(String));
    assert.deepEqual(mistakes, [], `${page}:\n${text}`);
  }
});
