/** What people read is in plain, idiomatic English: no phrase below, and short sentences where it matters most. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');

/** What once stood there and read as translated, and what is meant. */
const phrases: readonly (readonly [found: RegExp, meant: string])[] = [
  [/\b(Consul|catalog) true to\b|\bkept true\b/i, 'in sync with'],
  [/\ba mass of (it|them)\b/i, 'mass disappearances'],
  [/\b(is|are|was|were|be|been|being) told\b/i, 'is reported, is notified'],
  [/^#+ (see it|look|look at it)$/i, 'Demo, Verify, Observability'],
  [/\blet(s|ting)? (go )?(\w+ )*(of )?(what is held|held \w+ go)\b/i, 'approves what is held'],
  [/\b(is|are) no objects?\b/i, 'is not an object, cannot explain'],
  [/" is not possible/i, 'is not valid'],
  [/cluster and Consul are read/i, 'initial sync complete'],
  [/registered as asked/i, 'registration refused'],
  [/\bsomebody else\b/i, 'another program, another owner, externally'],
  [/\bof ours\b/i, 'of this cluster, of kube-registrar'],
  [/\bproblem is gone\b/i, 'problem resolved'],
  [/\bdoubtful\b/i, 'warning, suspicious'],
  [/\b(is|are) not there\b/i, 'not found, does not exist'],
  [/\bby whom(so)?ever\b/i, 'whoever'],
  [/\bmend(s|ed|ing)?\b/i, 'repair'],
  [/\bas \w+ as can be\b/i, 'the strictest, the most'],
  [/\bof which (nothing|anything) is\b/i, 'whose objects are not, irrelevant'],
  [/\bhands? again and again\b/i, 'repeatedly'],
  [/\bwhat is beyond\b/i, 'further, the others'],
];

const tracked = (...patterns: readonly string[]): readonly string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: root,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .filter((file) => existsSync(path.join(root, file)));

const documents = tracked('*.md', 'helm/kube-registrar', 'helm/admission', 'manifests', '.github', 'package.json');
const sources = tracked('src/**/*.ts', 'packages/**/*.ts', 'helm/*.ts', 'docs/*.ts').filter(
  (file) => !file.endsWith('.test.ts'),
);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** Lines of a source that are no comment. */
const withoutComments = (text: string): string =>
  text
    .split('\n')
    .map((line) => (/^\s*(\*|\/\/|\/\*)/.test(line) ? '' : line))
    .join('\n');

function mistakes(file: string, text: string): readonly string[] {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, ' ').trim());
  return paragraphs.flatMap((paragraph) =>
    phrases.flatMap(([found, meant]) =>
      [...paragraph.matchAll(new RegExp(found, 'gi'))].map(
        ({ 0: match, index }) =>
          `${file}: "${match}" in "…${paragraph.slice(Math.max(0, index - 40), index + 60)}…": write ${meant}`,
      ),
    ),
  );
}

/** Sentences of a document: of paragraphs, list items and cells of tables, without code and the targets of links. */
function sentences(text: string): readonly string[] {
  const blocks = text
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^ {4}.*$/gm, '')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/\n(?=\s*([-*|#]|\d+\.) )/g, '\n\n')
    .split(/\n\n+|\|/);
  return blocks.flatMap((block) => block.replace(/\s+/g, ' ').trim().split(/(?<=[.!?][*)]*) /)).filter(Boolean);
}

const words = (sentence: string): number => sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

describe('what people read', () => {
  test('is in idiomatic English in documents, chart and manifests', () => {
    assert.ok(documents.length > 80, `only ${documents.length} files`);
    assert.deepEqual(
      documents.flatMap((file) => mistakes(file, read(file))),
      [],
    );
  });

  test('is in idiomatic English in messages and help', () => {
    assert.ok(sources.length > 300, `only ${sources.length} files`);
    assert.deepEqual(
      sources.flatMap((file) => mistakes(file, withoutComments(read(file)))),
      [],
    );
  });

  test('explains what is removed and held in sentences of at most 30 words', () => {
    const all = sentences(read('docs/safety.md'));
    assert.ok(all.length > 60, `only ${all.length} sentences`);
    assert.deepEqual(
      all.filter((sentence) => words(sentence) > 30),
      [],
    );
  });

  test('a phrase is found across lines, and not in a comment', () => {
    assert.equal(mistakes('a.md', 'it is held, since somebody\n  else wrote it').length, 1);
    assert.equal(mistakes('a.md', 'an entry of\n\nours').length, 0);
    assert.equal(withoutComments(' // somebody else\n/** of ours\n * mended */\nx').trim(), 'x');
  });

  test('sentences end at full stops, cells and items', () => {
    assert.deepEqual(sentences('One. Two\nthree (v1.2)!\n- four; five\n\n| a | b |\n'), [
      'One.',
      'Two three (v1.2)!',
      '- four; five',
      'a',
      'b',
    ]);
    assert.equal(words('- a [link] of `code`'), 4);
  });
});
