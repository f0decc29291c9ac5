import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { readmeFile, referenceFiles, withGeneratedParts } from '../../docs/generate.ts';

const directory = path.resolve(import.meta.dirname, '../../docs/reference');

describe('docs/reference', () => {
  for (const [name, text] of Object.entries(referenceFiles())) {
    test(`${name} is what the code makes`, () => {
      const file = path.join(directory, name);
      const stored = existsSync(file) ? readFileSync(file, 'utf8') : '';
      assert.equal(stored, text, `${name} is out of date; run: npm run docs`);
    });
  }

  test('holds nothing else', () => {
    assert.deepEqual(readdirSync(directory).sort(), Object.keys(referenceFiles()).sort());
  });
});

describe('README.md', () => {
  test('has the tables that the code makes', () => {
    const readme = readFileSync(readmeFile, 'utf8');
    assert.equal(readme, withGeneratedParts(readme), 'README.md is out of date; run: npm run docs');
  });
});
