/** Links in the documents lead somewhere: files exist, and so do the sections they name. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(path.join(root, file)));

/** The text without code, in which brackets are no links. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, 'code');

/** The anchors that GitHub gives to a document's headings. */
function anchors(text: string): ReadonlySet<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

describe('links in the documents', () => {
  for (const file of documents) {
    test(`of ${file} lead somewhere`, () => {
      const text = readFileSync(path.join(root, file), 'utf8');
      for (const [, link] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [target = '', anchor] = link!.split('#');
        const to = target === '' ? path.join(root, file) : path.resolve(root, path.dirname(file), target);
        assert.ok(existsSync(to), `${file}: ${link} leads nowhere`);
        if (anchor === undefined || !to.endsWith('.md')) continue;
        assert.ok(anchors(readFileSync(to, 'utf8')).has(anchor), `${file}: ${link} names no section`);
      }
    });
  }

  test('of the index lead to every document', () => {
    const index = readFileSync(path.join(root, 'docs/README.md'), 'utf8');
    const linked = new Set([...index.matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => path.join('docs', link!)));
    const all = documents.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md');
    assert.deepEqual(
      all.filter((file) => !linked.has(file)),
      [],
      'add them to docs/README.md',
    );
    for (const file of ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']) assert.ok(linked.has(file), file);
  });
});
